"""The host behind a link, where its text or the address itself hides it."""

import pytest

from apertis_magic.render.addresses import host_of, shown_host
from apertis_magic.render.markdown import to_html

EVIL = "evil.example"

HIDDEN = {
    "another address": ("http://evil.example", "https://paypal.com", EVIL),
    "another host": ("http://evil.example/x", "paypal.com", EVIL),
    "in capitals": ("HTTP://EVIL.EXAMPLE", "HTTPS://PAYPAL.COM", EVIL),
    "www.": ("http://evil.example", "www.paypal.com", EVIL),
    "in a sentence": ("http://evil.example", "log in at paypal.com now", EVIL),
    "address in a sentence": ("http://evil.example", "see http://a.b/c, please", EVIL),
    "with a port": ("http://evil.example:8080", "https://paypal.com:8080", EVIL),
    "with a path": ("http://evil.example/paypal.com", "paypal.com/login", EVIL),
    "a trailing dot": ("http://evil.example./", "https://paypal.com.", EVIL),
    "a host above it": ("https://paypal.com.evil.example", "paypal.com",
                        "paypal.com.evil.example"),
    "a number": ("http://203.0.113.9/", "paypal.com", "203.0.113.9"),
    "another number": ("http://203.0.113.9/", "198.51.100.1", "203.0.113.9"),
    "IPv6": ("http://[2001:db8::1]/", "https://paypal.com", "[2001:db8::1]"),
    "another IPv6": ("http://[2001:db8::1]/", "http://[2001:db8::2]/", "[2001:db8::1]"),
    "a name before an @": ("https://paypal.com@evil.example", "log in", EVIL),
    "name and password": ("https://paypal.com:x@evil.example/", "log in", EVIL),
    "two of them": ("https://paypal.com@a@evil.example", "log in", EVIL),
    "bare": ("https://a.b@evil.example", "https://a.b@evil.example", EVIL),
    "percent encoded": ("https://%65vil.example", "x", EVIL),
    "an @ that is encoded": ("https://paypal.com%40evil.example", "x",
                             "paypal.com@evil.example"),
    "a backslash": ("https://evil.example\\@paypal.com", "x", EVIL),
    "backslashes for slashes": ("https:\\\\evil.example", "x", EVIL),
    "one slash": ("https:/evil.example", "https://paypal.com", EVIL),
    "a tab in it": ("ht\ttps://evil.example", "https://paypal.com", EVIL),
    "a mark in the text": ("http://evil.example", "pay\u200bpal.com", EVIL),
    "wide letters in the text": ("http://evil.example", "\uff50aypal.com", EVIL),
    "an ideographic stop": ("http://evil.example", "paypal\u3002com", EVIL),
    "not ASCII": ("https://b\u00fccher.example/x", "books", "xn--bcher-kva.example"),
    "mixed scripts": ("https://p\u0430ypal.com", "https://p\u0430ypal.com",
                      "xn--pypal-4ve.com"),
    "encoded letters": ("https://b%C3%BCcher.example", "x", "xn--bcher-kva.example"),
    "a stop that is not ASCII": ("https://evil\u3002example", "x", EVIL),
    "text that is not ASCII": ("http://evil.example", "b\u00fccher.example", EVIL),
    "mail": ("mailto:me@evil.example", "me@paypal.com", EVIL),
    "an address for mail": ("mailto:a@evil.example", "https://paypal.com", EVIL),
}  # fmt: skip

PLAIN = {
    "words": ("https://docs.example/", "the documentation"),
    "itself": ("https://docs.example/a?b#c", "https://docs.example/a?b#c"),
    "shortened": ("https://docs.example/a/b", "docs.example"),
    "with www.": ("https://www.docs.example/", "docs.example"),
    "without www.": ("https://docs.example/", "www.docs.example"),
    "in capitals": ("https://docs.example/", "HTTPS://Docs.Example"),
    "a trailing dot": ("https://docs.example./", "docs.example"),
    "a port": ("http://docs.example:8080/", "docs.example"),
    "an @ in the path": ("https://docs.example/@me", "@me"),
    "a backslash behind the host": ("https://docs.example/a?b=\\", "x"),
    "IPv6": ("http://[2001:db8::1]:80/", "http://[2001:db8::1]/"),
    "mail": ("mailto:me@docs.example?subject=x", "me@docs.example"),
    "a footnote": ("#fn:1", "1"),
    "a name with dots": ("https://docs.example/", "numpy.linalg.norm of a"),
    "a number with dots": ("https://docs.example/", "version 1.2.3"),
    "a sentence": ("https://docs.example/", "e.g. this. That"),
    "already for the network": ("https://xn--bcher-kva.example", "books"),
    "nothing": ("", ""),
    "no address": ("x", "paypal.com"),
}


@pytest.mark.parametrize(("address", "text", "host"), HIDDEN.values(), ids=HIDDEN)
def test_a_host_that_is_hidden(address: str, text: str, host: str) -> None:
    """It is told as the network knows it."""
    assert host == shown_host(address, text)


@pytest.mark.parametrize(("address", "text"), PLAIN.values(), ids=PLAIN)
def test_a_host_that_is_plain(address: str, text: str) -> None:
    """Nothing need be told."""
    assert "" == shown_host(address, text)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://A.Example:1/x", "a.example"),
        ("ftp://a.example", "a.example"),
        ("", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    """In small letters, without a port."""
    assert host == host_of(address)


@pytest.mark.parametrize(
    "text",
    [
        "[https://paypal.com](http://evil.example)",
        "[**paypal.com**](http://evil.example)",
        "[`pay`pal.com](http://evil.example)",
        "[*pay*~~pal~~.com][a]\n\n[a]: http://evil.example",
        "<https://paypal.com@evil.example>",
        "https://paypal.com@evil.example",
        "- [paypal.com](http://evil.example)",
        "| a |\n|---|\n| [paypal.com](http://evil.example) |",
    ],
)
def test_an_answer_tells_it(text: str) -> None:
    """Whatever the link is made of, and wherever it stands."""
    assert 1 == to_html(text).count("</a> <small>(evil.example)</small>")
