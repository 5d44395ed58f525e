"""A streamed response -> its chunks; knows when it ended well and when it did not."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from apertis_magic.api.sse import Decoder, Event
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk, Json, error_of
from apertis_magic.errors import (
    ApertisError,
    ConnectionFailed,
    IncompleteAnswer,
    StreamError,
)

if TYPE_CHECKING:
    import httpx

    from apertis_magic.api.transport import Transport

_DONE = "[DONE]"
_DRAIN = 0.2
"""Seconds; what follows ``[DONE]`` is read so that the connection can be used again."""


class AsyncStream:
    """The chunks of one answer, as they come; also an async context manager.

    Leaving it early closes the connection, so that the server stops writing.

    Attributes:
        malformed: how many events could not be read as JSON and were left out.
    """

    def __init__(self, transport: "Transport", response: "httpx.Response") -> None:
        self.malformed = 0
        self._transport = transport
        self._response = response
        self._partial: list[str] = []
        self._complete = False
        self._chunks = self._read()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            if self._complete:
                raise
            # An end that was not one: it was closed, or a wait for it was cancelled.
            raise IncompleteAnswer(
                "The answer was left before its end.", partial="".join(self._partial)
            ) from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the answer, if it still comes, and give the connection back."""
        # After a cancelled wait it may still be closing itself.
        if not getattr(self._chunks, "ag_running", False):
            await self._chunks.aclose()
        await self._response.aclose()

    async def _read(self) -> AsyncGenerator[ChatCompletionChunk]:
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    chunk = self._chunk(event)
                    if chunk is not None:
                        yield chunk
            if not self._complete:
                raise IncompleteAnswer(
                    "The answer broke off: the stream ended without a finish reason."
                )
        except ApertisError as error:
            error.partial = "".join(self._partial)
            raise
        finally:
            await self._response.aclose()

    async def _events(self) -> AsyncGenerator[Event]:
        kind = self._response.headers.get("content-type", "")
        if "text/event-stream" not in kind:
            # Some servers answer a streamed request in one piece all the same.
            whole = await self._transport.read(self._response)
            yield Event("whole", whole.decode(errors="replace"))
            return
        decoder = Decoder()
        async with aclosing(self._transport.chunks(self._response)) as body:
            async for piece in body:
                for event in decoder.feed(piece):
                    if event.data.strip().startswith(_DONE):
                        self._complete = True
                        await _drain(body)
                        return
                    yield event
        for event in decoder.close():
            yield event

    def _chunk(self, event: Event) -> ChatCompletionChunk | None:
        redact = self._transport.redact
        if event.type == "whole":
            chunk = parse_completion(event.data, redact).as_chunk()
        else:
            payload = parse_json(event.data)
            if payload is None:
                self.malformed += 1
                return None
            if error := error_of(payload):
                raise _stream_error(error, redact)
            chunk = ChatCompletionChunk.from_dict(payload)
        for choice in chunk.choices:
            self._complete = self._complete or choice.finish_reason is not None
            if choice.index == 0 and choice.delta.content:
                self._partial.append(choice.delta.content)
        return chunk


async def _drain(body: AsyncGenerator[bytes]) -> None:
    with suppress(TimeoutError, ConnectionFailed):
        async with asyncio.timeout(_DRAIN):
            async for _ in body:
                pass


def parse_json(text: str) -> Json | None:
    """Return the JSON object that *text* holds, or None where it holds none."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def parse_completion(text: str, redact: Callable[[str], str]) -> ChatCompletion:
    """Return the completion that a whole response body holds.

    Args:
        text: the body.
        redact: takes the key out of what the server says.

    Raises:
        StreamError: it is not JSON, carries an error, or holds no answer.
    """
    payload = parse_json(text)
    if payload is None:
        words = redact(" ".join(text.split()))[:100]
        raise StreamError(
            f"The server answered with something that is not JSON: {words!r}",
            hint="Check the base URL; it usually ends in /v1.",
        )
    completion = ChatCompletion.from_dict(payload)
    if completion.choices:
        return completion
    nothing = {"message": "The server sent no answer."}
    raise _stream_error(error_of(payload) or nothing, redact)


def _stream_error(error: Json, redact: Callable[[str], str]) -> StreamError:
    words = error.get("message") or error.get("type") or error.get("code")
    code = error.get("code")
    return StreamError(redact(str(words)), code=redact(str(code)) if code else None)
