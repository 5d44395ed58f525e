"""The connections of a client, for each process, event loop and origin its own.

Sockets belong to one loop, and after a fork to the parent. What httpx raises becomes
one of our errors here.
"""

import asyncio
import atexit
import os
import ssl
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx

from apertis_magic.api import address, certificates, proxies
from apertis_magic.errors import (
    ConfigurationError,
    ConnectionFailed,
    TimedOut,
    TLSFailed,
)

_ON_THIS_MACHINE = (
    "Does its server run? The local model's address is another one each time it "
    "starts: a client that was made for it before is of no use then."
)
_PATIENCE = 1.0
"""Seconds that the process's end waits for connections to be closed."""

# Connections that were never made: nothing can have been read, let alone billed.
NEVER_MADE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


class Connections:
    """Those of one event loop to one origin; once retired, the last user closes them.

    Args:
        transport: has them.

    Attributes:
        transport: the same.
    """

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self._users = 0
        self._is_retired = False

    async def send(
        self, request: httpx.Request, deadline: asyncio.Timeout
    ) -> httpx.Response:
        """Send a request; what answers it uses them until it has left.

        Raises:
            TimeoutError: there is no answer before the deadline.
            httpx.RequestError: there is none at all.
        """
        self._users += 1
        try:
            # No httpx.AsyncClient: it looks into redirects, and may fail at that.
            async with deadline:
                response = await self.transport.handle_async_request(request)
        except BaseException:
            await self.leave()
            raise
        # It knows the task that sends, and so the stream, which nobody could abandon.
        request.extensions.pop("trace", None)
        response.request = request
        return response

    async def leave(self) -> None:
        """Use them no more; each answer says so once."""
        self._users -= 1
        await self._close_unused()

    async def retire(self) -> None:
        """Close them as soon as nobody uses them any more."""
        self._is_retired = True
        await self._close_unused()

    async def _close_unused(self) -> None:
        if self._is_retired and self._users <= 0:
            await self.transport.aclose()


_Owner: TypeAlias = tuple[int, asyncio.AbstractEventLoop, str]
"""The process, the event loop, and the origin that connections lead to."""

_Open: TypeAlias = dict[_Owner, Connections]


class Pool:
    """Keeps connections open between requests."""

    def __init__(self) -> None:
        self._open: _Open = {}
        closing = weakref.finalize(self, _retire_all, self._open)
        closing.atexit = False  # at the process's end ``_finish`` does it
        _pools.add(self)

    def to(self, url: str) -> Connections:
        """Return the running loop's connections to a host, made on first use.

        Args:
            url: an address at the host.

        Raises:
            ConfigurationError: the environment's proxies or certificates do not work.
        """
        loop = asyncio.get_running_loop()
        owner = os.getpid(), loop, address.origin(url)
        found = self._open.get(owner)
        if found is None:
            for other in list(self._open):
                if other[1].is_closed():
                    self._open.pop(other, None)
            found = self._open[owner] = Connections(_transport(url))
        return found

    def abandon(self) -> None:
        """Close all connections soon, those in use when their last answer has ended."""
        _retire_all(self._open)

    def cut(self) -> None:
        """Close all connections soon, also those that are in use."""
        _close_all(self._open, lambda connections: connections.transport.aclose())

    async def aclose(self) -> None:
        """Close the running loop's, those in use when their last answer has ended."""
        running = os.getpid(), asyncio.get_running_loop()
        for owner in list(self._open):
            if owner[:2] == running and (found := self._open.pop(owner, None)):
                await found.retire()


@contextmanager
def translated(base_url: str, *, connect: float = 0) -> Iterator[None]:
    """Turn httpx's exceptions into ours; *connect* is that time-out, in seconds.

    Raises:
        ConnectionFailed: there is no connection, or it broke.
        TimedOut: the host did not accept a connection in time.
        ConfigurationError: the base URL cannot be used.
    """
    host = urlsplit(base_url).netloc
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise TimedOut(
            f"{host} did not accept a connection in {connect:g} s."
        ) from error
    except httpx.LocalProtocolError:
        # Its text, and the exception before it, may repeat a header's value.
        raise ConfigurationError("A header cannot be sent as it is.") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise ConfigurationError(f"The base URL does not work: {error}") from error
    except httpx.ProxyError as error:
        raise ConnectionFailed(
            f"The proxy did not let the request to {host} through: {error}",
            hint="Check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; hosts in NO_PROXY are "
            "reached without.",
        ) from error
    except httpx.ConnectError as error:
        raise _unreachable(base_url, str(error)) from error
    except ssl.SSLError as error:  # httpx lets those of a running connection through
        raise _unsafe(host, str(error)) from error
    except (httpx.RequestError, OSError) as error:
        raise ConnectionFailed(
            f"The connection to {host} broke off ({type(error).__name__})."
        ) from error


def _unreachable(url: str, words: str) -> ConnectionFailed:
    host = urlsplit(url).netloc
    if "CERTIFICATE" in words.upper():
        return TLSFailed(
            f"The certificate of {host} cannot be verified: {words}",
            hint="Behind a proxy with a certificate of its own, set SSL_CERT_FILE to "
            "that; HTTPS_PROXY and NO_PROXY say which way requests go.",
        )
    if "SSL" in words.upper():
        return _unsafe(host, words)
    hint = _ON_THIS_MACHINE if address.is_loopback(url) else ""
    if proxy := proxies.choose(url, os.environ, proxies.system()):
        hint = (
            f"Requests go through the proxy of {proxy.variable}: does it run? Hosts in "
            "NO_PROXY are reached without."
        )
    return ConnectionFailed(f"{host} cannot be reached: {words}", hint=hint)


def _unsafe(host: str, words: str) -> TLSFailed:
    return TLSFailed(
        f"No secure connection to {host}: {words}",
        hint="Should the base URL begin with http: instead of https:? Behind a "
        "proxy, check HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE.",
    )


def _transport(url: str) -> httpx.AsyncHTTPTransport:
    """Return what connects to a host, by the proxy and the certificates that are set.

    Raises:
        ConfigurationError: these cannot be used.
    """
    proxy = proxies.choose(url, os.environ, proxies.system())
    return httpx.AsyncHTTPTransport(
        verify=_context(url) or certificates.none(),
        trust_env=False,  # httpx fails at much that NO_PROXY may say
        limits=httpx.Limits(max_connections=None, keepalive_expiry=60),
        proxy=_httpx(proxy),
    )


def _context(url: str) -> ssl.SSLContext | None:
    """Return what checks the certificate of a host, None where it shows none."""
    if urlsplit(url).scheme != "https":
        return None
    return certificates.context(os.environ)


def _httpx(proxy: proxies.Proxy | None) -> httpx.Proxy | None:
    """Return a proxy as httpx takes it.

    Raises:
        ConfigurationError: it does not.
    """
    if proxy is None:
        return None
    if proxy.is_socks and find_spec("socksio") is None:
        raise ConfigurationError(
            f"{proxy.variable} names a SOCKS proxy, for which a package is missing.",
            hint="Run pip install 'apertis-magic[socks]' where this Python is; hosts "
            "in NO_PROXY are reached without a proxy.",
        )
    try:
        return httpx.Proxy(proxy.url, ssl_context=_context(proxy.url))
    except (ValueError, httpx.InvalidURL):
        pass  # its text repeats the address, and with it a password
    raise ConfigurationError(
        f"The proxy of {proxy.variable} cannot be used.",
        hint="It looks like http://proxy.example.org:3128.",
    )


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_closing: set[Future[None]] = set()


def _retire_all(open_: _Open) -> None:
    """Close connections that nobody uses any more."""
    _close_all(open_, Connections.retire)


def _close_all(
    open_: _Open, close: Callable[[Connections], Coroutine[Any, Any, None]]
) -> None:
    """Close connections soon, each on the loop that it belongs to, if that runs."""
    for owner in list(open_):
        found = open_.pop(owner, None)
        pid, loop, _ = owner
        if found is not None and pid == os.getpid() and loop.is_running():
            future = asyncio.run_coroutine_threadsafe(close(found), loop)
            _closing.add(future)
            future.add_done_callback(_closing.discard)


@atexit.register
def _finish() -> None:
    """Close what is still open, so that the interpreter ends without warnings."""
    for pool in list(_pools):
        pool.cut()
    wait(tuple(_closing), _PATIENCE)
