"""What is attached to a question: a picture or a text, as a part of its message."""

import re
from base64 import b64decode, b64encode
from binascii import Error
from dataclasses import dataclass
from typing import Any

from apertis_magic.clean import printable
from apertis_magic.errors import ConfigurationError

TEXT = "text/plain"
_LARGEST_PICTURE = 20_000_000  # bytes, says the API's documentation
_LARGEST_TEXT = 1_000_000  # bytes; a model reads less
_LONGEST_NAME = 200
# A picture is told by its first bytes, whatever its name says.
_PICTURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
KINDS = frozenset({TEXT, *_PICTURES})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a question.

    Attributes:
        name: the file's name, on one line.
        kind: its media type: ``image/png``, ``image/jpeg``, ``image/gif``,
            ``image/webp`` or, for any text, ``text/plain``.
        data: the text, or the picture in base64.
    """

    name: str
    kind: str
    data: str

    @classmethod
    def of(cls, name: str, raw: bytes) -> "Attachment":
        """Return what a file holds, ready to be sent.

        Args:
            name: the file's name; it does not tell what is in it.
            raw: the file's bytes.

        Raises:
            ConfigurationError: it is neither text nor a picture that the API takes, or
                too large, or empty.
        """
        name = _one_line(name)
        found = [kind for kind, mark in _PICTURES.items() if mark.match(raw)]
        most = _LARGEST_PICTURE if found else _LARGEST_TEXT
        if not raw:
            raise ConfigurationError(f"{name} is empty.")
        if len(raw) > most:
            raise ConfigurationError(
                f"{name} has {len(raw) / 1e6:.1f} MB; {most / 1e6:g} MB can go along."
            )
        if found:
            return cls(name, found[0], b64encode(raw).decode())
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ConfigurationError(
                f"{name} is neither a picture (PNG, JPEG, GIF, WebP) nor text in UTF-8."
            )
        return cls(name, TEXT, text)

    @classmethod
    def from_dict(cls, raw: Any) -> "Attachment":
        """Read what ``dataclasses.asdict`` made of one.

        Raises:
            ValueError: it is none.
        """
        fields = [raw.get(name) for name in cls.__slots__]
        if not all(isinstance(value, str) for value in fields):
            raise ValueError("an attachment's field is missing")
        name, kind, data = fields
        made = cls(_one_line(name), kind, data)
        if made.kind not in KINDS:
            raise ValueError(f"an attachment cannot be {made.kind[:40]!r}")
        try:
            b64decode("" if made.kind == TEXT else made.data, validate=True)
        except (Error, ValueError):
            raise ValueError("an attached picture is damaged") from None
        return made

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return self.kind != TEXT

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if self.is_picture:
            return len(self.data) * 3 // 4 - self.data[-2:].count("=")
        return len(self.data.encode("utf-8", "surrogatepass"))

    @property
    def raw(self) -> bytes:
        """The file's bytes."""
        if self.is_picture:
            return b64decode(self.data)
        return self.data.encode("utf-8", "surrogatepass")

    @property
    def part(self) -> dict[str, Any]:
        """The part of a message that the API takes."""
        if self.is_picture:
            url = f"data:{self.kind};base64,{self.data}"
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "text", "text": f"File {self.name}:\n{self.data}"}

    def __str__(self) -> str:
        return f"{self.name} ({_readable(self.size)})"


def content(prompt: str, attached: tuple[Attachment, ...]) -> "str | list[Any]":
    """Return the content of a user's message, plain text where nothing is attached."""
    if not attached:
        return prompt
    ordered = sorted(attached, key=lambda each: each.is_picture)
    return [*(each.part for each in ordered), {"type": "text", "text": prompt}]


def _one_line(name: str) -> str:
    return " ".join(printable(name).split())[:_LONGEST_NAME] or "file"


def _readable(size: int) -> str:
    for unit, least in (("MB", 1e6), ("KB", 1e3)):
        if size >= least:
            return f"{size / least:.3g} {unit}"
    return f"{size} bytes"
