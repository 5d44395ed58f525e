"""Sends one request and brings back the response or the right exception.

The only module that knows httpx. It owns the connection pool, the headers, the
time-outs and the retries.
"""

import asyncio
import json
import os
import weakref
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import httpx

from apertis_magic.api import address, failures, keys, retry
from apertis_magic.api.types import Json
from apertis_magic.clean import redact
from apertis_magic.errors import (
    ApertisError,
    ConfigurationError,
    ConnectionFailed,
    StatusError,
    TimedOut,
)

CONNECT, FIRST_BYTE, IDLE = 10.0, 300.0, 120.0
"""Seconds to connect, to the first byte, and between two pieces of an answer."""

_LONGEST_GATEWAY_WAIT = 300_000  # milliseconds, the most that X-Timeout takes
_SHORTEST_GATEWAY_WAIT = 5_000
_REDIRECTS = range(300, 400)
_ERRORS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds that each phase of a request may take."""

    connect: float = CONNECT
    first_byte: float = FIRST_BYTE
    idle: float = IDLE

    @classmethod
    def of(cls, seconds: float | None) -> "Timeouts":
        """Return the time-outs for one number that bounds every phase.

        Raises:
            ConfigurationError: it is not above 0.
        """
        if seconds is None:
            return cls()
        if not seconds > 0:
            raise ConfigurationError(f"timeout must be above 0, not {seconds!r}")
        return cls(connect=seconds, first_byte=seconds, idle=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go and with which key; the key never shows in the repr."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: str | None) -> "Target":
        """Check the address and the key.

        Raises:
            ConfigurationError: the address is none, or a key is missing where the
                host needs one.
        """
        base_url = base_url.strip().rstrip("/")
        address.check(base_url)
        key = keys.find(api_key)
        target = cls(base_url=base_url, api_key=key)
        if key is None and address.is_apertis(base_url):
            raise ConfigurationError(
                "There is no API key.", hint=keys.how_to_give_one()
            )
        return target


class Transport:
    """A connection pool to one target, used on one event loop at a time."""

    def __init__(
        self,
        target: Target,
        *,
        timeouts: Timeouts,
        max_retries: int,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self.target = target
        self.timeouts = timeouts
        self._max_retries = max_retries
        self._headers = self._request_headers(default_headers or {})
        self._pool: httpx.AsyncClient | None = None
        self._owner: tuple[int, int] | None = None
        self._closing: weakref.finalize[Any, Any] | None = None

    def redact(self, text: str) -> str:
        """Return *text* without the key, which some servers echo."""
        return redact(text, self.target.api_key)

    async def post(self, path: str, body: Json) -> httpx.Response:
        """Send *body* and return the response, its body still unread.

        Raises:
            ConfigurationError: *body* cannot be written as JSON; nothing was sent.
            ApertisError: no answer, or one with an error status, after all tries.
        """
        content = _encode(body)
        tries = 0
        while True:
            try:
                return await self._send(path, content)
            except (ConnectionFailed, StatusError) as error:
                wait = self._wait(error, tries)
                if wait is None:
                    raise
            await asyncio.sleep(wait)
            tries += 1

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes]:
        """Give the body of *response* as it comes.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long.
        """
        body = response.aiter_bytes()
        limit = self.timeouts.first_byte
        while True:
            with self._translated(limit):
                async with asyncio.timeout(limit):
                    try:
                        chunk = await anext(body)
                    except StopAsyncIteration:
                        return
            yield chunk
            limit = self.timeouts.idle

    async def read(self, response: httpx.Response) -> bytes:
        """Return the whole body of *response* and give the connection back.

        Raises:
            ConnectionFailed: the connection broke.
            TimedOut: nothing came for too long.
        """
        try:
            return b"".join([chunk async for chunk in self.chunks(response)])
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._pool is not None and self._owner == self._here():
            await self._pool.aclose()
        self._pool = None

    async def _send(self, path: str, content: bytes) -> httpx.Response:
        limit = self.timeouts.first_byte
        with self._translated(limit):
            pool = self._connections()
            url = self.target.base_url + path
            request = pool.build_request(
                "POST", url, content=content, headers=self._headers
            )
            # Connecting has a limit of its own, which must be the first to strike.
            async with asyncio.timeout(self.timeouts.connect + limit):
                response = await pool.send(request, stream=True)
        if response.status_code in _REDIRECTS:
            await response.aclose()
            raise StatusError(
                f"{self.target.base_url} answers with a redirect, which is not "
                "followed so that the key stays with one host.",
                status=response.status_code,
                hint="Set the base URL to the final address.",
            )
        if response.status_code >= _ERRORS:
            body = b""
            with suppress(ConnectionFailed):  # the status alone says enough
                body = await self.read(response)
            raise failures.from_response(
                response.status_code,
                response.headers,
                body,
                key=self.target.api_key,
            )
        return response

    def _wait(self, error: ApertisError, tries: int) -> float | None:
        """Return the seconds until the next try, or None if this was the last."""
        if tries >= self._max_retries:
            return None
        # Anything but a connection never made may have been read, and billed.
        never_made = (httpx.ConnectError, httpx.ConnectTimeout)
        if isinstance(error, ConnectionFailed) and not isinstance(
            error.__cause__, never_made
        ):
            return None
        return retry.delay(error, tries)

    def _connections(self) -> httpx.AsyncClient:
        # Sockets belong to one loop, and after a fork to the parent.
        if self._pool is None or self._owner != self._here():
            if self._closing is not None:
                self._closing.detach()
            self._owner = self._here()
            self._pool = _new_pool(self.target, self.timeouts.connect)
            loop = asyncio.get_running_loop()
            self._closing = weakref.finalize(
                self, _close, self._pool, loop, os.getpid()
            )
            # The process's end closes sockets by itself.
            self._closing.atexit = False
        return self._pool

    @staticmethod
    def _here() -> tuple[int, int]:
        return os.getpid(), id(asyncio.get_running_loop())

    def _request_headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        headers = {
            # Cloudflare, which stands before the service, refuses unnamed clients.
            "User-Agent": f"apertis-magic/{version('apertis-magic')}",
            "Content-Type": "application/json",
            **extra,
        }
        if self.target.api_key is not None:
            headers["Authorization"] = f"Bearer {self.target.api_key}"
        if address.is_apertis(self.target.base_url):
            wait = int(self.timeouts.first_byte * 1000)
            wait = min(max(wait, _SHORTEST_GATEWAY_WAIT), _LONGEST_GATEWAY_WAIT)
            headers["X-Timeout"] = str(wait)
        return headers

    @contextmanager
    def _translated(self, silence: float) -> Iterator[None]:
        """Turn httpx's exceptions into ours; *silence* is the limit, in seconds."""
        where = urlsplit(self.target.base_url).netloc
        try:
            yield
        except httpx.ConnectTimeout as error:
            wait = f"{self.timeouts.connect:g} s"
            raise TimedOut(f"{where} did not accept a connection in {wait}.") from error
        except TimeoutError as error:
            raise TimedOut(f"{where} was silent for {silence:g} s.") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(f"The base URL does not work: {error}") from error
        except httpx.ConnectError as error:
            raise _unreachable(where, error) from error
        except httpx.RequestError as error:
            raise ConnectionFailed(
                f"The connection to {where} broke off ({type(error).__name__})."
            ) from error


def _new_pool(target: Target, connect: float) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=60)
    try:
        return httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=connect),
            follow_redirects=False,
            limits=limits,
            # A proxy for the world outside must not see what stays on this machine,
            # and a transport that is given goes through none.
            transport=httpx.AsyncHTTPTransport(limits=limits)
            if address.is_loopback(target.base_url)
            else None,
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"The connection cannot be set up: {error}",
            hint="Check SSL_CERT_FILE and the proxy variables of the environment.",
        ) from error


def _encode(body: Json) -> bytes:
    try:
        # In ASCII, because text from a file may hold half of a surrogate pair.
        return json.dumps(body, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"The request is no JSON: {error}") from error


def _close(pool: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, pid: int) -> None:
    """Close the connections of a client that nobody closed and nobody uses."""
    if os.getpid() == pid and loop.is_running():
        loop.call_soon_threadsafe(lambda: loop.create_task(pool.aclose()))


def _unreachable(where: str, error: httpx.ConnectError) -> ConnectionFailed:
    if "CERTIFICATE" in str(error).upper():
        return ConnectionFailed(
            f"The certificate of {where} cannot be verified.",
            hint="Behind a proxy with its own certificate, set SSL_CERT_FILE to it.",
        )
    return ConnectionFailed(f"{where} cannot be reached: {error}")
