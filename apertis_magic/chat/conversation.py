"""A conversation asks one question at a time, and its transcript has the turns."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from apertis_magic.api import defaults, loop
from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.environment import model_from_environment
from apertis_magic.chat import holding
from apertis_magic.chat.answering import Answered, answer, turn_of
from apertis_magic.chat.ask import Ask, Limits, PreparedAsk, detached
from apertis_magic.chat.attachment import Attachment, checked
from apertis_magic.chat.draft import Draft
from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.reply import Ending, Reply
from apertis_magic.chat.state import State
from apertis_magic.chat.transcript import Transcript, lock
from apertis_magic.chat.turn import Turn

_OF_QUESTION = {each.name for each in dataclass_fields(Question)} - {
    "typed",
    "filled",
    "fields",
}
"""What a question keeps beside its message and the request's fields."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A question whose answer has not ended, and perhaps not begun.

    Attributes:
        reply: its answer; the turn will have the same id.
        ask: what is asked, and where the turn will stand, by what lasts while it waits.
    """

    reply: Reply
    ask: Ask


class Conversation:
    """Turns in order and a system prompt; it answers one question at a time.

    A question that is asked while an answer comes waits for that answer's end.

    Args:
        model: the id of the model to ask, unless a question names another; None for
            the environment's ``APERTIS_MODEL``, or ``gpt-4.1-mini``.
        system: the system prompt, None for none.
        client: who sends the requests. Without one each question goes where a
            notebook's cells ask at that moment, to the model that is set there: to the
            local model after ``%chat local``, to the API after ``%chat local stop``.
        name: what it is called.
        journal: what keeps its turns as they happen, None for nothing.

    Attributes:
        transcript: the turns, and all that places them and takes them out.

    Example:
        >>> from apertis_magic import Conversation
        >>> chat = Conversation(system="Be brief.")
        >>> turn = chat.ask("What is the capital of Japan?", temperature=0).result()
        >>> print(turn.text)
        The capital of Japan is ...
        >>> turn = chat.ask("How many people live there?").result()
        >>> chat  # the second question was sent with the first turn before it
        <Conversation 'main': 2 turns>
        >>> [taken.prompt for taken in chat.undo()]
        ['How many people live there?']
    """

    def __init__(
        self,
        model: str | None = None,
        system: str | None = None,
        *,
        client: AsyncApertis | None = None,
        name: str = "main",
        journal: Journal | None = None,
    ) -> None:
        state = State(name=name, model=model, system=system)
        self.transcript = Transcript(state, journal)
        self._client = client
        self._default: AsyncApertis | None = None  # who asked last, without a client
        self._under_way: tuple[UnderWay, ...] = ()
        self._turnstile: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def __repr__(self) -> str:
        return f"<Conversation {self.name!r}: {self.state.count} turns>"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.transcript.name

    @property
    def model(self) -> str | None:
        """The model of its own, None for none."""
        return self.transcript.model

    @model.setter
    def model(self, model: str | None) -> None:
        self.transcript.model = model

    @property
    def system(self) -> str | None:
        """The system prompt of its own, "" for none at all, None for the default."""
        return self.transcript.system

    @system.setter
    def system(self, system: str | None) -> None:
        self.transcript.system = system

    @property
    def journal(self) -> Journal | None:
        """What keeps its turns as they happen, None for nothing."""
        return self.transcript.journal

    @property
    def state(self) -> State:
        """The conversation as it is now."""
        return self.transcript.state

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in their order."""
        return self.transcript.state.turns

    @property
    def under_way(self) -> tuple[UnderWay, ...]:
        """The questions that have no turn yet, in the order in which they were asked.

        Those that wait for the answer before them are there, those asked ``once`` not.
        """
        with lock:  # who is told that one begins finds it there
            return tuple(e for e in self._under_way if e.reply.is_of_this_process)

    @property
    def view(self) -> tuple[State, tuple[UnderWay, ...]]:
        """The conversation and what is under way, at one and the same moment."""
        with lock:
            return self.state, self.under_way

    def ask(  # noqa: PLR0913  the public face of an Ask
        self,
        prompt: str,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        system: str | None = None,
        attachments: Sequence[Attachment] = (),
        placement: Placement | None = None,
        last_turns: int | None = None,
        max_context: int | None = None,
        cached_since: float | None = None,
        once: bool = False,
        stream: bool = True,
        **options: Any,
    ) -> Reply:
        """Ask, and return at once with the answer in flight.

        Args:
            prompt: the user's message.
            model: the id of the model for this question alone.
            client: who sends this request.
            system: the conversation's system prompt from now on, "" for none; None
                leaves it.
            attachments: the files that go with it, each as
                ``Attachment.of(name, its bytes)``.
            placement: where the turn stands: which notebook cell asks, whose earlier
                turn is replaced, or whether to start over; None adds it at the end.
            last_turns: how many of the turns before it are sent at the most; None for
                all.
            max_context: tokens that question and answer may take; the oldest turns are
                left out until they fit. None for no limit.
            cached_since: where the very same was asked after that moment (seconds since
                1970), answer from the journal; None asks the server.
            once: neither send the turns so far nor keep this one; it waits for no
                answer before it, and a system prompt is for this question alone.
            stream: let the answer come in pieces.
            **options: the request's other fields, such as ``temperature``, what else
                ``client.chat.completions.create`` takes (``extra_body``,
                ``extra_headers``, ``extra_query``, ``timeout``, ``max_retries``), and
                any other option that a question keeps, such as ``anyway``, which sends
                also what is held back otherwise: what holds a key, and a question
                larger than 200 KB or than the model's context.

        Raises:
            HeldBack: it is not to be sent without a word; ``anyway`` sends it.
            ConfigurationError: something is missing or out of range; nothing was sent.
                What goes wrong later is raised by ``Reply.result``.
        """
        fields, kept, limits = _split(options)
        question = Question(
            prompt, checked(attachments), fields=fields, last_turns=last_turns, **kept
        )
        ask = Ask(
            question=question,
            model=model,
            system=system,
            placement=placement or Placement(),
            once=once,
            stream=stream,
            limits=limits,
        )
        return self.start(self._prepared(ask, client, max_context, cached_since))

    def resume(
        self,
        turn: str | None = None,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        max_context: int | None = None,
        stream: bool = True,
        timeout: Any = None,
        max_retries: int | None = None,
    ) -> Reply:
        """Have an answer that was cut off or stopped completed, and return the rest.

        The model is sent its own partial answer and asked for the rest, which is joined
        to the same turn.

        Args:
            turn: the id of its turn; None for the last that was shown.
            model: the model that completes it; None for the one that began.
            client: who sends this request.
            max_context: as for ``ask``.
            stream: let the rest come in pieces.
            timeout: as ``create`` takes it.
            max_retries: as ``create`` takes it.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        partial = self.transcript.find_partial(turn)
        ask = replace(
            Ask.rest_of(partial),
            model=model,
            stream=stream,
            limits=Limits(timeout=timeout, max_retries=max_retries),
        )
        return self.start(self._prepared(ask, client, max_context))

    def retry(
        self,
        turn: str | None = None,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        max_context: int | None = None,
        stream: bool = True,
        **options: Any,
    ) -> Reply:
        """Ask a question again, in its place, and return the answer in flight.

        The former answer is a version then.

        Args:
            turn: the id of its turn; None for the last that was asked.
            model: the model to ask; None for the same as before.
            client: who sends this request.
            max_context: as for ``ask``.
            stream: let the answer come in pieces.
            **options: what is to be other than it was, as for ``ask``.

        Raises:
            ConfigurationError: nothing was asked yet, there is no such turn, or a value
                is out of range; nothing was sent.
        """
        last = self.transcript.find_turn(turn)
        fields, kept, limits = _split(options)
        ask = Ask.again(last, fields)
        ask = replace(
            ask,
            question=replace(ask.question, **kept),
            model=model,
            stream=stream,
            limits=limits,
        )
        return self.start(self._prepared(ask, client, max_context))

    def start(self, prepared: PreparedAsk) -> Reply:
        """Start the answer of a prepared Ask, and return at once with it in flight.

        Args:
            prepared: what is asked, of whom; its system prompt is the conversation's
                from now on, unless it is asked ``once``.

        Raises:
            HeldBack: it is not to be sent without a word; nothing was sent.
        """
        held = holding.held_back(prepared)
        if held is not None:
            raise held
        ask = detached(prepared.ask)
        if ask.system is not None and not ask.once:
            self.transcript.system = ask.system
        with lock:  # it cannot end before it is known to be under way
            others = [each.ask.placement for each in self._under_way]
            ask = replace(ask, placement=self.transcript.lasting(ask, others))
            prepared = replace(prepared, ask=ask)
            reply = Reply(
                lambda draft: self._answer(draft, prepared),
                asked_model=prepared.model,
                partial=ask.partial,
                watchers=None if ask.once else self.transcript.watchers,
                echo=prepared.echo,
            )
            if not ask.once:
                self._under_way = (*self._under_way, UnderWay(reply, ask))
        return reply

    def undo(self, number: int = 1) -> tuple[Turn, ...]:
        """Take the last turns back, at most *number*, and return them in their order.

        What failed since comes with them. A journal keeps them as versions.
        """
        return self.transcript.undo(number)

    def reset(self) -> int:
        """Drop all turns and return how many there were; the rest stays."""
        return self.transcript.reset()

    def fork(self, name: str, *, through: str | None = None) -> "Conversation":
        """Return a conversation that shares the turns so far and goes its own way.

        Args:
            name: what it is called.
            through: the id of the last turn that is shared; None for all.

        Raises:
            ConfigurationError: there is no such turn.
        """
        forked = Conversation(client=self._client)
        forked.transcript = self.transcript.fork(name, through=through)
        return forked

    def _prepared(
        self,
        ask: Ask,
        client: AsyncApertis | None,
        max_context: int | None,
        cached_since: float | None = None,
    ) -> PreparedAsk:
        ask.check()
        client = client or self._client
        if client is None:
            default = defaults.current()
            client = self._default = _asking(default, self._default)
            model, local_model = default.model, default.local_model
        else:
            model, local_model = model_from_environment(), ""
        return PreparedAsk(
            ask=ask,
            client=client,
            model=ask.model_at(client.base_url, own=self.model, default=model),
            local_model=local_model,
            system=self.transcript.system_for(ask),
            max_context=max_context,
            cached_since=cached_since,
        )

    def _one_at_a_time(self) -> asyncio.Lock:
        # A lock belongs to one event loop, and a forked child has another.
        background = loop.background()
        if self._turnstile is None or self._turnstile[0] is not background:
            self._turnstile = background, asyncio.Lock()
        return self._turnstile[1]

    async def _answer(self, draft: Draft, prepared: PreparedAsk) -> Ending:
        if prepared.ask.once:
            return await self._answer_now(draft, prepared)
        try:
            async with self._one_at_a_time():
                return await self._answer_now(draft, prepared)
        except asyncio.CancelledError:
            # Stopped while it waited for the answer before it.
            stopped = Answered(turn_of(draft, prepared, "interrupted"))
            return self._record(stopped, prepared.ask)
        finally:
            self._end(prepared.ask)  # where it was not recorded, for a mistake of ours

    async def _answer_now(self, draft: Draft, prepared: PreparedAsk) -> Ending:
        transcript, ask = self.transcript, prepared.ask
        answered = await answer(
            draft,
            prepared,
            lambda: transcript.before(ask),
            transcript.journal,
            None if ask.once else transcript.state,
        )
        return self._record(answered, ask)

    def _record(self, answered: Answered, ask: Ask) -> Ending:
        with lock:
            turn = self.transcript.add(answered.turn, ask, answered.fingerprint)
            self._end(ask)
        return turn, answered.error

    def _end(self, ask: Ask) -> None:
        """Have a question be under way no more."""
        with lock:
            self._under_way = tuple(e for e in self._under_way if e.ask is not ask)


def _asking(default: defaults.Default, last: AsyncApertis | None) -> AsyncApertis:
    """Return who asks there: the *last* one while it does, so that connections last."""
    made = AsyncApertis(default.api_key, default.base_url)
    if last is None or last.base_url != made.base_url:
        return made
    return last if last.secrets == made.secrets else made


def _split(
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any], Limits]:
    """Return the request's fields that are set, what a question keeps, the limits."""
    kept = {name: options[name] for name in _OF_QUESTION if name in options}
    if "attachments" in kept:
        kept["attachments"] = checked(kept["attachments"])
    limits = {name: options[name] for name in Limits.__slots__ if name in options}
    fields = {
        name: value
        for name, value in options.items()
        if name not in {*kept, *limits} and value is not None
    }
    return fields, kept, Limits(**limits)
