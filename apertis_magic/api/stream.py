"""A streamed response -> its chunks; knows when it ended well and when it did not."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from apertis_magic.api.sse import Decoder, Event
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk, error_of
from apertis_magic.errors import (
    ApertisError,
    ConnectionFailed,
    IncompleteAnswer,
    StreamError,
    redact,
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
        return await anext(self._chunks)

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
        if event.type == "whole":
            chunk = parse_completion(event.data).as_chunk()
        else:
            try:
                payload = json.loads(event.data)
            except ValueError:
                payload = None
            if not isinstance(payload, dict):
                self.malformed += 1
                return None
            if error := error_of(payload):
                raise StreamError(
                    str(
                        error.get("message") or error.get("type") or "The server failed"
                    ),
                    code=str(error["code"]) if error.get("code") else None,
                )
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


def parse_completion(text: str) -> ChatCompletion:
    """Return the completion that a whole response body holds.

    Raises:
        StreamError: it is not JSON, carries an error, or holds no answer.
    """
    try:
        payload = json.loads(text)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise StreamError(
            "The server answered with something that is not JSON: "
            f"{redact(' '.join(text.split())[:100])!r}",
            hint="Check the base URL; it usually ends in /v1.",
        )
    completion = ChatCompletion.from_dict(payload)
    if completion.choices:
        return completion
    error = error_of(payload) or {}
    raise StreamError(str(error.get("message") or "The server sent no answer."))
