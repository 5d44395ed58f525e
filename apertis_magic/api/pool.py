"""The connections to one host: one pool for each event loop and process.

Sockets belong to one loop, and after a fork to the parent. What httpx raises becomes
one of our errors here.
"""

import asyncio
import atexit
import os
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

from apertis_magic.api import address
from apertis_magic.errors import (
    ConfigurationError,
    ConnectionFailed,
    TimedOut,
    TLSFailed,
)

_PATIENCE = 1.0
"""Seconds that the process's end waits for connections to be closed."""

# Connections that were never made: nothing can have been read, let alone billed.
NEVER_MADE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


class Pool:
    """Keeps connections to one base URL open between requests."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._client: httpx.AsyncClient | None = None
        self._owner: tuple[int, int] | None = None
        self._closing: weakref.finalize[Any, Any] | None = None
        _pools.add(self)

    def client(self) -> httpx.AsyncClient:
        """Return the running loop's connections, made on first use.

        Raises:
            ConfigurationError: the environment's proxies or certificates do not work.
        """
        if self._client is None or self._owner != _here():
            if self._closing is not None:
                self._closing.detach()
            self._owner = _here()
            self._client = _new_client(self._base_url)
            loop = asyncio.get_running_loop()
            close = weakref.finalize(self, _close, self._client, loop, os.getpid())
            # At the process's end ``_finish`` does it.
            close.atexit = False
            self._closing = close
        return self._client

    def abandon(self) -> None:
        """Close the connections soon, on the loop that they belong to."""
        # Taken from the finalizer, which does nothing any more at the process's end.
        found = self._closing and self._closing.detach()
        if found:
            _, close, arguments, _ = found
            close(*arguments)

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None and self._owner == _here():
            await client.aclose()


@contextmanager
def translated(base_url: str, *, connect: float = 0) -> Iterator[None]:
    """Turn httpx's exceptions into ours; *connect* is that time-out, in seconds.

    Raises:
        ConnectionFailed: there is no connection, or it broke.
        TimedOut: the host did not accept a connection in time.
        ConfigurationError: the base URL cannot be used.
    """
    where = urlsplit(base_url).netloc
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise TimedOut(
            f"{where} did not accept a connection in {connect:g} s."
        ) from error
    except httpx.LocalProtocolError:
        # Its text, and the exception before it, may repeat a header's value.
        raise ConfigurationError("A header cannot be sent as it is.") from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise ConfigurationError(f"The base URL does not work: {error}") from error
    except httpx.ProxyError as error:
        raise ConnectionFailed(
            f"The proxy did not let the request to {where} through: {error}",
            hint="Check HTTPS_PROXY; hosts in NO_PROXY are reached without it.",
        ) from error
    except httpx.ConnectError as error:
        raise _unreachable(where, error) from error
    except httpx.RequestError as error:
        raise ConnectionFailed(
            f"The connection to {where} broke off ({type(error).__name__})."
        ) from error


def _unreachable(where: str, error: httpx.ConnectError) -> ConnectionFailed:
    words = str(error)
    if "CERTIFICATE" in words.upper():
        return TLSFailed(
            f"The certificate of {where} cannot be verified: {words}",
            hint="Behind a proxy with a certificate of its own, set SSL_CERT_FILE to "
            "that; HTTPS_PROXY and NO_PROXY say which way requests go.",
        )
    if "SSL" in words.upper():
        return TLSFailed(
            f"No secure connection to {where}: {words}",
            hint="Should the base URL begin with http: instead of https:? Behind a "
            "proxy, check HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE.",
        )
    return ConnectionFailed(f"{where} cannot be reached: {words}")


def _here() -> tuple[int, int]:
    return os.getpid(), id(asyncio.get_running_loop())


def _new_client(base_url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=60)
    try:
        return httpx.AsyncClient(
            timeout=None,  # noqa: S113  every request brings its own
            follow_redirects=False,
            limits=limits,
            # A proxy for the world outside must not see what stays on this machine,
            # and a transport that is given goes through none.
            transport=httpx.AsyncHTTPTransport(limits=limits)
            if address.is_loopback(base_url)
            else None,
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"The connection cannot be set up: {error}",
            hint="Check SSL_CERT_FILE and the proxy variables of the environment.",
        ) from error


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_closing: set[Future[None]] = set()


def _close(
    client: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, pid: int
) -> None:
    """Close the connections of a client that nobody closed and nobody uses."""
    if os.getpid() == pid and loop.is_running():
        future = asyncio.run_coroutine_threadsafe(client.aclose(), loop)
        _closing.add(future)
        future.add_done_callback(_closing.discard)


@atexit.register
def _finish() -> None:
    """Close what is still open, so that the interpreter ends without warnings."""
    for pool in list(_pools):
        pool.abandon()
    wait(tuple(_closing), _PATIENCE)
