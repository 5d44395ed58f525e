"""A prepared Ask gets its answer, from the server or the journal, and becomes a turn.

The transcript knows what stands before it, and what becomes of the turn.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from apertis_magic.api import conflicts, params
from apertis_magic.api.assemble import Assembly
from apertis_magic.api.stream import AsyncStream
from apertis_magic.api.types import ChatCompletion, Message, Usage
from apertis_magic.chat import fitting, request
from apertis_magic.chat.ask import Ask, PreparedAsk
from apertis_magic.chat.continuation import Continuation
from apertis_magic.chat.draft import Draft
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError, StatusError, StreamError

_OF_STREAMS = "stream_options"
_USAGE = {_OF_STREAMS: {"include_usage": True}}
"""What a stream is asked for beside its answer."""

_CONTINUE = (
    "Go on exactly where your last message broke off. Repeat nothing of it, and say "
    "nothing about this request."
)
_JOURNAL_PATIENCE = 0.05
"""Seconds that a request waits until the journal has its question."""

_GROWTH_EVERY = 0.5
"""Seconds between two entries of a growing answer in the journal."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How an answer ended.

    Attributes:
        turn: what has become of the question.
        error: what went wrong, None for nothing.
        fingerprint: what is the same for the same request, None where the journal may
            not answer that by this.
    """

    turn: Turn
    error: ApertisError | None = None
    fingerprint: str | None = None


async def answer(
    draft: Draft,
    prepared: PreparedAsk,
    before: Callable[[], Sequence[Turn]],
    journal: Journal | None,
    state: State | None,
) -> Answered:
    """Have *draft* take the answer, and return the turn, whatever happens.

    Args:
        draft: has what came, however this ends.
        prepared: what is asked.
        before: gives the turns that stand before it, or raises an ``ApertisError``.
        journal: notes the question and the answer as it grows; None for nothing.
        state: the conversation as the journal is to know it, None for none.
    """
    draft.begin()
    error: ApertisError | None = None
    fingerprint = None
    try:
        messages = _messages(draft, prepared, before())
        fingerprint = prepared.fingerprint(messages)
        kept = await _cached(prepared, fingerprint, journal)
        if kept is not None:
            return Answered(_given_again(kept, draft, prepared.ask))
        async with _noted(draft, prepared, journal, state):
            await _send(draft, prepared, messages)
        finish = draft.finish
    except asyncio.CancelledError:
        # It may have been complete, with its connection still closing.
        finish = draft.finish or "interrupted"
    except ApertisError as failure:
        failure.partial = prepared.echo.removed(failure.partial)
        # Without the traceback, which holds on to all that had come.
        finish, error = "error", failure.with_traceback(None)
    except Exception as cause:  # noqa: BLE001  what had come must not be lost
        finish, error = (
            "error",
            ApertisError(f"Something unforeseen happened: {cause!r}"),
        )
        error.__cause__ = cause
    turn = turn_of(draft, prepared, finish, error)
    # What completes an answer is no answer to that request alone.
    return Answered(turn, error, None if prepared.ask.partial else fingerprint)


def turn_of(
    draft: Draft,
    prepared: PreparedAsk,
    finish: str | None,
    error: ApertisError | None = None,
) -> Turn:
    """Return what has become of a question so far as a turn."""
    ask, cell = prepared.ask, prepared.ask.placement.cell
    turn = Turn(
        id=draft.id,
        question=ask.question,
        answers=draft.answers,
        finish=finish,
        error=str(error or ""),
        hint=error.hint if error else "",
        model=draft.model,
        asked_model=prepared.model,
        fallback=draft.fallback,
        base_url=prepared.client.base_url,
        local=bool(prepared.local_model),
        usage=draft.usage,
        system=prepared.system,
        left_out=draft.left_out,
        cell=cell.id if cell else None,
        started=draft.started,
        first_text=draft.first_text,
        elapsed=draft.elapsed,
        malformed=draft.malformed,
        not_streamed=draft.not_streamed,
    )
    return _joined(ask.partial, turn) if ask.partial else turn


def _joined(partial: Turn, rest: Turn) -> Turn:
    """Return *rest*, which holds the text of both, as the turn that *partial* was."""
    return replace(
        rest,
        cell=partial.cell,
        started=partial.started,
        first_text=partial.first_text,
        answers=(*rest.answers[:1], *partial.answers[1:]),
        malformed=partial.malformed + rest.malformed,
        elapsed=partial.elapsed + rest.elapsed,
        usage=_both(partial, rest),
    )


def _both(partial: Turn, rest: Turn) -> Usage | None:
    """Return what both took; what the journal answered took nothing now."""
    if partial.cached:
        return rest.usage
    return rest.usage + partial.usage if rest.usage and partial.usage else None


def _given_again(kept: Turn, draft: Draft, ask: Ask) -> Turn:
    """Return what the journal kept as the answer to the very same request now."""
    cell = ask.placement.cell
    return replace(
        kept,
        question=ask.question,
        cell=cell.id if cell else None,
        left_out=draft.left_out,
        cached=True,
    )


def _messages(
    draft: Draft, prepared: PreparedAsk, before: Sequence[Turn]
) -> Sequence[Message]:
    """Return what is sent: the system prompt, the turns before, the question."""
    question, partial = prepared.ask.question, prepared.ask.partial
    fit = fitting.fit(
        before,
        question.sent + (partial.text if partial else ""),
        attached=question.attachments,
        system=prepared.system,
        last_turns=question.last_turns,
        max_context=prepared.max_context,
        max_tokens=_longest(question.fields),
    )
    draft.left_out = fit.left_out
    last = [question.message]
    if partial:
        last = [*partial.messages]
        if not prepared.completes:
            last.append(Message("user", _CONTINUE))
    return request.messages(
        fit.turns, last, system=prepared.system, model=prepared.model
    )


def _longest(fields: Mapping[str, Any]) -> int | None:
    """Return the tokens of the longest answer, by the older name or the newer."""
    fields = {**fields, **(fields.get("extra_body") or {})}
    found = fields.get("max_tokens", fields.get("max_completion_tokens"))
    return found if type(found) is int else None


@asynccontextmanager
async def _noted(
    draft: Draft, prepared: PreparedAsk, journal: Journal | None, state: State | None
) -> AsyncIterator[None]:
    """Have the journal know the question, and the answer as it grows."""
    if journal is None:
        yield
        return
    begun = turn_of(draft, prepared, "interrupted")
    known = journal.begin(state, begun, prepared.ask.placement)
    await asyncio.wait([asyncio.wrap_future(known)], timeout=_JOURNAL_PATIENCE)
    growing = asyncio.ensure_future(_grow(draft, journal))
    try:
        yield
    finally:
        growing.cancel()


async def _grow(draft: Draft, journal: Journal) -> None:
    for pieces in draft.growth():
        if pieces:
            journal.grow(draft.id, pieces)
        await asyncio.sleep(_GROWTH_EVERY)


async def _cached(
    prepared: PreparedAsk, fingerprint: str | None, journal: Journal | None
) -> Turn | None:
    since = prepared.cached_since
    if since is None or fingerprint is None or journal is None or prepared.ask.partial:
        return None
    try:
        return await asyncio.to_thread(journal.answer, fingerprint, since=since)
    except ApertisError:
        return None  # what cannot be read is asked for


async def _send(
    draft: Draft, prepared: PreparedAsk, messages: Sequence[Message]
) -> None:
    """Send a question, and have *draft* take what comes.

    Raises:
        ApertisError: it failed; the draft has what came before.
    """
    arguments = {
        "model": prepared.model,
        "messages": messages,
        "on_retry": draft.note_retry,
        **prepared.arguments(),
    }
    opened = await _open(draft, prepared, arguments)
    if isinstance(opened, AsyncStream):
        try:
            await _take_stream(draft, prepared, opened, arguments)
        except StreamError as error:  # some servers refuse behind a status of success
            if draft.steps or not conflicts.refuses_streaming(error, arguments):
                raise
            opened = await _not_streamed(draft, prepared, arguments)
    if isinstance(opened, ChatCompletion):
        draft.note_response(opened.response)
        with _followed(draft, prepared, Assembly(params.choices(arguments))):
            draft.add(opened.as_chunk())


async def _take_stream(
    draft: Draft,
    prepared: PreparedAsk,
    opened: AsyncStream,
    arguments: Mapping[str, Any],
) -> None:
    """Have *draft* take the chunks of a stream.

    Raises:
        StreamError: the server says that something went wrong.
    """
    async with opened as stream:
        draft.note_response(stream.response)
        stream.assembly.most = params.choices(arguments)
        try:
            with _followed(draft, prepared, stream.assembly):
                async for chunk in stream:
                    draft.note(chunk)
        finally:
            draft.malformed = stream.malformed


@contextmanager
def _followed(
    draft: Draft, prepared: PreparedAsk, assembly: Assembly
) -> Iterator[None]:
    """Have the answer be what *assembly* takes in, joined to what it completes."""
    draft.echo = prepared.echo  # the key may have been asked for just now
    partial, rest = prepared.ask.partial, None
    if partial and not prepared.completes:
        may_part = not draft.echo.held_back(partial.text)
        rest = Continuation(partial.text, parted=may_part)
        assembly.choices[0] = rest
    draft.follow(assembly)
    try:
        yield
    finally:
        if rest is not None:
            rest.end()


async def _open(
    draft: Draft, prepared: PreparedAsk, arguments: Mapping[str, Any]
) -> AsyncStream | ChatCompletion:
    """Ask for a stream with its usage, or without what the server refuses of that.

    What it refuses is remembered once it has taken the request without.
    """
    if not prepared.ask.stream and not prepared.completes:
        return await _whole(prepared, arguments)
    known, with_usage = prepared.client.capabilities, True
    opened: AsyncStream | ChatCompletion | None = None
    if prepared.model not in known.whole_only:
        opened, with_usage = await _streamed(prepared, arguments)
    if opened is None:
        opened = await _not_streamed(draft, prepared, arguments)
    if not with_usage:
        known.usage_in_streams = False
    return opened


async def _streamed(
    prepared: PreparedAsk, arguments: Mapping[str, Any]
) -> tuple[AsyncStream | None, bool]:
    """Return the stream, None where it is refused, and whether it tells its usage.

    A refusal cost nothing, so that the same question may be sent again without what was
    refused, which happens once at the most.
    """
    with_usage = prepared.client.capabilities.usage_in_streams
    while True:
        asked = {**(_USAGE if with_usage else {}), **arguments, "stream": True}
        try:
            return await prepared.client.chat.completions.create(**asked), with_usage
        except StatusError as error:
            if conflicts.refuses_streaming(error, arguments):
                return None, with_usage
            if not with_usage or not conflicts.refuses_usage(error, arguments):
                raise
            with_usage = False


async def _not_streamed(
    draft: Draft, prepared: PreparedAsk, arguments: Mapping[str, Any]
) -> ChatCompletion:
    """Return the answer of a model that may not be streamed, which is remembered."""
    draft.note_whole()
    found = await _whole(prepared, _without_stream_options(arguments))
    prepared.client.capabilities.whole_only.add(prepared.model)
    return found


async def _whole(prepared: PreparedAsk, arguments: Mapping[str, Any]) -> ChatCompletion:
    """Return an answer that is asked for in one piece."""
    answer: ChatCompletion = await prepared.client.chat.completions.create(**arguments)
    return answer


def _without_stream_options(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request without what only a stream can have."""
    rest = {k: v for k, v in arguments.items() if k != _OF_STREAMS}
    extra = rest.get("extra_body")
    if extra:
        rest["extra_body"] = {k: v for k, v in extra.items() if k != _OF_STREAMS}
    return rest
