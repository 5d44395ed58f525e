"""A streamed response as its chunks, on its event loop or in another thread.

A task on the loop reads the bytes as they come. The chunks are made from them where
they are wanted: on the same loop (``AsyncStream``), or in the thread that iterates
(``Stream``).
"""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from apertis_magic.api import bounds, loop
from apertis_magic.api.answer import Answer
from apertis_magic.api.assemble import Assembly, Completing, completion_of
from apertis_magic.api.bounds import Meter
from apertis_magic.api.capabilities import Capabilities
from apertis_magic.api.ending import Ending, Expected
from apertis_magic.api.incoming import Incoming
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk
from apertis_magic.api.wakeup import SLICE, Wakeup
from apertis_magic.errors import (
    ApertisError,
    ConnectionFailed,
    IncompleteAnswer,
    StreamError,
)

_SETTLE = 0.2
"""Seconds; what follows ``[DONE]`` is read so that the connection can be used again."""

_SMALL = 1_000
"""Bytes of the pieces that wait as one: each would cost as much again."""

_GATHER = 0.001
"""Seconds; pieces that come together are taken together, not one by one."""


class _Reader:
    """Reads the body of one answer to its end; its chunks are made when they are taken.

    Attributes:
        answer: what is known of the answer so far.
        tell: is called when there is more to take, or there will be nothing.
        over: whether every chunk has been taken.
        due: when to look again although nothing has come, as ``monotonic`` tells the
            time; None for never. It is known once ``take`` has found nothing.
    """

    def __init__(
        self, incoming: Incoming, expected: Expected, capabilities: Capabilities
    ) -> None:
        self.answer = Answer(incoming.response, incoming.redact, expected.choices)
        self.tell: Callable[[], None] = _nobody
        self.over = False
        self.due: float | None = None
        self._incoming = incoming
        self._ending = Ending(expected, capabilities)
        self._expected, self._capabilities = expected, capabilities
        self._pieces: deque[bytes] = deque()
        self._extent: object = 0, []  # of the answer, as far as it was known last
        self._chunks: Iterator[ChatCompletionChunk] = iter(())
        self._ended = False
        self._failure: ApertisError | None = None
        self._error: Exception | None = IncompleteAnswer(
            "The answer was left before its end."
        )

    async def run(self) -> None:
        """Read until the end, whichever it is, and give the connection back."""
        try:
            meter = Meter(bounds.ANSWER)
            async for piece in self._incoming.pieces(meter, self._has_grown):
                self._put(piece)
            self._error = None
        except Exception as error:  # noqa: BLE001  whoever takes the chunks raises it
            self._error = error.with_traceback(None)
        finally:
            await self.leave()

    def _put(self, piece: bytes) -> None:
        if self._pieces and len(piece) < _SMALL:
            last = self._pop(self._pieces.pop)  # None where somebody took it meanwhile
            if last is not None and len(last) < _SMALL:
                piece = last + piece
            elif last is not None:
                self._pieces.append(last)
        self._pieces.append(piece)
        self.tell()

    @staticmethod
    def _pop(end: Callable[[], bytes]) -> bytes | None:
        try:
            return end()
        except IndexError:
            return None

    def _has_grown(self) -> bool:
        """Tell whether the answer has grown since this was asked last, or may have."""
        if self._pieces:
            return True  # nobody has looked into them yet
        answer, before = self.answer, self._extent
        self._extent = answer.size, answer.assembly.extent
        return before != self._extent

    async def leave(self) -> None:
        """Give the connection back; what has not come by now never will."""
        if self._ended:
            return
        try:
            await self._incoming.aclose()
        finally:
            self._ended = True
            self.tell()

    @property
    def has_news(self) -> bool:
        """Whether ``take`` would find something now."""
        is_due = self.due is not None and monotonic() >= self.due
        return bool(self._pieces) or self._ended or is_due

    def take(self) -> ChatCompletionChunk | None:
        """Return the next chunk; None where there is none yet, or it is ``over``.

        Raises:
            ApertisError: the answer did not end well.
        """
        if self._failure is not None:
            raise copy(self._failure)
        try:
            while not self.over:
                for chunk in self._chunks:
                    return chunk
                if not self._next_piece():
                    return None
        except ApertisError as error:
            self._fail(error)
            raise
        except Exception as error:
            # What had come must not be lost to something that nobody thought of.
            unforeseen = StreamError(f"Something unforeseen: {error!r}")
            self._fail(unforeseen)
            raise unforeseen from error
        return None

    def _fail(self, error: ApertisError) -> None:
        """Add to *error* what is known of the answer and its response, and end."""
        response = self._incoming.response
        error.partial = error.partial or self.answer.text
        error.status = error.status or response.status
        error.request_id = error.request_id or response.request_id
        error.headers = error.headers or response.headers
        # Without its traceback, which holds on to this object, and all that has come.
        self._failure, self._error = copy(error), None
        self._pieces.clear()
        self._chunks = iter(())

    def _next_piece(self) -> bool:
        """Find out where the next chunks come from; tell if there may be any now."""
        answer = self.answer
        if answer.done or answer.closed:
            self._end()
        elif self._pieces and (piece := self._pop(self._pieces.popleft)) is not None:
            self._chunks, self.due = answer.feed(piece), None
        elif not self._ended:
            return (answer.complete or answer.waits > 0) and self._after_silence()
        elif self._error is None:
            self._chunks = answer.close()
        elif isinstance(self._error, ConnectionFailed) and answer.waits:
            self._chunks = answer.look()  # the cut may have come behind the last word
        elif answer.complete:
            self._end()
        else:
            raise self._error
        return True

    def _after_silence(self) -> bool:
        """Take what waits, or the end, where that has been waited for long enough."""
        answer, now = self.answer, monotonic()
        left = self._ending.left(answer, now)
        is_over = left is not None and left <= 0
        self.due = None if left is None or is_over else now + left
        if is_over and answer.waits:
            self._chunks = iter([*answer.look()])
            self._ending.note_look(answer)
        elif is_over:
            self._chunks = answer.close()
        return is_over

    def _end(self) -> None:
        """Take note that the answer is over, and of what its server can do."""
        self.over = self._capabilities.answers = True
        if self._expected.usage and self.answer.assembly.usage is not None:
            self._capabilities.tells_usage = True


class AsyncStream:
    """The chunks of one answer, as they come; also an async context manager.

    Leaving the context early closes the connection, so that the server stops writing.
    A stream that breaks off raises; the error's ``partial`` is the text that came.

    Args:
        incoming: the response, its body still unread.
        expected: what its request asked for.
        capabilities: what the server can do; it is noted there what the answer shows.

    Attributes:
        response: what the HTTP response's headers tell.
    """

    def __init__(
        self, incoming: Incoming, expected: Expected, capabilities: Capabilities
    ) -> None:
        self.response = incoming.response
        self._reader = _Reader(incoming, expected, capabilities)
        self._changed = asyncio.Event()
        self._reader.tell = self._changed.set
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._reader.run())
        # The task must not hold on to this object, or it would never be abandoned. Once
        # only: a second cancel would hit the closing of the connection.
        self._abandon = weakref.finalize(self, _cancel, self._loop, self._task)
        self._abandon.atexit = False

    @property
    def malformed(self) -> int:
        """How many events could not be read as JSON and were left out."""
        return self._reader.answer.malformed

    @property
    def assembly(self) -> Assembly:
        """What the chunks are pieces of, as far as they have been taken."""
        return self._reader.answer.assembly

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        reader = self._reader
        try:
            while (chunk := reader.take()) is None:
                if reader.over:
                    await self.settle()
                    raise StopAsyncIteration
                if asyncio.get_running_loop() is not self._loop:
                    raise StreamError("The answer belongs to the loop that asked.")
                self._changed.clear()
                if not reader.has_news:
                    await (self._news() if reader.due else self._changed.wait())
        except ApertisError:
            await self.aclose()
            raise
        return chunk

    async def completion(self) -> ChatCompletion:
        """Read what is still to come and return it as one completion.

        Raises:
            ApertisError: it did not end well; ``partial`` has the text that came.
        """
        together = Completing()
        async for chunk in self:
            together.add(chunk)
        return self._reader.answer.whole or together.completion(self.response)

    async def _news(self) -> None:
        """Wait until there is something to take."""
        due = self._reader.due
        with suppress(TimeoutError):
            async with asyncio.timeout(due and due - monotonic()):
                await self._changed.wait()

    async def settle(self) -> None:
        """Give the connection back, in a state in which it can be used again.

        One that the server leaves open is closed.
        """
        if self._reader.answer.done:
            await asyncio.wait([self._task], timeout=_SETTLE)
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the answer, if it still comes, and give the connection back."""
        if asyncio.get_running_loop() is not self._loop:
            self.abandon()
            return
        if self._abandon.detach():
            self._task.cancel()
        await asyncio.wait([self._task])
        await self._reader.leave()  # the task may never have begun

    def abandon(self) -> None:
        """Stop the answer soon, from any thread, without waiting for it."""
        self._abandon()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class Stream:
    """The chunks of one answer, as they come; also a context manager.

    Leaving it early closes the connection, so that the server stops writing. A stream
    that breaks off raises; the error's ``partial`` is the text that came.

    Args:
        stream: the chunks, as they come on the background loop.

    Attributes:
        response: what the HTTP response's headers tell.

    Example:
        >>> from apertis_magic import Apertis
        >>> messages = [{"role": "user", "content": "What is the capital of Japan?"}]
        >>> stream = Apertis().chat.completions.create(
        ...     model="gpt-4.1-mini", messages=messages, stream=True
        ... )
        >>> first = next(stream)
        >>> whole = stream.completion()  # what was left, put together
        >>> whole.choices[0].finish_reason
        'stop'
    """

    def __init__(self, stream: AsyncStream) -> None:
        self.response = stream.response
        self._stream = stream
        self._reader = stream._reader  # noqa: SLF001  of this module
        self._changed = Wakeup()
        self._reader.tell = self._changed.wake
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def malformed(self) -> int:
        """How many events could not be read as JSON and were left out."""
        return self._stream.malformed

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        try:
            while (chunk := self._next()) is not None:
                yield chunk
        finally:
            # Without waiting: the garbage collector may end this in any thread.
            self._stream.abandon()

    def __next__(self) -> ChatCompletionChunk:
        chunk = self._next()
        if chunk is None:
            raise StopIteration
        return chunk

    def _next(self) -> ChatCompletionChunk | None:
        while (chunk := self._take()) is None:
            if os.getpid() != self._pid:
                raise StreamError("The answer belongs to the process that asked.")
            if self._reader.over:
                loop.run(self._stream.settle())
                return None
            if not self._reader.has_news:
                self._changed.wait(lambda: self._reader.has_news, SLICE)
                sleep(_GATHER)
        return chunk

    def _take(self) -> ChatCompletionChunk | None:
        try:
            with self._lock:
                return self._reader.take()
        except ApertisError:
            self._stream.abandon()
            raise

    def completion(self) -> ChatCompletion:
        """Read what is still to come and return it as one completion.

        Raises:
            ApertisError: it did not end well; ``partial`` has the text that came.
        """
        return completion_of(self, self.response)

    def close(self) -> None:
        """Stop the answer, if it still comes, and give the connection back."""
        if os.getpid() == self._pid:
            loop.run(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _cancel(owner: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    if owner.is_running():
        owner.call_soon_threadsafe(task.cancel)


def _nobody() -> None:
    """Tell nobody."""
