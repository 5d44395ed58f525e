"""A conversation: its ordered turns, its system prompt, and how it asks."""

import asyncio
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apertis_magic.api import loop, params
from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.stream import AsyncStream
from apertis_magic.api.types import Message
from apertis_magic.chat import history
from apertis_magic.chat.history import Where
from apertis_magic.chat.reply import Outcome, Reply
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.clean import mend
from apertis_magic.errors import (
    ApertisError,
    BadRequest,
    ConfigurationError,
)

# What a server says that knows no stream_options, by that name or by none.
_UNKNOWN_FIELD = re.compile(
    r"stream_options|include_usage|unknown|unrecogni[sz]ed|unexpected|unsupported|"
    r"not (?:supported|permitted|allowed)|extra|no reason given",
    re.IGNORECASE,
)

_OF_THE_CLIENT = ("extra_body", "extra_headers", "timeout", "max_retries")
_NOT_KEPT = ("extra_headers", "timeout", "max_retries")  # the first may hold a key

_GO_ON = (
    "Go on exactly where your last message broke off. Repeat nothing of it, and say "
    "nothing about this request."
)

DEFAULT_MODEL = "gpt-4.1-mini"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that one question to a model is made of, but for the history."""

    prompt: str
    model: str
    client: AsyncApertis
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cell: Cell | None = None
    fresh: bool = False
    once: bool = False
    stream: bool = True
    resumes: Turn | None = None


class Conversation:
    """Turns in order and a system prompt; it answers one question at a time.

    Args:
        model: the model to ask, unless a question names another.
        system: the system prompt, None for none.
        client: who sends the requests; without one, the environment's key and address.
        name: what it is called.
    """

    def __init__(
        self,
        model: str | None = None,
        system: str | None = None,
        *,
        client: AsyncApertis | None = None,
        name: str = "main",
    ) -> None:
        self.name = name
        self.model = model
        self.system = system
        self.default_system: str | None = None
        """The system prompt while the conversation has none of its own."""
        self._client = client
        self._history: history.History = ()
        self._lock = threading.Lock()
        self._turnstile: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def __repr__(self) -> str:
        return f"<Conversation {self.name!r}: {len(self._history)} turns>"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in their order."""
        return tuple(entry.turn for entry in self._history)

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

    def ask(
        self,
        prompt: str,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        system: str | None = None,
        cell: Cell | None = None,
        fresh: bool = False,
        once: bool = False,
        stream: bool = True,
        **options: Any,
    ) -> Reply:
        """Ask, and return at once with the answer in flight.

        Args:
            prompt: the user's message.
            model: the model for this question alone.
            client: who sends this request.
            system: the conversation's system prompt from now on, "" for none; None
                leaves it.
            cell: the notebook cell that asks; its earlier turn is replaced.
            fresh: start over; the turns before go, the system prompt stays.
            once: neither send the turns so far nor keep this one; it waits for no
                answer before it, and a system prompt is for this question alone.
            stream: let the answer come in pieces.
            **options: the request's other fields, such as ``temperature``, and what
                else ``client.chat.completions.create`` takes: ``extra_body``,
                ``timeout``, ``max_retries``.

        Raises:
            ConfigurationError: something is missing or out of range; nothing was sent.
        """
        if not prompt.strip():
            raise ConfigurationError("The message is empty.")
        given = {name: value for name, value in options.items() if value is not None}
        fields = {k: v for k, v in given.items() if k not in _OF_THE_CLIENT}
        params.check({**fields, "stream": stream})
        client = client or self._own_client()
        if system is not None and not once:
            self.system = system
        used = (system, self.system, self.default_system)
        system = next((each for each in used if each is not None), None)
        question = Question(
            prompt=mend(prompt),
            model=model or self.model or DEFAULT_MODEL,
            client=client,
            system=system,
            options=given,
            cell=cell,
            fresh=fresh,
            once=once,
            stream=stream,
        )
        return Reply(
            lambda reply: self._answer(reply, question), asked_model=question.model
        )

    def go_on(
        self,
        *,
        model: str | None = None,
        client: AsyncApertis | None = None,
        stream: bool = True,
        **limits: Any,
    ) -> Reply:
        """Go on with the newest answer, which was cut off or stopped.

        The model is sent its own half answer and asked for the rest, which is joined to
        the same turn.

        Args:
            model: the model that goes on; None for the one that began.
            client: who sends this request.
            stream: let the rest come in pieces.
            **limits: ``timeout`` and ``max_retries``, as ``create`` takes them.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        turn = self.newest
        if turn is None or turn.finish == "stop":
            raise ConfigurationError(
                "The last answer is complete." if turn else "There is no answer yet.",
                hint="Only an answer that was cut off or stopped can go on.",
            )
        # One answer goes on, not as many as were asked for.
        options = {k: v for k, v in turn.options.items() if k != "n"}
        question = Question(
            prompt=turn.prompt,
            model=model or turn.asked_model,
            client=client or self._own_client(),
            system=turn.system,
            options={**options, **limits},
            stream=stream,
            resumes=turn,
        )
        return Reply(
            lambda reply: self._answer(reply, question),
            asked_model=question.model,
            resumes=turn,
        )

    def reset(self) -> int:
        """Drop all turns and return how many there were; the rest stays."""
        with self._lock:
            dropped, self._history = len(self._history), ()
        return dropped

    def end_execution(self, execution: str) -> None:
        """Drop the turns that a cell made when it last ran and did not make now."""
        with self._lock:
            self._history = history.end_execution(self._history, execution)

    def _own_client(self) -> AsyncApertis:
        if self._client is None:
            self._client = AsyncApertis()
        return self._client

    def _one_at_a_time(self) -> asyncio.Lock:
        # A lock belongs to one event loop, and a forked child has another.
        here = loop.background()
        if self._turnstile is None or self._turnstile[0] is not here:
            self._turnstile = here, asyncio.Lock()
        return self._turnstile[1]

    async def _answer(self, reply: Reply, question: Question) -> Outcome:
        if question.once:
            return await self._ask_now(reply, question)
        try:
            async with self._one_at_a_time():
                return await self._ask_now(reply, question)
        except asyncio.CancelledError:
            # Stopped while it waited for the answer before it.
            return self._record(reply, question, "interrupted"), None

    async def _ask_now(self, reply: Reply, question: Question) -> Outcome:
        reply.begin()
        try:
            await _send(reply, question, self._messages(question))
        except asyncio.CancelledError:
            # It may have been complete, with its connection still closing.
            return self._record(reply, question, reply.finish or "interrupted"), None
        except ApertisError as error:
            return self._record(reply, question, "error", str(error)), error
        except Exception as error:  # noqa: BLE001  what had come must not be lost
            failure = ApertisError(f"Something unforeseen happened: {error!r}")
            failure.__cause__ = error
            return self._record(reply, question, "error", str(failure)), failure
        return self._record(reply, question, reply.finish), None

    def _messages(self, question: Question) -> list[Message]:
        """Return what is sent: the system prompt, the turns before, the question."""
        now = () if question.fresh or question.once else self._history
        if question.resumes:
            if question.resumes.id not in [entry.turn.id for entry in now]:
                raise ConfigurationError("The answer that was to go on is gone.")
            before = history.before(now, question.resumes)
            asked = [*question.resumes.messages, Message("user", _GO_ON)]
        else:
            before = now[: history.place(now, Where(cell=question.cell)).start]
            asked = [Message("user", question.prompt)]
        system = [Message("system", question.system)] if question.system else []
        return [*system, *(m for e in before for m in e.turn.messages), *asked]

    def _record(
        self, reply: Reply, question: Question, finish: str | None, error: str = ""
    ) -> Turn:
        fields = question.options
        turn = Turn(
            id=reply.id,
            prompt=question.prompt,
            text=reply.text,
            reasoning=reply.reasoning,
            refusal=reply.refusal,
            alternatives=reply.alternatives,
            sources=reply.sources,
            finish=finish,
            error=error,
            model=reply.model,
            asked_model=question.model,
            fallback=reply.fallback,
            base_url=question.client.base_url,
            usage=reply.usage,
            system=question.system,
            options={k: v for k, v in fields.items() if k not in _NOT_KEPT},
            cell=question.cell.id if question.cell else None,
            started=reply.started,
            first_text=reply.first_text,
            elapsed=reply.elapsed,
            malformed=reply.malformed,
        )
        if question.once:
            return turn
        if question.resumes:
            return self._join(turn, question.resumes)
        where = Where(cell=question.cell, fresh=question.fresh)
        with self._lock:
            self._history, _ = history.put(self._history, turn, where)
        return turn

    def _join(self, turn: Turn, half: Turn) -> Turn:
        """Put *turn*, which holds the text of both, in the place of *half*."""
        both = replace(
            turn,
            cell=half.cell,
            started=half.started,
            first_text=half.first_text,
            alternatives=half.alternatives,
            malformed=half.malformed + turn.malformed,
            elapsed=half.elapsed + turn.elapsed,
            usage=turn.usage + half.usage if turn.usage and half.usage else None,
        )
        with self._lock:
            if turn.text != half.text or turn.finish == "stop":
                self._history = history.swap(self._history, both)
        return both


async def _send(reply: Reply, question: Question, messages: list[Message]) -> None:
    create, model = question.client.chat.completions.create, question.model
    if not question.stream:
        whole = await create(
            model=model, messages=messages, on_retry=reply.again, **question.options
        )
        reply.opened(whole.response)
        reply.add(whole.as_chunk())
        return
    async with await _open(reply, question, messages) as stream:
        reply.opened(stream.response)
        try:
            async for chunk in stream:
                reply.add(chunk)
        finally:
            reply.malformed = stream.malformed


async def _open(
    reply: Reply, question: Question, messages: list[Message]
) -> AsyncStream:
    """Open the stream with its usage asked for, or without where that is refused."""
    client = question.client

    async def stream(**options: Any) -> AsyncStream:
        opened: AsyncStream = await client.chat.completions.create(
            model=question.model,
            messages=messages,
            stream=True,
            on_retry=reply.again,
            **options,
        )
        return opened

    if not client.usage_in_streams:
        return await stream(**question.options)
    usage = {"stream_options": {"include_usage": True}}
    try:
        return await stream(**{**usage, **question.options})
    except BadRequest as error:
        if not _UNKNOWN_FIELD.search(f"{error.param} {error}"):
            raise
    opened = await stream(**question.options)
    client.usage_in_streams = False
    return opened
