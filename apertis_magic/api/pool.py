"""The connections to one host: one pool for each event loop and process.

Sockets belong to one loop, and after a fork to the parent. What httpx raises becomes
one of our errors here.
"""

import asyncio
import atexit
import os
import ssl
import weakref
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx

from apertis_magic.api import address
from apertis_magic.errors import (
    ConfigurationError,
    ConnectionFailed,
    TimedOut,
    TLSFailed,
)

_ENVIRONMENT = "Check SSL_CERT_FILE and the proxy variables of the environment."
_ON_THIS_MACHINE = (
    "Does its server run? The local model's address is another one each time it "
    "starts: a client that was made for it before is of no use then."
)
_PATIENCE = 1.0
"""Seconds that the process's end waits for connections to be closed."""

# Connections that were never made: nothing can have been read, let alone billed.
NEVER_MADE = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


# One for each process and event loop.
_Clients: TypeAlias = dict[tuple[int, asyncio.AbstractEventLoop], httpx.AsyncClient]


class Pool:
    """Keeps connections to one base URL open between requests."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._clients: _Clients = {}
        closing = weakref.finalize(self, _close_all, self._clients)
        closing.atexit = False  # at the process's end ``_finish`` does it
        _pools.add(self)

    def client(self) -> httpx.AsyncClient:
        """Return the running loop's connections, made on first use.

        Raises:
            ConfigurationError: the environment's proxies or certificates do not work.
        """
        owner = os.getpid(), asyncio.get_running_loop()
        client = self._clients.get(owner)
        if client is None:
            for _, loop in list(self._clients):
                if loop.is_closed():
                    self._clients.pop((owner[0], loop), None)
            client = self._clients[owner] = _new_client(self._base_url)
        return client

    def abandon(self) -> None:
        """Close all connections soon, each on the loop that it belongs to."""
        _close_all(self._clients)

    async def aclose(self) -> None:
        """Close the running loop's connections; those of other loops may be in use."""
        owner = os.getpid(), asyncio.get_running_loop()
        client = self._clients.pop(owner, None)
        if client is not None:
            await client.aclose()


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
            hint="Check HTTPS_PROXY; hosts in NO_PROXY are reached without it.",
        ) from error
    except httpx.ConnectError as error:
        raise _unreachable(host, error) from error
    except ssl.SSLError as error:  # httpx lets those of a running connection through
        raise _unsafe(host, str(error)) from error
    except (httpx.RequestError, OSError) as error:
        raise ConnectionFailed(
            f"The connection to {host} broke off ({type(error).__name__})."
        ) from error
    except (OverflowError, ExceptionGroup) as error:  # such as a proxy's port of 99999
        raise ConfigurationError(
            f"The connection to {host} cannot be made: {error}", hint=_ENVIRONMENT
        ) from error


def _unreachable(host: str, error: httpx.ConnectError) -> ConnectionFailed:
    words = str(error)
    if "CERTIFICATE" in words.upper():
        return TLSFailed(
            f"The certificate of {host} cannot be verified: {words}",
            hint="Behind a proxy with a certificate of its own, set SSL_CERT_FILE to "
            "that; HTTPS_PROXY and NO_PROXY say which way requests go.",
        )
    if "SSL" in words.upper():
        return _unsafe(host, words)
    hint = _ON_THIS_MACHINE if address.is_loopback(f"http://{host}") else ""
    return ConnectionFailed(f"{host} cannot be reached: {words}", hint=hint)


def _unsafe(host: str, words: str) -> TLSFailed:
    return TLSFailed(
        f"No secure connection to {host}: {words}",
        hint="Should the base URL begin with http: instead of https:? Behind a "
        "proxy, check HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE.",
    )


def _new_client(base_url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=60)
    try:
        return httpx.AsyncClient(
            timeout=None,  # noqa: S113  every request brings its own
            follow_redirects=False,
            limits=limits,
            cookies=_NoCookies(),
            # A proxy for the world outside must not see what stays on this machine,
            # and a transport that is given goes through none.
            transport=httpx.AsyncHTTPTransport(limits=limits)
            if address.is_loopback(base_url)
            else None,
        )
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"The connection cannot be set up: {error}",
            hint=_ENVIRONMENT,
        ) from error


class _NoCookies(CookieJar):
    """Keeps none: an API knows who asks by the key, and some are no cookies at all."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take none."""


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_closing: set[Future[None]] = set()


def _close_all(clients: _Clients) -> None:
    """Close connections that nobody uses any more, where their loop still runs."""
    for owner in list(clients):
        client = clients.pop(owner, None)
        pid, loop = owner
        if client is not None and pid == os.getpid() and loop.is_running():
            future = asyncio.run_coroutine_threadsafe(client.aclose(), loop)
            _closing.add(future)
            future.add_done_callback(_closing.discard)


@atexit.register
def _finish() -> None:
    """Close what is still open, so that the interpreter ends without warnings."""
    for pool in list(_pools):
        pool.abandon()
    wait(tuple(_closing), _PATIENCE)
