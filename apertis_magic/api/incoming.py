"""A response whose headers have come and whose body is still to be read."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apertis_magic.api.bounds import Bound, Meter
from apertis_magic.api.encoding import Inflater, inflater
from apertis_magic.api.pool import Connections, translated
from apertis_magic.api.response import Response
from apertis_magic.api.timeouts import Timeouts
from apertis_magic.errors import ConnectionFailed, StreamError, TimedOut

if TYPE_CHECKING:
    import httpx

_LAST = b"data: [DONE]\n\n"
"""The last bytes of a stream, as llama.cpp writes them."""

_SILENCE = 1.0
"""Seconds without growth after which a body is whole that looks so."""

_PATHS = re.compile(r"/(?:chat/completions|models(?:/[^?]*)?)(?=\?|$)")
"""What stands behind a base URL."""

_SLOWEST = 16_000
"""Bytes in a second of the slowest line that a large body is waited for on."""


class Incoming:
    """The body of one response, piece by piece or whole.

    Attributes:
        response: its status and headers.
        redact: takes the key out of what the server says.
    """

    def __init__(
        self,
        http: "httpx.Response",
        *,
        timeouts: Timeouts,
        redact: Callable[[str], str],
        connections: Connections,
        due: float,
    ) -> None:
        headers = {name: redact(value) for name, value in http.headers.items()}
        base_url = _PATHS.sub("", str(http.url))
        self.response = Response.of(http.status_code, headers, redact(base_url))
        self.redact = redact
        self._http = http
        self._timeouts = timeouts
        self._due = due
        # Its server closes the connection after a stream, although it promises not to:
        # a request that comes then would break. So we are the first to close it.
        self._hangs_up = "llama.cpp" in self.response.headers.get("server", "")
        self._connections = connections
        self._has_left = False

    async def pieces(
        self, meter: Meter, has_grown: Callable[[], bool] | None = None
    ) -> AsyncGenerator[bytes]:
        """Give the body as it comes, to one task that takes it at once.

        Args:
            meter: counts what comes, and bounds it.
            has_grown: tells whether anything of an answer has come since it was asked
                last; None where nothing tells.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long, or nothing of the answer.
            StreamError: more comes than the meter allows, or in an encoding that is
                not read.
        """
        now = asyncio.get_running_loop().time
        limit, idle = self._timeouts.first_byte, self._timeouts.idle
        # To renew the deadline at every piece would cost more than to decode it.
        slack = idle / 50
        url = str(self._http.url)
        patience = _Patience(self._timeouts, now())
        with translated(url):
            try:
                async with asyncio.timeout_at(self._due) as deadline:
                    renewed = -slack
                    async for piece in self._body():
                        if now() - renewed >= slack:
                            limit, renewed = idle, now()
                            deadline.reschedule(renewed + idle + slack)
                            if has_grown is not None and has_grown():
                                patience.renew(renewed, meter.size)
                            patience.check(url, renewed, meter.size)
                        meter.size += len(piece)
                        if meter.size > meter.bound.most:
                            yield piece[: len(piece) - meter.surplus]
                            raise meter.bound.exceeded()
                        yield piece
                        if self._hangs_up and piece.endswith(_LAST):
                            return
            except TimeoutError as error:
                raise silent(url, limit) from error

    def _body(self) -> AsyncIterator[bytes]:
        """Give the body as its writer wrote it, a little at a time."""
        encoding = self.response.headers.get("content-encoding", "")
        encoded, raw = inflater(encoding), self._http.aiter_raw()
        return raw if encoded is None else _inflated(encoded, raw)

    async def read(
        self, meter: Meter, is_whole: Callable[[bytearray], bool]
    ) -> bytearray:
        """Return the whole body and give the connection back.

        Args:
            meter: counts what comes, and bounds it.
            is_whole: tells whether a body can have no more; it is asked where nothing
                has come for a second, since some servers never end a response.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long.
            StreamError: more comes than the meter allows, or in an encoding that is
                not read.
        """
        body, size = bytearray(), 0
        reading = asyncio.create_task(self._gather(body, meter))
        try:
            while not (await asyncio.wait([reading], timeout=_SILENCE))[0]:
                before, size = size, len(body.rstrip())
                if size == before and is_whole(body):
                    return body
            await reading
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            await self.aclose()
        return body

    async def _gather(self, body: bytearray, meter: Meter) -> None:
        """Add what comes to *body*."""
        known = 0

        def has_grown() -> bool:
            nonlocal known
            before, known = known, len(body.strip())
            return known > before and body.lstrip().startswith((b"{", b"["))

        async with aclosing(self.pieces(meter, has_grown)) as pieces:
            async for piece in pieces:
                body += piece

    async def beginning(self, bound: Bound, seconds: float) -> bytes:
        """Return what comes of the body in time and inside a bound, and hang up."""
        body = bytearray()
        with suppress(ConnectionFailed, StreamError, TimeoutError):
            async with (
                asyncio.timeout(seconds),
                aclosing(self.pieces(Meter(bound))) as pieces,
            ):
                async for piece in pieces:
                    body += piece
        await self.aclose()
        return bytes(body)

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body is still coming."""
        try:
            await self._http.aclose()
        finally:
            if not self._has_left:
                self._has_left = True
                await self._connections.leave()


def silent(url: str, limit: float) -> TimedOut:
    """Return the error for a host from which nothing came for *limit* seconds."""
    return TimedOut(f"{urlsplit(url).netloc} was silent for {limit:g} s.")


async def _inflated(
    encoded: Inflater, raw: AsyncIterator[bytes]
) -> AsyncGenerator[bytes]:
    async for piece in raw:
        for part in encoded.feed(piece):
            yield part
    encoded.close()


class _Patience:
    """How long a server is waited for that says something, and nothing of an answer.

    Gateways send comments, blank lines and empty pieces while a model thinks.

    Args:
        timeouts: those of the request.
        since: when the waiting began, by the loop's clock.
    """

    def __init__(self, timeouts: Timeouts, since: float) -> None:
        self._limit, self._since, self._size = timeouts.lifeless, since, 0

    def renew(self, now: float, size: int) -> None:
        """Begin anew: something of the answer has come, with so many bytes by now."""
        self._since, self._size = now, size

    def check(self, url: str, now: float, size: int) -> None:
        """See that it is not over.

        Raises:
            TimedOut: it is.
        """
        # A picture may take longer than that on a slow line.
        if now - self._since > self._limit + (size - self._size) / _SLOWEST:
            raise TimedOut(
                f"{urlsplit(url).netloc} sent signs of life for {self._limit:g} s, and "
                "nothing of an answer."
            )
