"""One question gets its answer, from the server or the journal, and is noted meanwhile.

What stands in the conversation before it, and what becomes of it there, is not known
here.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from apertis_magic.api.stream import AsyncStream
from apertis_magic.api.types import Message
from apertis_magic.chat import fitting
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError, BadRequest

# What a server says that knows no stream_options, by that name or by none.
_UNKNOWN_FIELD = re.compile(
    r"stream_options|include_usage|unknown|unrecogni[sz]ed|unexpected|unsupported|"
    r"not (?:supported|permitted|allowed)|extra|no reason given",
    re.IGNORECASE,
)
_GO_ON = (
    "Go on exactly where your last message broke off. Repeat nothing of it, and say "
    "nothing about this request."
)
_JOURNAL_PATIENCE = 0.05
"""Seconds that a request waits until the journal has its question."""

_GROWTH_EVERY = 0.5
"""Seconds between two entries of a growing answer in the journal."""


async def answer(
    reply: Reply,
    question: Question,
    before: Sequence[Turn],
    journal: Journal | None,
    state: State | None,
) -> str | None:
    """Have *reply* take in the answer to a question.

    Args:
        reply: has what came, however this ends.
        question: what is asked.
        before: the turns that stand before it.
        journal: notes the question and the answer as it grows; None for nothing.
        state: the conversation as the journal is to know it, None for none.

    Returns:
        What is the same for the same request, None where the journal may not answer
        that by this.

    Raises:
        ApertisError: it failed.
    """
    messages = _messages(reply, question, before)
    fingerprint = question.fingerprint(messages)
    async with _noted(reply, question, journal, state):
        cached = await _cached(question, fingerprint, journal)
        if cached is None:
            await _send(reply, question, messages)
        else:
            reply.take_cached(cached)
    # What goes on, or was given again, is no answer to that request alone.
    return None if cached or question.partial else fingerprint


def _messages(
    reply: Reply, question: Question, before: Sequence[Turn]
) -> Sequence[Message]:
    """Return what is sent: the system prompt, the turns before, the question."""
    partial = question.partial
    fit = fitting.fit(
        before,
        question.prompt + (partial.text if partial else ""),
        attached=question.attachments,
        system=question.system,
        last_turns=question.last_turns,
        max_context=question.max_context,
        max_tokens=_longest(question.options),
    )
    reply.left_out = fit.left_out
    system = [Message("system", question.system)] if question.system else []
    asked = (
        [*partial.messages, Message("user", _GO_ON)] if partial else [question.message]
    )
    return [*system, *(m for turn in fit.turns for m in turn.messages), *asked]


def _longest(options: Mapping[str, Any]) -> int | None:
    """Return the tokens of the longest answer, by the older name or the newer."""
    fields = {**options, **(options.get("extra_body") or {})}
    found = fields.get("max_tokens", fields.get("max_completion_tokens"))
    return found if type(found) is int else None


@asynccontextmanager
async def _noted(
    reply: Reply, question: Question, journal: Journal | None, state: State | None
) -> AsyncIterator[None]:
    """Have the journal know the question, and the answer as it grows."""
    if journal is None:
        yield
        return
    begun = question.turn(reply, "interrupted")
    known = journal.begin(state, begun, question.placement)
    await asyncio.wait([asyncio.wrap_future(known)], timeout=_JOURNAL_PATIENCE)
    growing = asyncio.ensure_future(_grow(reply, journal))
    try:
        yield
    finally:
        growing.cancel()


async def _grow(reply: Reply, journal: Journal) -> None:
    for pieces in reply.growth():
        if pieces:
            journal.grow(reply.id, pieces)
        await asyncio.sleep(_GROWTH_EVERY)


async def _cached(
    question: Question, fingerprint: str | None, journal: Journal | None
) -> Turn | None:
    since = question.cached_since
    if since is None or fingerprint is None or journal is None or question.partial:
        return None
    try:
        return await asyncio.to_thread(journal.answer, fingerprint, since=since)
    except ApertisError:
        return None  # what cannot be read is asked for


async def _send(reply: Reply, question: Question, messages: Sequence[Message]) -> None:
    """Send a question, and have *reply* take in what comes.

    Raises:
        ApertisError: it failed; the reply has what came before.
    """
    create, model = question.client.chat.completions.create, question.model
    options = {**question.vary, **question.options}
    if not question.stream:
        whole = await create(
            model=model, messages=messages, on_retry=reply.note_retry, **options
        )
        reply.note_response(whole.response)
        reply.add(whole.as_chunk())
        return
    async with await _open(reply, question, messages, options) as stream:
        reply.note_response(stream.response)
        try:
            async for chunk in stream:
                reply.add(chunk)
        finally:
            reply.malformed = stream.malformed


async def _open(
    reply: Reply,
    question: Question,
    messages: Sequence[Message],
    options: Mapping[str, Any],
) -> AsyncStream:
    """Open the stream with its usage asked for, or without where that is refused."""
    client = question.client

    async def stream(**options: Any) -> AsyncStream:
        opened: AsyncStream = await client.chat.completions.create(
            model=question.model,
            messages=messages,
            stream=True,
            on_retry=reply.note_retry,
            **options,
        )
        return opened

    if not client.usage_in_streams:
        return await stream(**options)
    usage = {"stream_options": {"include_usage": True}}
    try:
        return await stream(**{**usage, **options})
    except BadRequest as error:
        if not _UNKNOWN_FIELD.search(f"{error.param} {error}"):
            raise
    opened = await stream(**options)
    client.usage_in_streams = False
    return opened
