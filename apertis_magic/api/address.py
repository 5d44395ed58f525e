"""Where requests may go: checks a base URL and tells whose host it names."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError

_APERTIS = ("apertis.ai", "stima.tech")


def is_apertis(base_url: str) -> bool:
    """Tell whether *base_url* is the Apertis service itself."""
    host = urlsplit(base_url).hostname or ""
    return any(host == own or host.endswith("." + own) for own in _APERTIS)


def is_loopback(base_url: str) -> bool:
    """Tell whether *base_url* is on this machine."""
    host = urlsplit(base_url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_open(base_url: str) -> bool:
    """Tell whether all between here and another machine can read what is sent."""
    return urlsplit(base_url).scheme == "http" and not is_loopback(base_url)


def origin(base_url: str) -> str:
    """Return *base_url* without its path, always written in the same way."""
    parts = urlsplit(base_url.strip())
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(port)}"


def normalised(base_url: str) -> str:
    """Return *base_url* as requests use it, without what people add or leave out.

    Raises:
        ConfigurationError: requests cannot go there.
    """
    value: object = base_url
    if not isinstance(value, str):
        raise ConfigurationError("The base URL must be text.")
    base_url = base_url.strip().rstrip("/").removesuffix("/chat/completions")
    check(base_url)
    if is_apertis(base_url) and not urlsplit(base_url).path:
        return base_url + "/v1"
    return base_url


def check(base_url: str) -> None:
    """Check that requests can go to *base_url*, and that it holds no password.

    Raises:
        ConfigurationError: one line says what is wrong with it.
    """
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").encode("idna").decode("idna")
        is_address = parts.scheme in ("http", "https") and bool(host)
        is_address = is_address and parts.port != 0  # asking raises for 99999
        is_address = is_address and not re.search(r"[\s?#]", base_url)
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
            f"{redact(base_url.partition('?')[0])!r} cannot be the base URL.",
            hint="It looks like https://api.apertis.ai/v1, without a query.",
        )
