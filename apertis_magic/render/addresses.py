"""The address of a link and its text -> the host to show, where the text hides it.

Addresses are read as browsers do, which take backslashes for slashes, and what stands
before an ``@`` for a name.
"""

import re
from unicodedata import normalize
from urllib.parse import unquote

_WEB = re.compile(r"(?:https?|ftps?|wss?):[/\\]*", re.IGNORECASE)
_MAIL = re.compile(r"mailto:", re.IGNORECASE)
_AUTHORITY = re.compile(r"[^/\\?#]*")
_PORT = re.compile(r":\d*$")
_IGNORED = re.compile("[\x00-\x20\x7f\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_STOPS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))
_LABELS = r"(?:[\w-]+[.\u3002\uff0e\uff61])+"
# An address anywhere in a text; a name of a host as all of it, or by a common ending.
_CLAIMS = re.compile(
    rf"(?:https?|ftps?):[/\\]+[^\s<>\"']+|(?<![\w.])www[.\u3002]{_LABELS}[^\W\d_]{{2,}}"
    rf"|(?<![\w./\\-]){_LABELS}"
    r"(?:com|org|net|edu|gov|mil|int|io|ai|app|dev|co|info|biz|example)(?![\w-]|\.\w)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    rf"(?:[^\s/\\@]+@)?(?:{_LABELS}(?:[^\W\d_]{{2,}}|xn--[\w-]+)|\d+(?:\.\d+){{3}}"
    r"|\[[0-9a-f:.]+\])\.?(?::\d+)?(?:[/\\?#]\S*)?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?:[/?#]|$)", re.IGNORECASE)
_ENDS = ".,;:!?)]}'\""


def shown_host(address: str, text: str) -> str:
    """Return the host that *address* leads to, if it must stand behind the link.

    It must where it is not plain ASCII, where the address is written so that it can be
    taken for another, and where *text* looks like an address of another host.

    Args:
        address: where the link leads.
        text: what is shown of it.
    """
    if address == text and _PLAIN.match(address):
        return ""
    host, is_odd = _host(address)
    if not host:
        return ""
    claimed = [_host(claim)[0] for claim in _claims(text)]
    is_other = any(_bare(each) != _bare(host) for each in claimed)
    return host if is_odd or is_other else ""


def host_of(address: str) -> str:
    """Return the host that *address* leads to, as the network knows it."""
    return _host(address)[0]


def _host(address: str) -> tuple[str, bool]:
    """Return the host of *address*, and whether the address hides it."""
    address = _IGNORED.sub("", address)
    if mail := _MAIL.match(address):
        domain = unquote(address[mail.end() :].partition("?")[0]).rpartition("@")[2]
        return _ascii(domain), not domain.isascii()
    web = _WEB.match(address)
    if web is None:
        return "", False
    behind = _AUTHORITY.match(address, web.end())
    authority = behind[0] if behind else ""
    user, _, written = authority.rpartition("@")
    written = _PORT.sub("", written)
    host = unquote(written)
    is_odd = not host.isascii() or "%" in written or bool(user)
    return _ascii(host), is_odd or "\\" in address[: web.end() + len(authority) + 1]


def _claims(text: str) -> list[str]:
    """Return the addresses that *text* looks like."""
    plain = normalize("NFKC", _shown(text)).strip()
    if _ALONE.fullmatch(plain):
        return [f"https://{plain}"]
    claims = [each.rstrip(_ENDS) for each in _CLAIMS.findall(plain)]
    return [each if _WEB.match(each) else f"https://{each}" for each in claims]


def _shown(text: str) -> str:
    return "".join(c if c.isspace() else _IGNORED.sub("", c) for c in text)


def _ascii(host: str) -> str:
    """Return the name of a host in the letters that the network knows."""
    plain = normalize("NFKC", host.translate(_STOPS)).lower().rstrip(".")
    return ".".join(map(_label, plain.split(".")))


def _label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _bare(host: str) -> str:
    return host.removeprefix("www.")
