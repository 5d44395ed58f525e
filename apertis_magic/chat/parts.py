"""What an answer is made of: texts, thinking, pictures, sources, calls of tools.

An answer is a tuple of parts in the order in which they came; sources and calls stand
at its end. ``docs/format.md`` tells how they are kept.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, fields
from html import escape
from typing import Annotated, Any, ClassVar, TypeAlias

from apertis_magic.api.value import Json
from apertis_magic.chat import picture
from apertis_magic.clean import excerpt, mend, printable
from apertis_magic.marks import NOT_IN_NOTEBOOKS, SENT, marked

_LONGEST = 2_000
"""Characters of the line that names a picture."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of the answer, as Markdown nearly always.

    Attributes:
        text: the text.
    """

    type: ClassVar = "text"
    text: Annotated[str, SENT, NOT_IN_NOTEBOOKS]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought, where the server tells it; it is never sent again.

    Attributes:
        text: the thinking.
    """

    type: ClassVar = "reasoning"
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's words where it refuses (``refusal`` of the API).

    Attributes:
        text: the words.
    """

    type: ClassVar = "refusal"
    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the model made; as a cell's last value it shows itself.

    Attributes:
        kind: its media type: ``image/png``, ``image/jpeg``, ``image/gif`` or
            ``image/webp``; of one that is left out what the server calls it, or empty.
        data: its bytes; empty where they are left out, or elsewhere.
        url: where it is, if the server gave its address alone; it is not fetched.
        left_out: why there are no bytes, in one line; empty where there are.
        alt: what the model calls it, else empty.

    Example:
        >>> from pathlib import Path
        >>> from apertis_magic.chat.parts import Picture
        >>> picture = Picture("image/gif", b"GIF89a")
        >>> Path("answer.gif").write_bytes(picture.data)
        6
        >>> print(picture)
        GIF picture, 6 bytes
    """

    type: ClassVar = "picture"
    kind: Annotated[str, SENT]
    data: Annotated[bytes, SENT, NOT_IN_NOTEBOOKS] = b""
    url: Annotated[str, SENT] = ""
    left_out: Annotated[str, SENT] = ""
    alt: Annotated[str, SENT] = ""

    @property
    def base64(self) -> str:
        """The bytes in base64."""
        return b64encode(self.data).decode()

    @property
    def data_url(self) -> str:
        """The picture as an address that holds all of it."""
        return f"data:{self.kind};base64,{self.base64}"

    def __str__(self) -> str:
        name = self.kind.removeprefix("image/").upper()
        what = f"{name} picture" if name else "picture"
        size = f", {picture.readable(len(self.data))}" if self.data else ""
        other = "" if self.data else self.url or self.left_out or "it is not held"
        said = ": ".join(filter(None, [what + size, other, self.alt]))
        return excerpt(printable(said), _LONGEST)

    def __repr__(self) -> str:
        return f"<Picture {self}>"

    def _repr_mimebundle_(self, **_options: object) -> dict[str, str]:
        """Return what a front end shows of it: only what is surely a picture."""
        shown = {"text/plain": str(self)}
        if picture.kind_of(self.data) != self.kind:
            return shown
        if self.kind in _SHOWN_EVERYWHERE:
            return {**shown, self.kind: self.base64}
        looks = f'alt="{escape(str(self))}" style="max-width:100%"'
        tag = f'<img {looks} src="{self.data_url}">'
        return {**shown, "text/html": tag}


@dataclass(frozen=True, slots=True)
class Source:
    """A page of the web that an answer rests on.

    Attributes:
        url: where it is, as the server names it; not to be trusted.
        title: its title, else empty.
    """

    type: ClassVar = "source"
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants to be called (``tool_calls`` of the API).

    Attributes:
        name: the tool's name.
        arguments: what to call it with: JSON, if the model wrote it well; of a custom
            tool its input, a text of any kind.
        id: what the result must name; empty where the server gave none.
    """

    type: ClassVar = "tool_call"
    name: Annotated[str, SENT]
    arguments: Annotated[str, SENT] = ""
    id: Annotated[str, SENT] = ""

    def __str__(self) -> str:
        return f"{self.name or 'a tool'}({self.arguments})"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave that the model had asked for.

    Attributes:
        id: the call's.
        text: the result.
    """

    type: ClassVar = "tool_result"
    id: Annotated[str, SENT]
    text: Annotated[str, SENT]


Part: TypeAlias = Text | Reasoning | Refusal | Picture | Source | ToolCall | ToolResult
Parts: TypeAlias = tuple[Part, ...]
"""One answer."""

KINDS: dict[str, Any] = {
    each.type: each
    for each in (Text, Reasoning, Refusal, Picture, Source, ToolCall, ToolResult)
}
"""The kinds of parts, by their names in JSON."""

_SHOWN_EVERYWHERE = frozenset({"image/png", "image/jpeg"})
"""The kinds that pages know which are made of a notebook; others need HTML there."""

_ANSWERS = (Text, Refusal, Picture, ToolCall)
"""What an answer is not empty with."""


def text_of(parts: Parts, kind: type[Text | Reasoning | Refusal] = Text) -> str:
    """Return the text of all parts of one kind."""
    texts = [part.text for part in parts if isinstance(part, kind)]
    return texts[0] if len(texts) == 1 else "".join(texts)


def is_answer(parts: Parts) -> bool:
    """Tell whether there is anything in it that a person asked for."""
    return any(isinstance(part, _ANSWERS) for part in parts)


def without_thinking(parts: Parts) -> Parts:
    """Return an answer without what the model thought; texts that meet then are one."""
    return joined((), (part for part in parts if not isinstance(part, Reasoning)))


def part_to_dict(part: Part) -> dict[str, Any]:
    """Return a part as JSON, without what is empty."""
    found = {each.name: getattr(part, each.name) for each in fields(part)}
    if isinstance(part, Picture):
        found["data"] = part.base64
    return {"type": part.type, **{name: each for name, each in found.items() if each}}


def part_of(raw: Json) -> Part | None:
    """Read what ``part_to_dict`` made; None for an unknown kind, or an empty part.

    Raises:
        ValueError: a field is not what it should be.
    """
    kind = KINDS.get(str(raw.get("type")))
    if kind is None:
        return None
    known: dict[str, Any] = {}
    for name in (each.name for each in fields(kind)):
        value = raw.get(name)
        if not isinstance(value, str | None):
            raise ValueError(f"{kind.type} is no text in {name}")  # noqa: TRY004  of the file
        known[name] = mend(value or "")
    if not any(known.values()):
        return None
    if kind is Picture:
        known["data"] = picture.decoded(known["data"])
        if known["data"] and picture.kind_of(known["data"]) != known["kind"]:
            raise ValueError(f"a picture cannot be {known['kind'][:40]!r}")
    part: Part = kind(**known)
    return part


def without_data(part: Part) -> dict[str, Any]:
    """Return a part as a notebook's metadata names it."""
    left_out = marked(type(part), NOT_IN_NOTEBOOKS)
    return {n: each for n, each in part_to_dict(part).items() if n not in left_out}


def joined(first: Parts, then: Iterable[Part]) -> Parts:
    """Return an answer with the parts of another behind it, as one answer.

    Texts that meet become one; calls and sources go to the end, each page once.
    """
    body: list[Part] = []
    ends: dict[Any, Part] = {}
    for part in (*first, *then):
        last = body[-1] if body else None
        if isinstance(part, Source):
            known = ends.get(part.url)
            if not (isinstance(known, Source) and known.title):
                ends[part.url] = part
        elif isinstance(part, ToolCall | ToolResult):
            ends[part.type, len(ends)] = part
        elif isinstance(part, Picture) or type(last) is not type(part):
            body.append(part)
        elif isinstance(last, Text | Reasoning | Refusal):
            body[-1] = type(last)(last.text + part.text)
    calls = [part for part in ends.values() if not isinstance(part, Source)]
    sources = [part for part in ends.values() if isinstance(part, Source)]
    return (*body, *calls, *sources)
