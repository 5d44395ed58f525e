"""Where requests may go: checks a base URL and tells whose host it names."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from apertis_magic.credentials import holds_key, redact
from apertis_magic.errors import ConfigurationError

_APERTIS = ("apertis.ai", "stima.tech")
_UNFIT = re.compile(r"[\s#\x00-\x1f\x7f]")
_SECRET = re.compile(
    r"key$|token$|secret|passw|pwd|credential|signature|sig$|^sas$|bearer|jwt"
    r"|^auth(?:orization)?$|^code$|session",
    re.IGNORECASE,
)
"""The names that a query gives to secrets; Azure's functions call theirs ``code``."""
_LONG = re.compile(r"[A-Za-z0-9_+/=]{32,}")


def is_apertis(base_url: str) -> bool:
    """Tell whether *base_url* is the Apertis service itself."""
    host = urlsplit(base_url).hostname or ""
    return any(host == own or host.endswith("." + own) for own in _APERTIS)


def is_loopback(base_url: str) -> bool:
    """Tell whether *base_url* is on this machine."""
    found = _ip(base_url)
    host = (urlsplit(base_url).hostname or "").removesuffix(".")
    return host == "localhost" if found is None else found.is_loopback


def is_unspecified(base_url: str) -> bool:
    """Tell whether *base_url* is that of all interfaces, which servers tell as theirs.

    Who asks there reaches this machine, as no proxy would.
    """
    found = _ip(base_url)
    return found is not None and found.is_unspecified


def _ip(url: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that the host of an address is, None for a name."""
    try:
        found = ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def is_open(base_url: str) -> bool:
    """Tell whether all between here and another machine can read what is sent."""
    return urlsplit(base_url).scheme == "http" and not is_loopback(base_url)


def origin(base_url: str) -> str:
    """Return *base_url* without its path and query, always written in the same way."""
    parts = urlsplit(base_url.strip())
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(port)}"


def below(base_url: str, path: str, query: Mapping[str, Any] | None = None) -> str:
    """Return the address of *path* at an API, with the query that its base URL has.

    Args:
        base_url: the API's base URL.
        path: what goes behind its path.
        query: parameters that go over those of the base URL. A list is a parameter
            several times; None leaves one out.
    """
    base, _, own = base_url.partition("?")
    if query:
        kept = parse_qsl(own, keep_blank_values=True)
        pairs = [pair for pair in kept if pair[0] not in query]
        own = urlencode([*pairs, *_pairs(query)])
    return f"{base}{path}?{own}" if own else base + path


def _pairs(query: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in query.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if each is not None:
                yield name, str(each).lower() if isinstance(each, bool) else each


def normalised(base_url: str) -> str:
    """Return *base_url* as requests use it, without what people add or leave out.

    Raises:
        ConfigurationError: requests cannot go there.
    """
    value: object = base_url
    if not isinstance(value, str):
        raise ConfigurationError("The base URL must be text.")
    base, _, query = base_url.strip().partition("?")
    base = base.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    whole = f"{base}?{query}" if query else base
    check(whole)
    if is_apertis(whole) and not urlsplit(whole).path:
        return below(whole, "/v1")
    return whole


def check(base_url: str) -> None:
    """Check that requests can go to *base_url*, and that it holds no secret.

    Raises:
        ConfigurationError: one line says what is wrong with it.
    """
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna").decode("idna")
        is_address = parts.scheme in ("http", "https") and bool(host)
        is_address = is_address and parts.port != 0  # asking raises for 99999
        is_address = is_address and not _UNFIT.search(base_url)
        has_password = "@" in parts.netloc
    except ValueError:
        is_address = has_password = False
    if has_password:
        raise ConfigurationError(
            "The base URL holds a user name or a password, which would be shown.",
            hint="Leave out what stands before the @; a key goes into APERTIS_API_KEY.",
        )
    if not is_address:
        raise ConfigurationError(
            f"{redact(re.split('[?#]', base_url)[0])!r} cannot be the base URL.",
            hint="It looks like https://api.apertis.ai/v1, without what follows a #.",
        )
    if holds_secret(parse_qsl(parts.query, keep_blank_values=True)):
        raise ConfigurationError(
            "The query of the base URL holds what looks like a key, and would be shown "
            "with every answer.",
            hint="Leave it out: a key goes into APERTIS_API_KEY, or into a header of "
            "another name, such as api-key, by default_headers.",
        )


def holds_secret(query: Iterable[tuple[str, str]]) -> bool:
    """Tell whether a name in a query is that of a secret, or a value looks like one."""
    return any(
        _SECRET.search(name) or holds_key(f"{name} {value}") or _looks_drawn(value)
        for name, value in query
    )


def _looks_drawn(value: str) -> bool:
    """Tell whether *value* has as many letters and digits at a stretch as a key."""
    return any(re.search("[0-9]", run) for run in _LONG.findall(value))
