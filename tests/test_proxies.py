"""Which proxy a request goes through: a pure function of address and environment."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic.api import proxies
from apertis_magic.api.proxies import System
from apertis_magic.errors import ConfigurationError

URL = "https://models.example.org/v1"
PROXY = "http://proxy.example.org:3128"


def chosen(url: str, **environment: str) -> str | None:
    """Return the address of the proxy that is chosen, None for none."""
    found = proxies.choose(url, environment)
    return found.url if found else None


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", URL),
        (" * ", URL),
        ("a.example, *", URL),
        ("*:443", URL),
        ("models.example.org", URL),
        ("MODELS.Example.ORG.", URL),
        ("example.org", URL),
        (".example.org", URL),
        (".example.org", "https://example.org"),
        ("*.example.org", URL),
        ("models.example.org:443", URL),
        ("example.org:8080", "http://models.example.org:8080/v1"),
        ("https://models.example.org", URL),
        ("all://example.org/", URL),
        ("https://models.example.org:443", URL),
        (",, a.example ,\t.example.org,,", URL),
        ("a.example models.example.org", URL),
        ('"models.example.org"', URL),
        ("10.0.0.0/8", "http://10.1.2.3:11434/v1"),
        ("10.1.2.3/8", "http://10.9.9.9/v1"),
        ("10.0.0.0/8:80", "http://10.1.2.3/v1"),
        ("10.1.2.3", "http://10.1.2.3:8000"),
        ("10.1.2.3:8000", "http://10.1.2.3:8000"),
        ("0.0.0.0/0", "http://10.1.2.3"),
        ("2001:db8::7", "http://[2001:db8::7]/v1"),
        ("[2001:db8::7]", "http://[2001:DB8:0::7]/v1"),
        ("[2001:db8::7]:80", "http://[2001:db8::7]/v1"),
        ("::/0", "http://[2001:db8::7]/v1"),
        ("[::]/0", "http://[2001:db8::7]/v1"),
        ("fe80::/10", "http://[fe80::1%25eth0]:8000/v1"),
        ("fe80::1%eth0", "http://[fe80::1]/v1"),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]/v1"),
        ("::ffff:10.1.2.3", "http://10.1.2.3/v1"),
        ("bücher.example", "https://xn--bcher-kva.example/v1"),
        ("xn--bcher-kva.example", "https://www.bücher.example/v1"),
    ],
)
def test_no_proxy_has_a_host_reached_without_one(no_proxy: str, url: str) -> None:
    """As curl, requests, urllib or Go read it."""
    environment = {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY}

    assert chosen(url, **environment, NO_PROXY=no_proxy) is None
    assert PROXY == chosen(url, **environment)


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        " , ,",
        "[::1]",
        "::1",
        "::/0",
        "fe80::/10",
        "10.0.0.0/8",
        "10.0.0.0/99",
        "10.0.0.0/",
        "[",
        "[::1",
        "]:80",
        "[::1]:99999999",
        ":",
        ":443",
        ".",
        "*.",
        "://",
        "http://",
        "http://models.example.org",
        "xample.org",
        "s.example.org",
        "a.models.example.org",
        "models.example.org:80",
        "models.example.org:0443x",
        "%",
        "\u2028é\x00",
        "a" * 300 + ".example",
        "xn--",
        "/etc/hosts",
        "models.example.org" + ":" + "4" * 5000,
    ],
)
def test_what_no_proxy_says_of_others_is_passed_over(no_proxy: str) -> None:
    """Nor is anything fatal that it does not understand."""
    assert PROXY == chosen(URL, HTTPS_PROXY=PROXY, NO_PROXY=no_proxy)


ITEMS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[\[\]:.%/*0-9a-f]{1,20}", fullmatch=True),
    st.from_regex(r"(http|all|)(://)?\[?[0-9a-f:.]{0,12}\]?(/[0-9]*)?(:[0-9]*)?"),
)


@given(
    st.lists(ITEMS, max_size=5).map(",".join),
    st.sampled_from([URL, "http://10.1.2.3", "http://[2001:db8::7]:8000/v1"]),
)
def test_nothing_in_no_proxy_is_fatal(no_proxy: str, url: str) -> None:
    """Whatever it says, it has a host reached without a proxy or not."""
    assert proxies.bypasses(urlsplit(url), no_proxy) in (True, False)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080/v1",
        "https://localhost/v1",
        "http://0.0.0.0:4000",
        "http://[::]:4000",
        "http://localhost.:4000/v1",
        "http://[::ffff:127.0.0.1]/v1",
    ],
)
def test_what_is_on_this_machine_has_none(url: str) -> None:
    """Not even one that cannot be used is looked at."""
    assert chosen(url, HTTP_PROXY="%%", HTTPS_PROXY="x://", ALL_PROXY=":") is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": "http://other", "https_proxy": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": " "}, None),
        ({"HTTP_PROXY": PROXY}, None),
        ({"ALL_PROXY": PROXY}, PROXY),
        ({"all_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "http://other"),
        ({"HTTPS_PROXY": "proxy.example.org:3128"}, PROXY),
        ({"HTTPS_PROXY": "proxy"}, "http://proxy"),
        ({"HTTPS_PROXY": f'"{PROXY}"'}, PROXY),
        ({"HTTPS_PROXY": f" {PROXY}\n"}, PROXY),
        ({"ALL_PROXY": "socks5h://127.0.0.1:9050"}, "socks5h://127.0.0.1:9050"),
        ({"HTTPS_PROXY": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ({"FTP_PROXY": PROXY, "TRAVIS_APT_PROXY": PROXY, "PROXY": PROXY}, None),
    ],
)
def test_which_variable_counts(
    environment: dict[str, str], expected: str | None
) -> None:
    """That of the scheme before ALL_PROXY, and lower case before upper."""
    assert expected == chosen(URL, **environment)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HTTP_PROXY": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ({"HTTPS_PROXY": PROXY}, None),
    ],
)
def test_a_header_of_a_request_is_no_proxy(
    environment: dict[str, str], expected: str | None
) -> None:
    """A web server's CGI makes HTTP_PROXY of the header ``Proxy``."""
    assert expected == chosen("http://models.example.org/v1", **environment)


@pytest.mark.parametrize(
    "value",
    [
        "socks4://u:hush@127.0.0.1:9",
        "socks://u:hush@127.0.0.1:9",
        "ftp://u:hush@127.0.0.1",
        "http://u:hush@127.0.0.1:99999",
        "http://u:hush@127.0.0.1:0",
        "http://u:hush@127.0.0.1:port",
        "http://u:hush@",
        "http://u:hu#sh@127.0.0.1:80",
        "http://u:hush@[::1",
        "http://u:hush@a b:80",
        "://hush",
        "u:hush@proxy:port",
    ],
)
def test_a_proxy_that_cannot_be_is_told(value: str) -> None:
    """One line names the variable, and no password."""
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        chosen(URL, HTTPS_PROXY=value)

    assert "hush" not in f"{caught.value} {caught.value.hint}"
    assert "\n" not in str(caught.value)


def test_a_proxys_password_is_not_in_its_repr() -> None:
    """Nor in what a traceback shows of it."""
    found = proxies.choose(URL, {"ALL_PROXY": "http://u:hush@proxy:3128"})

    assert "hush" not in repr(found)


def test_the_systems_settings_count_where_no_variable_names_a_proxy() -> None:
    """Those of macOS and Windows, with the hosts that they except."""
    settings = System(
        lambda: {"http": PROXY, "https": "proxy:8080", "no": "x"},
        lambda host: host == "excepted.example",
    )

    def found(url: str, **environment: str) -> str | None:
        proxy = proxies.choose(url, environment, settings)
        return proxy.url if proxy else None

    assert "http://proxy:8080" == found(URL)
    assert "http://proxy:8080" == found(URL, NO_PROXY="a.example")
    assert found(URL, NO_PROXY="example.org") is None
    assert found("https://excepted.example/v1") is None
    assert "http://other" == found(URL, HTTPS_PROXY="http://other")
    assert found(URL, HTTP_PROXY="http://other") is None


def test_this_system_can_be_asked() -> None:
    """Whichever it is."""
    found = proxies.system()

    assert isinstance(dict(found.proxies()), dict)
    assert found.bypasses("models.example.org") in (True, False)
