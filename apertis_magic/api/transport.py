"""Sends one request, again where that is right, and brings back what came of it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn

import httpx

from apertis_magic.api import address, bounds, failures, keys, redirects, retry
from apertis_magic.api.asked_key import AskedKey, KeyFunction
from apertis_magic.api.capabilities import Capabilities
from apertis_magic.api.incoming import Incoming, silent
from apertis_magic.api.pool import NEVER_MADE, Pool, translated
from apertis_magic.api.timeouts import Timeouts
from apertis_magic.api.value import Json, as_json
from apertis_magic.credentials import redact
from apertis_magic.errors import (
    ApertisError,
    ConfigurationError,
    ConnectionFailed,
    StatusError,
    TimedOut,
    TLSFailed,
)

_ERRORS = 400
_SECRET = re.compile(r"key|token|auth|secret|cookie")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("content-length", "transfer-encoding", "host", "connection")
_ERROR_BODY = 5.0
"""Seconds that the reason of a refusal may take; the status alone says enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go and with which key; the key never shows in the repr.

    Attributes:
        base_url: the API's address.
        api_key: the key, None for none.
        asked_key: gives the key where a function does; None where none does.
    """

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    asked_key: AskedKey | None = field(default=None, repr=False)

    @classmethod
    def of(cls, base_url: str, api_key: "str | KeyFunction | None") -> "Target":
        """Check the address and the key.

        Raises:
            ConfigurationError: the address is none, or a key is missing where the
                host needs one.
        """
        base_url = address.normalised(base_url)
        if callable(api_key):
            return cls(base_url=base_url, asked_key=AskedKey(api_key))
        known = keys.find(api_key, base_url=base_url)
        if known is None and address.is_apertis(base_url):
            raise ConfigurationError(
                "There is no API key.", hint=keys.how_to_give_one()
            )
        return cls(base_url=base_url, api_key=known.key if known else None)

    @property
    def has_key(self) -> bool:
        """Whether requests go with a key."""
        return self.api_key is not None or self.asked_key is not None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, or those that the function gave last."""
        if self.asked_key is not None:
            return self.asked_key.known
        return (self.api_key,) if self.api_key else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        path: where, below the base URL; an address of its own where it begins with
            ``http``.
        query: parameters that go over those of the base URL.
        body: what to send as JSON; None makes it a GET.
        headers: headers for this request alone.
        timeouts: for this request; None leaves the client's.
        max_retries: for this request; None leaves the client's.
        on_retry: called with the failure and the seconds before each further try.
        public: whether it goes without the key.
    """

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeouts: Timeouts | None = None
    max_retries: int | None = None
    on_retry: Callable[[ApertisError, float], None] | None = None
    public: bool = False


class Transport:
    """The requests to one target.

    Attributes:
        target: where they go.
        capabilities: what the server there has been found to take.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeouts: Timeouts,
        max_retries: int,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self.target = target
        self.capabilities = Capabilities()
        self._timeouts = timeouts
        self._max_retries = checked_retries(max_retries)
        self._headers = checked(default_headers or {})
        self._pool = Pool()
        self._is_closed = False
        if target.has_key and "authorization" in self._headers:
            raise ConfigurationError(
                "There are two keys: an Authorization header and api_key.",
                hint="Leave the header out; it is made from the key.",
            )

    def altered(
        self,
        target: Target,
        *,
        timeouts: Timeouts | None,
        max_retries: int | None,
        default_headers: Mapping[str, str] | None,
    ) -> "Transport":
        """Return one with other options, by the same connections.

        Args:
            target: where its requests go; the same one takes the same.
            timeouts: None leaves them.
            max_retries: None leaves it.
            default_headers: go over those that are there.

        Raises:
            ConfigurationError: a number or a header cannot be right.
        """
        made = Transport(
            target,
            timeouts=timeouts or self._timeouts,
            max_retries=self._max_retries if max_retries is None else max_retries,
            default_headers={**self._headers, **checked(default_headers or {})},
        )
        made._pool = self._pool
        if target == self.target:
            made.capabilities = self.capabilities
        return made

    async def send(self, call: Call) -> Incoming:
        """Send *call* and return the response, its body still unread.

        Raises:
            ConfigurationError: the body cannot be written as JSON, there is no key, or
                the client is closed; nothing was sent.
            ApertisError: no answer, or one with an error status, after all tries.
        """
        if self._is_closed:
            raise ConfigurationError("This client is closed.", hint="Make another one.")
        content = None if call.body is None else _encode(call.body)
        most = self._max_retries if call.max_retries is None else call.max_retries
        tries, is_read = 0, content is None
        while True:
            try:
                return await self._send(call, content)
            except (ConnectionFailed, StatusError) as error:
                wait = _wait(error, tries, may_repeat=is_read)
                if wait is None or tries >= most:
                    raise
                if call.on_retry is not None:
                    call.on_retry(error, wait)
            await asyncio.sleep(wait)
            tries += 1

    async def aclose(self) -> None:
        """Take no more calls, and close the connections; what is answered goes on."""
        self._is_closed = True
        await self._pool.aclose()
        self._pool.abandon()

    async def _send(self, call: Call, content: bytes | None) -> Incoming:
        """Send *call* once, to where redirects lead it."""
        timeouts = call.timeouts or self._timeouts
        headers = await self._headers_of(call, timeouts)
        # Until the first byte of the body, which may come long after the headers.
        due = asyncio.get_running_loop().time()
        due += timeouts.connect + timeouts.first_byte
        url = self._url_of(call)
        for _ in range(1 + redirects.MOST):
            incoming, due = await self._send_to(url, content, headers, timeouts, due)
            if incoming.response.status not in redirects.STATUSES:
                break
            await incoming.aclose()
            found = redirects.following(url, incoming.response, is_get=content is None)
            if found is None:
                raise redirects.refusal(url, incoming.response, call.path)
            url = found
        else:
            raise redirects.endless(url, incoming.response)
        if incoming.response.status >= _ERRORS:
            raise await _refusal(incoming, self.target.base_url, call.body)
        return incoming

    def _url_of(self, call: Call) -> str:
        if call.path.startswith("http"):
            return call.path
        return address.below(self.target.base_url, call.path, call.query)

    async def _send_to(
        self,
        url: str,
        content: bytes | None,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        due: float,
    ) -> tuple[Incoming, float]:
        """Send a request; return whatever answers it, and when its body is due."""
        deadline = asyncio.timeout_at(due)
        with translated(url, connect=timeouts.connect):
            connections = self._pool.to(url)
            request = httpx.Request(
                "GET" if content is None else "POST",
                url,
                content=content,
                headers=headers,
                # What comes after connecting is bounded by the deadline.
                extensions={
                    "timeout": {"connect": timeouts.connect},
                    "trace": _once_connected(deadline, timeouts.first_byte),
                },
            )
            try:
                http = await connections.send(request, deadline)
            except TimeoutError as error:
                raise silent(url, timeouts.first_byte) from error
        due = deadline.when() or due
        incoming = Incoming(
            http,
            timeouts=timeouts,
            redact=self._redactor(headers),
            connections=connections,
            due=due,
        )
        return incoming, due

    async def _headers_of(self, call: Call, timeouts: Timeouts) -> dict[str, str]:
        """Return the headers; those of the call alone go over all others."""
        target, own = self.target, checked(call.headers)
        headers = {
            "user-agent": _agent(),
            "accept": "application/json, text/event-stream",
            "accept-encoding": "identity",
        }
        if call.body is not None:
            headers["content-type"] = "application/json"
            if address.is_apertis(target.base_url):
                headers["x-timeout"] = str(timeouts.gateway)
        headers |= self._headers
        if not call.public and "authorization" not in own:
            key = await target.asked_key.ask() if target.asked_key else target.api_key
            headers |= {"authorization": f"Bearer {key}"} if key else {}
        headers |= own
        if call.public:
            return {k: v for k, v in headers.items() if not _SECRET.search(k)}
        return headers

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and the headers of every request that hold one."""
        return secrets(self._headers, self.target.secrets)

    def _redactor(self, headers: Mapping[str, str]) -> "_Redactor":
        return _Redactor(secrets(headers, self.target.secrets))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a key and connections; it does not pickle")


def _once_connected(
    deadline: asyncio.Timeout, seconds: float
) -> Callable[[str, object], Awaitable[None]]:
    """Return what has a request end so many seconds after it is connected."""

    async def trace(event: str, _: object) -> None:
        due, now = deadline.when(), asyncio.get_running_loop().time()
        if event.endswith("send_request_headers.started") and due is not None:
            deadline.reschedule(min(due, now + seconds))

    return trace


def secrets(headers: Mapping[str, str], keys: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the keys, and what checked headers hold that is as secret."""
    values = [value for name, value in headers.items() if _SECRET.search(name)]
    # Servers repeat what stands behind "Bearer" rather than all of it.
    words = [value.split()[-1] for value in values if value]
    return (*values, *words, *keys)


@dataclass(frozen=True, slots=True)
class _Redactor:
    """Takes the keys of one request out of what the server says."""

    _keys: tuple[str, ...] = field(repr=False)

    def __call__(self, text: str) -> str:
        return redact(text, *self._keys)


def _wait(error: ApertisError, tries: int, *, may_repeat: bool) -> float | None:
    """Return the seconds until the next try, or None if there should be none."""
    if isinstance(error, TLSFailed):
        return None
    # Anything but a connection never made may have been read, and billed; and who was
    # silent once is not waited for again.
    never_made = isinstance(error.__cause__, NEVER_MADE)
    is_repeatable = may_repeat and not isinstance(error, TimedOut)
    if isinstance(error, StatusError) or never_made or is_repeatable:
        return retry.delay(error, tries)
    return None


def checked_retries(number: int) -> int:
    """Return *number*, how often to try again.

    Raises:
        ConfigurationError: it is no whole number, or below 0.
    """
    value: object = number
    if isinstance(value, bool) or not isinstance(value, int) or number < 0:
        raise ConfigurationError(
            f"max_retries must be a whole number, 0 or more, not {number!r}"
        )
    return number


def checked(headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with their names in lower case.

    Raises:
        ConfigurationError: one cannot be sent. Its value, which may be a key, is not
            repeated.
    """
    fields: Any = headers
    if not isinstance(fields, Mapping):
        raise ConfigurationError("Headers must be a mapping of names to values.")
    for name, value in fields.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise ConfigurationError(f"The header {name!r} must be text.")
        if not _NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ConfigurationError(
                f"The header {name!r} has characters that no header has."
            )
        if name.lower() in _OURS:
            raise ConfigurationError(f"The header {name!r} is made from the request.")
    return {name.lower(): value.strip() for name, value in headers.items()}


async def _refusal(
    incoming: Incoming, base_url: str, asked: Json | None
) -> StatusError:
    """Return the error that a response with an error status is."""
    response, redact = incoming.response, incoming.redact
    body = await incoming.beginning(bounds.ERROR, _ERROR_BODY)
    return failures.from_response(response, body, redact, base_url, asked)


@cache
def _agent() -> str:
    """Return what we are to a server, which the first request looks up for all.

    Cloudflare, which stands before the service, refuses unnamed clients.
    """
    return f"apertis-magic/{version('apertis-magic')}"


def _encode(body: Json) -> bytes:
    try:
        # In ASCII, because text from a file may hold half of a surrogate pair.
        return json.dumps(body, allow_nan=False, default=as_json).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The request is no JSON: {error}") from error
