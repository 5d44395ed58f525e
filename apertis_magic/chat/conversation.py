"""A conversation: its ordered turns, its system prompt, and how it asks."""

import asyncio
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from apertis_magic.api import loop, params
from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.environment import model_from_environment
from apertis_magic.chat import history
from apertis_magic.chat.answering import answer
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.history import Entry, History, Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question, changed, copied, varied
from apertis_magic.chat.reply import Ending, Reply
from apertis_magic.chat.state import State, merged
from apertis_magic.chat.turn import Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.clean import mend
from apertis_magic.errors import ApertisError, ConfigurationError

_OF_THE_CLIENT = ("extra_body", "extra_headers", "timeout", "max_retries")

_lock = threading.RLock()
"""Held while turns change, which is short, so that one is enough for all."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A question whose answer has not ended, and perhaps not begun.

    Attributes:
        reply: its answer; the turn will have the same id.
        prompt: the user's message.
        placement: where the turn will stand, by what lasts while it waits.
        attachments: the files that go with it.
    """

    reply: Reply
    prompt: str
    placement: Placement
    attachments: tuple[Attachment, ...] = ()


class Conversation:
    """Turns in order and a system prompt; it answers one question at a time.

    A question that is asked while an answer comes waits for that answer's end.

    Args:
        model: the id of the model to ask, unless a question names another; None for
            the environment's ``APERTIS_MODEL``, or ``gpt-4.1-mini``.
        system: the system prompt, None for none.
        client: who sends the requests; without one, the environment's key and address.
        name: what it is called.
        journal: what keeps its turns as they happen, None for nothing.

    Attributes:
        name: what it is called.
        journal: what keeps its turns as they happen, None for nothing.
        watchers: are told whenever turns, name, model or system prompt are others.
        default_system: the system prompt while the conversation has none of its own.
        abandoned: ids of what it has left behind in the journal, the latest last.

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
        self.name = name
        self.journal = journal
        self.watchers = Watchers()
        self.default_system: str | None = None
        self.abandoned: list[str] = []
        self._id = uuid4().hex
        self._model, self._system = model, system
        self._client = client
        self._history: History = ()
        self._dropped = 0  # the highest number of a turn that may be put back
        self._under_way: tuple[UnderWay, ...] = ()
        self._asked: Entry | None = None  # what was asked last
        self._turnstile: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @classmethod
    def of(cls, state: State, *, journal: Journal | None = None) -> "Conversation":
        """Return the conversation that *state* is a picture of.

        Args:
            state: its id is in use by no other.
            journal: what keeps it, None for nothing.
        """
        made = cls(state.model, state.system, name=state.name, journal=journal)
        made._id, made._history = state.id, state.history
        made.keep()
        return made

    def __repr__(self) -> str:
        return f"<Conversation {self.name!r}: {len(self._history)} turns>"

    @property
    def model(self) -> str | None:
        """The model of its own, None for none."""
        return self._model

    @model.setter
    def model(self, model: str | None) -> None:
        self._model = model
        self.watchers.tell()

    @property
    def system(self) -> str | None:
        """The system prompt of its own, "" for none at all, None for the default."""
        return self._system

    @system.setter
    def system(self, system: str | None) -> None:
        self._system = system
        self.watchers.tell()

    @property
    def state(self) -> State:
        """The conversation as it is now."""
        with _lock:
            return State(
                id=self._id,
                name=self.name,
                model=self.model,
                system=self.system,
                history=self._history,
            )

    @property
    def under_way(self) -> tuple[UnderWay, ...]:
        """The questions that have no turn yet, in the order in which they were asked.

        Those that wait for the answer before them are there, those asked ``once`` not.
        """
        with _lock:  # who is told that one begins finds it there
            return tuple(each for each in self._under_way if each.reply.is_here)

    @property
    def view(self) -> tuple[State, tuple[UnderWay, ...]]:
        """The conversation and what is under way, at one and the same moment."""
        with _lock:
            return self.state, self.under_way

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in their order."""
        return self.state.turns

    @property
    def newest(self) -> Turn | None:
        """The turn with text that was made last, wherever it stands."""
        return history.newest(self._history)

    @property
    def stale(self) -> frozenset[str]:
        """Ids of the turns that were asked before a turn above them was asked again."""
        entries = self._history
        marks = zip(entries, history.stale(entries), strict=True)
        return frozenset(entry.turn.id for entry, old in marks if old)

    def ask(  # noqa: PLR0913  the one place where all about a question comes together
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
            attachments: the files that go with it.
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
            **options: the request's other fields, such as ``temperature``, and what
                else ``client.chat.completions.create`` takes: ``extra_body``,
                ``extra_headers``, ``timeout``, ``max_retries``.

        Raises:
            ConfigurationError: something is missing or out of range; nothing was sent.
                What goes wrong later is raised by ``Reply.result``.
        """
        if not prompt.strip():
            raise ConfigurationError("The message is empty.")
        given = {name: value for name, value in options.items() if value is not None}
        fields = {k: v for k, v in given.items() if k not in _OF_THE_CLIENT}
        params.check({**fields, "stream": stream})
        if last_turns is not None and last_turns < 0:
            raise ConfigurationError(f"last_turns must be 0 or more, not {last_turns}.")
        client = client or self._own_client()
        if system is not None and not once:
            self.system = system
        question = Question(
            prompt=mend(prompt),
            attachments=tuple(attachments),
            model=model or self.model or model_from_environment(),
            client=client,
            system=self.system_of(system),
            options=given,
            placement=placement or Placement(),
            last_turns=last_turns,
            max_context=max_context,
            cached_since=cached_since,
            once=once,
            stream=stream,
        )
        return self._start(question)

    def system_of(self, given: str | None = None) -> str | None:
        """Return the system prompt of a question that gives one itself, or none.

        Args:
            given: the question's own, "" for none at all, None where it gives none.
        """
        used = (given, self.system, self.default_system)
        return next((each for each in used if each is not None), None)

    def resume(
        self,
        turn: str | None = None,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        max_context: int | None = None,
        stream: bool = True,
        **limits: Any,
    ) -> Reply:
        """Go on with an answer that was cut off or stopped, and return what comes.

        The model is sent its own half answer and asked for the rest, which is joined to
        the same turn.

        Args:
            turn: the id of its turn; None for the newest with text.
            model: the model that goes on; None for the one that began.
            client: who sends this request.
            max_context: as for ``ask``.
            stream: let the rest come in pieces.
            **limits: ``timeout`` and ``max_retries``, as ``create`` takes them.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        partial = self.partial(turn)
        # One answer goes on, not as many as were asked for.
        options = {k: v for k, v in partial.options.items() if k != "n"}
        question = Question(
            prompt=partial.prompt,
            attachments=partial.attachments,
            model=model or partial.asked_model,
            client=client or self._own_client(),
            system=partial.system,
            options={**options, **limits},
            placement=Placement(replaces=partial.id),
            last_turns=partial.last_turns,
            max_context=max_context,
            stream=stream,
            partial=partial,
        )
        return self._start(question)

    def partial(self, turn: str | None = None) -> Turn:
        """Return the turn that ``resume`` goes on with.

        Args:
            turn: its id; None for the newest with text.

        Raises:
            ConfigurationError: there is none, or it is complete.
        """
        partial = self.newest if turn is None else self.find_turn(turn)
        if partial is not None and partial.text and partial.finish != "stop":
            return partial
        what = "The last answer" if turn is None else "That answer"
        nothing = "There is no answer yet." if turn is None else "Nothing of it came."
        raise ConfigurationError(
            f"{what} is complete." if partial and partial.finish == "stop" else nothing,
            hint="Only an answer that was cut off or stopped can go on.",
        )

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
        last = self.find_turn(turn)
        client = client or self._own_client()
        fields = changed(last.options, options)
        params.check({k: v for k, v in fields.items() if k not in _OF_THE_CLIENT})
        question = Question(
            prompt=last.prompt,
            attachments=last.attachments,
            model=model or last.asked_model,
            client=client,
            system=self.system_of(),
            options=fields,
            vary=varied(client.base_url, fields),
            placement=Placement(replaces=self._standing(last)),
            last_turns=last.last_turns,
            max_context=max_context,
            stream=stream,
        )
        return self._start(question)

    def find_turn(self, turn: str | None = None) -> Turn:
        """Return the turn of that id, or of the last question.

        Args:
            turn: the id; None for the last question's.

        Raises:
            ConfigurationError: there is none.
        """
        if turn is None:
            if (last := self.last_asked) is None:
                raise ConfigurationError("Nothing was asked yet.")
            return last
        with _lock:
            # A try that failed stands beside the answer that it did not replace.
            tried: History = (self._asked,) if self._asked else ()
            for entry in (*self._history, *tried):
                if entry.turn.id == turn:
                    return entry.turn
        raise self._no_such_turn()

    @property
    def last_asked(self) -> Turn | None:
        """The turn of the last question, whatever became of it."""
        with _lock:
            if self._asked is not None:
                return self._asked.turn
            last = max(self._history, key=lambda entry: entry.order, default=None)
            return last.turn if last else None

    def undo(self, number: int = 1) -> tuple[Turn, ...]:
        """Take the last turns back, at most *number*, and return them in their order.

        A journal keeps them as versions.
        """
        with _lock:
            kept = max(len(self._history) - max(number, 0), 0)
            taken = self._history[kept:]
            self._change(self._history[:kept])
        self.watchers.tell()
        return tuple(entry.turn for entry in taken)

    def drop(self, turn: str) -> tuple[Entry, int]:
        """Take one turn out, which stays in the journal as a version.

        Args:
            turn: its id.

        Returns:
            What ``put_back`` takes: its entry, and where it stood.

        Raises:
            ConfigurationError: there is none.
        """
        with _lock:
            try:
                kept, entry, at = history.without(self._history, turn)
            except KeyError:
                raise self._no_such_turn() from None
            last = self._asked
            self._dropped = max(self._dropped, entry.order)
            self._change(kept, None if last and last.slot == entry.slot else last)
        self.watchers.tell()
        return entry, at

    def put_back(self, entry: Entry, at: int) -> None:
        """Undo ``drop``; where the turn, or a version of it, is back nothing happens.

        Args:
            entry: what was taken out.
            at: where it stood; at most the end.
        """
        with _lock:
            whole = history.put_back(self._history, entry, at)
            if whole is self._history:
                return
            self._change(whole, self._asked)
        self.watchers.tell()

    def reset(self) -> int:
        """Drop all turns and return how many there were; the rest stays."""
        with _lock:
            dropped = len(self._history)
            self._leave()
            self._history, self._asked = (), None
        self.watchers.tell()
        return dropped

    def rename(self, name: str) -> None:
        """Call it *name* from now on."""
        with _lock:
            self.name = name
            self.keep()
        self.watchers.tell()

    def fork(self, name: str, *, through: str | None = None) -> "Conversation":
        """Return a conversation that shares the turns so far and goes its own way.

        Args:
            name: what it is called.
            through: the id of the last turn that is shared; None for all.

        Raises:
            ConfigurationError: there is no such turn.
        """
        now = self.state
        ids = [turn.id for turn in now.turns]
        if through is not None and through not in ids:
            raise self._no_such_turn()
        end = len(ids) if through is None else ids.index(through) + 1
        forked = replace(now, id=uuid4().hex, name=name, history=now.history[:end])
        made = Conversation.of(forked, journal=self.journal)
        made._inherit(self._id)  # noqa: SLF001  its own kind
        made._client = self._client  # noqa: SLF001  as above
        made.default_system = self.default_system
        return made

    def take_up(self, state: State) -> str | None:
        """Go on with *state*, whose turns come before those that are here.

        An answer under way comes after them. In the journal it has another id from now
        on, so that what either was stays as it is.

        Args:
            state: as ``Conversation.state`` of a conversation gave it.

        Returns:
            The id that it had until now, None where it held nothing.
        """
        with _lock:
            former, whole = self.state, state
            if former.history:
                self.keep()
                whole = merged(state, former)
            self._id, self._model, self._system = uuid4().hex, whole.model, whole.system
            self._history, self._asked = whole.history, None
            self.keep()
            self._inherit(state.id)
            if former.history:
                self._inherit(former.id)
        self.watchers.tell()
        return former.id if former.history else None

    def _inherit(self, origin: str) -> None:
        """Have the versions of what stands in another conversation be its own too."""
        if self.journal is not None:
            self.journal.inherit(self._id, origin)

    def keep(self) -> None:
        """Have the journal hold the turns, which was perhaps cleared or off before."""
        with _lock:
            if self.journal is not None and self._history:
                self.journal.keep(self.state)

    def end_execution(self, execution: str) -> None:
        """Drop the turns that a cell made when it last ran and did not make now.

        Args:
            execution: the id of this run of the cell.
        """
        with _lock:
            ended = history.end_execution(self._history, execution)
            if len(ended) == len(self._history):
                return
            self._change(ended)
        self.watchers.tell()

    def _change(self, entries: History, asked: Entry | None = None) -> None:
        """Have other turns from now on, without a new one; the lock is held."""
        is_new = not entries and not self._history  # nothing to be known of it yet
        self.keep()
        self._history, self._asked = entries, asked
        if self.journal is not None and not is_new:
            self.journal.keep(self.state)

    def _leave(self) -> None:
        """Leave what the journal has as it is, and begin another conversation there."""
        if self.journal is not None and self._history:
            self.keep()
            self.journal.drop(self._id)
            self.abandoned.append(self._id)
        self._id = uuid4().hex

    def _standing(self, last: Turn) -> str:
        """Return the id of the turn that stands where *last* was asked."""
        with _lock:
            asked = self._asked
            slot = asked.slot if asked and asked.turn.id == last.id else None
            here = [e for e in self._history if e.slot == slot]
            return here[0].turn.id if here else last.id

    def _no_such_turn(self) -> ConfigurationError:
        return ConfigurationError(
            f"There is no such turn in {self.name}.",
            hint="It was taken out, or asked again, meanwhile.",
        )

    def _own_client(self) -> AsyncApertis:
        if self._client is None:
            self._client = AsyncApertis()
        return self._client

    def _start(self, question: Question) -> Reply:
        asked = question.placement
        question = replace(
            question, options=copied(question.options), placement=self._lasting(asked)
        )
        with _lock:  # it cannot end before it is known to be under way
            reply = Reply(
                lambda reply: self._answer(reply, question),
                asked_model=question.model,
                partial=question.partial,
                watchers=None if question.once else self.watchers,
            )
            if not question.once:
                entry = UnderWay(
                    reply, question.prompt, question.placement, question.attachments
                )
                self._under_way = (*self._under_way, entry)
        return reply

    def _lasting(self, placement: Placement) -> Placement:
        """Return a placement by a name that lasts if the turn is asked again."""
        name = placement.replaces
        slots = {entry.turn.id: entry.slot for entry in self._history}
        return (
            replace(placement, replaces=slots.get(name) or name) if name else placement
        )

    def _one_at_a_time(self) -> asyncio.Lock:
        # A lock belongs to one event loop, and a forked child has another.
        here = loop.background()
        if self._turnstile is None or self._turnstile[0] is not here:
            self._turnstile = here, asyncio.Lock()
        return self._turnstile[1]

    async def _answer(self, reply: Reply, question: Question) -> Ending:
        if question.once:
            return await self._ask_now(reply, question)
        try:
            async with self._one_at_a_time():
                return await self._ask_now(reply, question)
        except asyncio.CancelledError:
            # Stopped while it waited for the answer before it.
            return self._record(reply, question, "interrupted"), None
        finally:
            self._end(reply)  # where it could not be recorded, for a mistake of ours

    async def _ask_now(self, reply: Reply, question: Question) -> Ending:
        reply.begin()
        state = None if question.once else self.state
        try:
            before = self._before(question)
            fingerprint = await answer(reply, question, before, self.journal, state)
        except asyncio.CancelledError:
            # It may have been complete, with its connection still closing.
            return self._record(reply, question, reply.finish or "interrupted"), None
        except ApertisError as error:
            return self._record(reply, question, "error", error), error
        except Exception as error:  # noqa: BLE001  what had come must not be lost
            failure = ApertisError(f"Something unforeseen happened: {error!r}")
            failure.__cause__ = error
            return self._record(reply, question, "error", failure), failure
        return self._record(
            reply, question, reply.finish, fingerprint=fingerprint
        ), None

    def _before(self, question: Question) -> Sequence[Turn]:
        """Return the turns before a question."""
        now = () if question.once else self._history
        partial = question.partial
        if partial and partial not in [entry.turn for entry in now]:
            raise ConfigurationError(
                "The answer that was to go on is gone, or went on meanwhile."
            )
        return [e.turn for e in now[: history.place(now, question.placement).start]]

    def _record(
        self,
        reply: Reply,
        question: Question,
        finish: str | None,
        error: ApertisError | None = None,
        *,
        fingerprint: str | None = None,
    ) -> Turn:
        turn = question.turn(reply, finish, error)
        if question.once:
            entry = Entry(turn, 0, None, turn.id)
            if self.journal is not None:
                self.journal.keep(None, entry, fingerprint=fingerprint)
            return turn
        with _lock:
            entry = self._placed(turn, question)
            self._asked = entry
            self._end(reply)
            if self.journal is not None:
                self.journal.keep(self.state, entry, fingerprint=fingerprint)
        return entry.turn

    def _end(self, reply: Reply) -> None:
        """Have an answer be under way no more."""
        with _lock:
            others = (each for each in self._under_way if each.reply is not reply)
            self._under_way = tuple(others)

    def _placed(self, turn: Turn, question: Question) -> Entry:
        """Put *turn* where it belongs and return its entry; the lock is held."""
        partial = question.partial
        if partial is None:
            if question.placement.start_over and not turn.nothing_came:
                self._start_over(question.placement)
            self._history, entry = history.put(
                self._history, turn, question.placement, after=self._dropped
            )
            return entry
        if turn.text != partial.text or turn.finish == "stop":
            self._history = history.swap(self._history, turn)
        same = [entry for entry in self._history if entry.turn.id == turn.id]
        return replace(same[0], turn=turn) if same else Entry(turn, 0, None, turn.id)

    def _start_over(self, placement: Placement) -> None:
        """Leave the conversation behind if it holds more than what is replaced."""
        cell = placement.cell.id if placement.cell else None
        if any(cell is None or entry.turn.cell != cell for entry in self._history):
            self._leave()


if hasattr(os, "register_at_fork"):
    # A child has none of the threads that could give the lock back.
    os.register_at_fork(
        before=_lock.acquire,
        after_in_parent=_lock.release,
        after_in_child=_lock.release,
    )
