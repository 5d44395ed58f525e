"""What is attached to a question: a picture or a text, as a part of its message."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Annotated, Any

from apertis_magic.chat import picture
from apertis_magic.clean import printable
from apertis_magic.errors import ConfigurationError
from apertis_magic.marks import MAY_HOLD_KEYS, NOT_IN_NOTEBOOKS, SENT

TEXT = "text/plain"
_LARGEST_TEXT = 1_000_000  # bytes; a model reads less
_LONGEST_NAME = 200
_HUGE = 2**53
KINDS = frozenset({TEXT, *picture.KINDS})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a question.

    Attributes:
        name: the file's name, on one line.
        kind: its media type: ``image/png``, ``image/jpeg``, ``image/gif``,
            ``image/webp`` or, for any text, ``text/plain``.
        data: the text, or the picture in base64; empty where it is named alone.
        missing: bytes of a file that is named alone, as a notebook names it; 0 where
            they are in ``data``.
    """

    name: Annotated[str, SENT, MAY_HOLD_KEYS]
    kind: Annotated[str, SENT]
    data: Annotated[str, SENT, MAY_HOLD_KEYS, NOT_IN_NOTEBOOKS]
    missing: Annotated[int, SENT] = 0

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
        found = picture.kind_of(raw)
        most = picture.LARGEST if found else _LARGEST_TEXT
        if not raw:
            raise ConfigurationError(f"{name} is empty.")
        if len(raw) > most:
            raise ConfigurationError(
                f"{name} has {len(raw) / 1e6:.1f} MB; {most / 1e6:g} MB can go along."
            )
        if found:
            return cls(name, found, b64encode(raw).decode())
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
        """Read what ``to_dict`` or ``named`` made of one.

        Raises:
            ValueError: it is none.
        """
        size = raw.get("size")
        named = {"data": ""} if type(size) is int and "data" not in raw else {}
        told = {**raw, **named}
        fields = [
            v for n in ("name", "kind", "data") if isinstance(v := told.get(n), str)
        ]
        if len(fields) < len(("name", "kind", "data")):
            raise ValueError("an attachment's field is missing")
        name, kind, data = fields
        if kind not in KINDS:
            raise ValueError(f"an attachment cannot be {kind[:40]!r}")
        try:
            picture.decoded("" if kind == TEXT else data)
        except ValueError:
            raise ValueError("an attached picture is damaged") from None
        missing = min(max(size or 0, 1), _HUGE) if named else 0
        return cls(_one_line(name), kind, data, missing)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        if self.missing:
            return self.named()
        return {"name": self.name, "kind": self.kind, "data": self.data}

    def named(self) -> dict[str, Any]:
        """Return it as a notebook's metadata names it, without its bytes."""
        return {"name": self.name, "kind": self.kind, "size": self.size}

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture."""
        return self.kind != TEXT

    @property
    def size(self) -> int:
        """Bytes of the file."""
        if self.missing:
            return self.missing
        if self.is_picture:
            return picture.size_of(self.data)
        return len(self.data.encode("utf-8", "surrogatepass"))

    @property
    def raw(self) -> bytes:
        """The file's bytes."""
        if self.is_picture:
            return b64decode(self.data)
        return self.data.encode("utf-8", "surrogatepass")

    @property
    def part(self) -> dict[str, Any]:
        """The part of a message that the API takes; a line where it is named alone."""
        if self.missing:
            return {"type": "text", "text": f"[{self} was attached and is not held]"}
        if self.is_picture:
            url = f"data:{self.kind};base64,{self.data}"
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "text", "text": f"File {self.name}:\n{self.data}"}

    def __str__(self) -> str:
        return f"{self.name} ({picture.readable(self.size)})"


def checked(attached: Any) -> tuple[Attachment, ...]:
    """Return what is attached, one or several.

    Raises:
        ConfigurationError: it is a file's name or something else; it says what to pass.
    """
    several = attached if isinstance(attached, list | tuple) else (attached,)
    for each in several:
        if not isinstance(each, Attachment):
            name = repr(each) if isinstance(each, str) else "'sales.csv'"
            raise ConfigurationError(
                f"An attachment must be an Attachment, not {type(each).__name__}.",
                hint=f"Pass [Attachment.of({name}, the file's bytes)], with "
                "Attachment from apertis_magic.chat.attachment.",
            )
    return tuple(several)


def content(prompt: str, attached: tuple[Attachment, ...]) -> "str | list[Any]":
    """Return the content of a user's message, plain text where nothing is attached."""
    if not attached:
        return prompt
    ordered = sorted(attached, key=lambda each: each.is_picture)
    return [*(each.part for each in ordered), {"type": "text", "text": prompt}]


def _one_line(name: str) -> str:
    return " ".join(printable(name).split())[:_LONGEST_NAME] or "file"
