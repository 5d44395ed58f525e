"""Which redirects are followed: those that keep a request, and its key, at one host."""

import re
from urllib.parse import urljoin, urlsplit

from apertis_magic.api.response import Response
from apertis_magic.credentials import KEY
from apertis_magic.errors import StatusError

MOST = 5
"""How often one request is redirected."""

STATUSES = range(300, 400)
_KEPT = frozenset({301, 302, 307, 308})
"""After these a request goes on as it is, although browsers make a GET of some."""

_SEE_OTHER = 303
_PORTS = {"http": 80, "https": 443}
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST = 200
"""Characters of an address that is told."""


def following(url: str, response: Response, *, is_get: bool) -> str | None:
    """Return where a request goes on, None where it does not.

    Args:
        url: where the request went.
        response: the redirect; its ``Location`` is relative or not.
        is_get: whether the request is a GET.
    """
    is_kept = response.status in _KEPT or (is_get and response.status == _SEE_OTHER)
    found = _location(url, response)
    # What repeats the key would be logged.
    if not is_kept or not found or KEY in found or _objection(url, found):
        return None
    return found


def refusal(url: str, response: Response, path: str) -> StatusError:
    """Return the error for a redirect that is not followed.

    Args:
        url: where the request went.
        response: the redirect.
        path: what the request adds to the base URL.
    """
    found = _location(url, response)
    if not found:
        return _error(f"{_shown(url)} answers with a redirect to nowhere", response)
    shown = _shown(found)
    reason = _objection(url, found) or "it is no place to send a question to again"
    base = shown.rstrip("/").removesuffix(path)
    hint = "If you trust it, set the base URL to "
    hint += base if base != shown.rstrip("/") else "that of the API there"
    words = f"{_shown(url)} answers with a redirect to {shown}, which is not followed"
    return _error(f"{words}: {reason}", response, f"{hint}.")


def endless(url: str, response: Response) -> StatusError:
    """Return the error for redirects that come to no end."""
    return _error(f"{_shown(url)} answers with more than {MOST} redirects", response)


def _location(url: str, response: Response) -> str:
    """Return the whole address that a redirect names, empty where it names none."""
    location = response.headers.get("location", "")
    try:
        found = urljoin(url, location).partition("#")[0]
        is_address = urlsplit(found).scheme in _PORTS and urlsplit(found).hostname
    except ValueError:
        return ""
    return found if location and is_address and not _UNFIT.search(found) else ""


def _objection(url: str, found: str) -> str:
    """Return why an address does not get what was for another, empty where it does."""
    before, after = urlsplit(url), urlsplit(found)
    if (before.scheme, after.scheme) == ("https", "http"):
        return "it is not encrypted"
    if "@" in after.netloc:
        return "it brings a user name along"
    ports = _port(url), _port(found)
    is_safer = before.scheme != after.scheme and ports == (80, 443)
    is_elsewhere = _host(url) != _host(found)
    if is_elsewhere or not (is_safer or ports[0] == ports[1]):
        return "question and key stay with one host"
    return ""


def _host(url: str) -> bytes | None:
    """Return the host of an address as it is connected to, None where it is none."""
    import httpx

    # Not by Python's own IDNA, which makes one host of two that are not the same.
    try:
        return httpx.URL(url).raw_host
    except (httpx.InvalidURL, UnicodeError):
        return None


def _port(url: str) -> int | None:
    """Return the port of an address, None where it cannot be one."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return None
    return _PORTS[parts.scheme] if port is None else port or None


def _shown(url: str) -> str:
    """Return an address without what may be secret in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:_LONGEST]


def _error(words: str, response: Response, hint: str = "") -> StatusError:
    return StatusError(
        f"{words}.",
        status=response.status,
        request_id=response.request_id,
        headers=response.headers,
        hint=hint or "Check the base URL.",
    )
