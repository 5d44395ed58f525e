"""A response whose headers have come and whose body is still to be read."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from apertis_magic.api.pool import Pool, translated
from apertis_magic.api.response import Response
from apertis_magic.api.timeouts import Timeouts
from apertis_magic.errors import TimedOut

if TYPE_CHECKING:
    import httpx

_LAST = b"data: [DONE]\n\n"
"""The last bytes of a stream, as llama.cpp writes them."""


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
        pool: Pool,
        due: float,
    ) -> None:
        headers = {name: redact(value) for name, value in http.headers.items()}
        self.response = Response.of(http.status_code, headers)
        self.redact = redact
        self._http = http
        self._timeouts = timeouts
        self._due = due
        # Its server closes the connection after a stream, although it promises not to:
        # a request that comes then would break. So we are the first to close it.
        self._hangs_up = "llama.cpp" in self.response.headers.get("server", "")
        self._pool = pool  # an abandoned client closes its pool, not while this is read

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Give the body as it comes, to one task that takes it at once.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long.
        """
        now = asyncio.get_running_loop().time
        limit, idle = self._timeouts.first_byte, self._timeouts.idle
        # To renew the deadline at every piece would cost more than to decode it.
        slack = idle / 50
        with translated(str(self._http.url)):
            try:
                async with asyncio.timeout_at(self._due) as deadline:
                    renewed = -slack
                    async for piece in self._body():
                        if now() - renewed >= slack:
                            limit, renewed = idle, now()
                            deadline.reschedule(renewed + idle + slack)
                        yield piece
                        if self._hangs_up and piece.endswith(_LAST):
                            return
            except TimeoutError as error:
                raise silent(str(self._http.url), limit) from error

    def _body(self) -> AsyncIterator[bytes]:
        if "content-encoding" in self.response.headers:
            return self._http.aiter_bytes()
        return self._http.aiter_raw()  # the same, for less

    async def read(self) -> bytes:
        """Return the whole body and give the connection back.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long.
        """
        try:
            async with aclosing(self.pieces()) as pieces:
                return b"".join([piece async for piece in pieces])
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body is still coming."""
        await self._http.aclose()


def silent(url: str, limit: float) -> TimedOut:
    """Return the error for a host from which nothing came for *limit* seconds."""
    return TimedOut(f"{urlsplit(url).netloc} was silent for {limit:g} s.")
