"""What a picture is: told by its first bytes, whatever its name or address says."""

import re
from base64 import b64decode
from binascii import Error

LARGEST = 20_000_000
"""Bytes of a picture, or of all pictures of an answer; so says the API."""

_MARKS = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
KINDS = frozenset(_MARKS)
_DATA_URL = re.compile(r"data:([^,;]{0,100})(?:;[^,;]{0,100}){0,9},", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\r\n]+")
_MOST_SENT = 10_000
"""Characters of a picture's data that stay in a text which is sent: an icon in code."""

_IN_TEXT = re.compile(
    r"(data:image/[\w.+-]{1,20};base64,)([\w+/%=-]{41,})",
    re.ASCII | re.IGNORECASE,
)


def kind_of(raw: bytes) -> str | None:
    """Return the media type of a picture that the API takes, None for all else."""
    return next((kind for kind, mark in _MARKS.items() if mark.match(raw)), None)


def size_of(data: str) -> int:
    """Return the bytes that base64 stands for."""
    return len(data) * 3 // 4 - data[-2:].count("=")


def decoded(data: str) -> bytes:
    """Return what base64 stands for.

    Raises:
        ValueError: it is none.
    """
    try:
        return b64decode(data, validate=True)
    except (Error, ValueError):
        raise ValueError("it is no base64") from None


def of_data_url(url: str) -> bytes:
    """Return the bytes of a data URL in base64, or of base64 alone.

    Args:
        url: as a server writes it: with line breaks, in either alphabet, its padding
            missing.

    Raises:
        ValueError: it is none, or too large; says why.
    """
    head = _DATA_URL.match(url)
    data = url[head.end() :] if head else url
    if len(data) > LARGEST * 4 // 3 + 1_000:
        raise ValueError(f"it has about {size_of(data) / 1e6:.1f} MB")
    data = _BLANKS.sub("", data).replace("-", "+").replace("_", "/").rstrip("=")
    return decoded(data + "=" * (-len(data) % 4))


def is_begun(url: str) -> bool:
    """Tell whether a data URL, or its beginning, is that of a picture."""
    head = _DATA_URL.match(url)
    data = url[head.end() :] if head else ""
    try:
        return kind_of(decoded(data[: len(data) // 4 * 4])) is not None
    except ValueError:
        return False


def readable(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    for unit, one in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if size >= 0.9995 * one:  # as it is rounded
            return f"{size / one:.3g} {unit}"
    return f"{size} bytes"


def shortened(text: str, *, above: int = 40) -> str:
    """Return *text* without the data of the pictures that stand in it.

    What goes on from a text goes on from the shortened text as well.

    Args:
        text: the text.
        above: characters of data that are left alone.
    """

    def shorter(found: re.Match[str]) -> str:
        head, data = found.groups()
        return found[0] if len(data) <= above else f"{head}{data[:40]}…"

    return _IN_TEXT.sub(shorter, text) if ";base64," in text.lower() else text


def as_sent(text: str) -> str:
    """Return an answer's text as later requests send it: to the letter, mostly."""
    return shortened(text, above=_MOST_SENT)
