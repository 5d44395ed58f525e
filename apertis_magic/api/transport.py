"""Sends one request, again where that is right, and brings back what came of it."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn

from apertis_magic.api import address, bounds, failures, keys, retry
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

_REDIRECTS = range(300, 400)
_ERRORS = 400
_SECRET = re.compile(r"key|token|auth|secret|cookie")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = ("content-length", "transfer-encoding", "host", "connection")
_ERROR_BODY = 5.0
"""Seconds that the reason of a refusal may take; the status alone says enough."""


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
        base_url = address.normalised(base_url)
        known = keys.find(api_key, base_url=base_url)
        if known is None and address.is_apertis(base_url):
            raise ConfigurationError(
                "There is no API key.", hint=keys.how_to_give_one()
            )
        return cls(base_url=base_url, api_key=known.key if known else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        path: where, below the base URL; an address of its own where it begins with
            ``http``.
        body: what to send as JSON; None makes it a GET.
        headers: headers for this request alone.
        timeouts: for this request; None leaves the client's.
        max_retries: for this request; None leaves the client's.
        on_retry: called with the failure and the seconds before each further try.
        public: whether it goes without the key.
    """

    path: str
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
        self._pool = Pool(target.base_url)
        if target.api_key is not None and "authorization" in self._headers:
            raise ConfigurationError(
                "There are two keys: an Authorization header and api_key.",
                hint="Leave the header out; it is made from the key.",
            )

    async def send(self, call: Call) -> Incoming:
        """Send *call* and return the response, its body still unread.

        Raises:
            ConfigurationError: the body cannot be written as JSON; nothing was sent.
            ApertisError: no answer, or one with an error status, after all tries.
        """
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
        """Close the connections."""
        await self._pool.aclose()

    async def _send(self, call: Call, content: bytes | None) -> Incoming:
        timeouts = call.timeouts or self._timeouts
        base_url = self.target.base_url
        is_whole = call.path.startswith("http")
        headers = self._headers_of(call, timeouts)
        with translated(base_url, connect=timeouts.connect):
            client = self._pool.client()
            request = client.build_request(
                "GET" if content is None else "POST",
                call.path if is_whole else base_url + call.path,
                content=content,
                headers=headers,
                # Only for connecting; what comes after is bounded by ours.
                extensions={"timeout": {"connect": timeouts.connect}},
            )
            # Until the first byte of the body, which may come long after the headers.
            due = asyncio.get_running_loop().time()
            due += timeouts.connect + timeouts.first_byte
            try:
                async with asyncio.timeout_at(due):
                    http = await client.send(request, stream=True)
            except TimeoutError as error:
                raise silent(base_url, timeouts.first_byte) from error
        incoming = Incoming(
            http,
            timeouts=timeouts,
            redact=self._redactor(headers),
            pool=self._pool,
            due=due,
        )
        if incoming.response.status >= _REDIRECTS.start:
            raise await _refusal(incoming, base_url, call.body)
        return incoming

    def _headers_of(self, call: Call, timeouts: Timeouts) -> dict[str, str]:
        target = self.target
        headers = {
            "user-agent": _agent(),
            "accept": "application/json, text/event-stream",
            "accept-encoding": "identity",
        }
        if call.body is not None:
            headers["content-type"] = "application/json"
            if address.is_apertis(target.base_url):
                headers["x-timeout"] = str(timeouts.gateway)
        headers |= self._headers | checked(call.headers)
        if target.api_key is not None:
            headers["authorization"] = f"Bearer {target.api_key}"
        if call.public:
            return {k: v for k, v in headers.items() if not _SECRET.search(k)}
        return headers

    @property
    def secrets(self) -> tuple[str, ...]:
        """The key, and the headers of every request that hold one."""
        return secrets(self._headers, self.target.api_key)

    def _redactor(self, headers: Mapping[str, str]) -> "_Redactor":
        return _Redactor(secrets(headers, self.target.api_key))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds a key and connections; it does not pickle")


def secrets(headers: Mapping[str, str], key: str | None = None) -> tuple[str, ...]:
    """Return the key, and what checked headers hold that is as secret."""
    values = [value for name, value in headers.items() if _SECRET.search(name)]
    # Servers repeat what stands behind "Bearer" rather than all of it.
    words = [value.split()[-1] for value in values if value]
    return (*values, *words, *([key] if key else []))


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
    """Return the error that a response with a redirect or an error status is."""
    if incoming.response.status in _REDIRECTS:
        await incoming.aclose()
        return failures.redirect(incoming.response, base_url)
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
