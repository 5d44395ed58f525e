"""Which proxy a request goes through, by the variables of the environment.

They are read as curl, Go and Python's own urllib read them; what none of these
understands in NO_PROXY is passed over. A host on this machine is reached without one.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from apertis_magic.api import address
from apertis_magic.api.environment import unquoted
from apertis_magic.errors import ConfigurationError

_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}
_SYSTEM = "the system's settings"
_ITEM = re.compile(r"(\[[^\]]*\](?:/\d+)?|[^:]*)(?::(\d{1,5}))?", re.ASCII)
"""A host, an IP address or a network, and a port perhaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy; its address may hold a password and never shows in the repr.

    Attributes:
        url: its address.
        variable: who names it, such as ``HTTPS_PROXY``.
    """

    url: str = field(repr=False)
    variable: str

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS, for which a package is needed."""
        return self.url.lower().startswith("socks")


@dataclass(frozen=True, slots=True)
class System:
    """What the settings of macOS or Windows say; other systems have none.

    Attributes:
        proxies: gives the proxies' addresses by the schemes of what is asked.
        bypasses: tells whether a host is reached without one.
    """

    proxies: Callable[[], Mapping[str, str]] = dict
    bypasses: Callable[[str], bool] = lambda _: False


def system() -> System:
    """Return what this system's settings say."""
    if not {"win32", "darwin"} & {sys.platform}:
        return System()
    from urllib import request

    return System(request.getproxies, lambda host: bool(request.proxy_bypass(host)))


def choose(
    url: str, environment: Mapping[str, str], settings: System | None = None
) -> Proxy | None:
    """Return the proxy that requests to *url* go through, None for none.

    Args:
        url: where they go.
        environment: the variables.
        settings: what the system says where no variable names a proxy.

    Raises:
        ConfigurationError: the proxy that is named cannot be used. The line names the
            variable, and no password.
    """
    parts = urlsplit(url)
    if address.is_loopback(url) or address.is_unspecified(url):
        return None
    named = dict(_named(environment))
    if bypasses(parts, named.pop("no", ("", ""))[1]):
        return None
    host = parts.hostname or ""
    if not {"http", "https", "all"} & set(named) and settings is not None:
        known = {} if settings.bypasses(host) else settings.proxies()
        named = {scheme: (_SYSTEM, proxy) for scheme, proxy in known.items()}
    variable, found = named.get(parts.scheme) or named.get("all") or ("", "")
    return _checked(found, variable) if found else None


def _named(environment: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give for each scheme the variable that names its proxy, and the address.

    A name in lower case goes first, also where it is empty. A web server's CGI makes
    HTTP_PROXY of a header, so that anybody could set it.
    """
    spelt: dict[str, str] = {}
    for variable in environment:
        scheme, _, rest = variable.lower().partition("_")
        is_forged = variable == "HTTP_PROXY" and "REQUEST_METHOD" in environment
        if rest == "proxy" and not is_forged and not spelt.get(scheme, "").islower():
            spelt[scheme] = variable
    for scheme, variable in spelt.items():
        if value := unquoted(environment[variable]):
            yield scheme, (variable, value)


def bypasses(parts: SplitResult, no_proxy: str) -> bool:
    """Tell whether NO_PROXY has an address reached without a proxy.

    Args:
        parts: the address.
        no_proxy: hosts, domains, IP addresses and networks, each perhaps with a port,
            between commas or blanks; ``*`` is all.
    """
    return any(_matches(each, parts) for each in re.split(r"[,;\s]+", no_proxy) if each)


def _matches(item: str, parts: SplitResult) -> bool:
    scheme, is_whole, rest = item.lower().partition("://")
    if is_whole and scheme not in (parts.scheme, "all"):
        return False
    item = rest.rstrip("/") if is_whole else item.lower()
    name, port = _parted(item)
    if port is not None and port != (parts.port or _PORTS.get(parts.scheme)):
        return False
    if name == "*":
        return True
    host = _plain(parts.hostname or "")
    try:
        return _address(host) in ip_network(_unmapped(name), strict=False)
    except ValueError:
        pass  # one of them is a name, or neither
    domain = _plain(name.removeprefix("*").removeprefix("."))
    return bool(domain) and f".{host}".endswith(f".{domain}")


def _parted(item: str) -> tuple[str, int | None]:
    """Return what names a host, and the port behind it, None for any."""
    found = _ITEM.fullmatch(item)
    if found is None:  # an IPv6 address as it is
        return item, None
    name = re.sub(r"[\[\]]", "", found[1])
    return name, int(found[2]) if found[2] else None


def _address(host: str) -> object:
    found = ip_address(host)
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))  # without its interface
    return found


def _unmapped(name: str) -> str:
    """Return an IP address or network without its interface, and IPv4 as such."""
    bare, slash, length = name.partition("/")
    bare = bare.partition("%")[0]
    return bare + slash + length if slash else str(_address(bare))


def _plain(host: str) -> str:
    """Return a host's name as it is looked up."""
    host = host.rstrip(".").lower()
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _checked(url: str, variable: str) -> Proxy:
    """Return the proxy of that address, which is http where it does not say.

    Raises:
        ConfigurationError: it cannot be one.
    """
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0  # raises for 99999
        is_address = is_address and not re.search(r"\s", url)
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(
            f"What {variable} says is no address of a proxy.",
            hint="It looks like http://proxy.example.org:3128.",
        )
    if parts.scheme not in _SCHEMES:
        raise ConfigurationError(
            f"The proxy of {variable} cannot be used: it begins with "
            f"{parts.scheme}://, which is none of {', '.join(_SCHEMES)}.",
            hint="Many that are called socks:// are socks5://; hosts in NO_PROXY are "
            "reached without a proxy.",
        )
    return Proxy(url=url, variable=variable)
