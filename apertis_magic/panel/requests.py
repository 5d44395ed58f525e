"""What a page asks of the kernel, as checked values: a message is good or is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apertis_magic.clean import mend

LONGEST = 2_000_000
"""Characters in a question, a system prompt or any other text."""

_SHORT = 1_000
"""Characters in what is no text: a name or an id."""

_MOST_FILES = 100
"""Files of a question."""

LARGEST = 8_000_000
"""Bytes in all files of a question: a Jupyter server takes messages of 10 MB."""

_FIELDS: Mapping[str, Mapping[str, type]] = {
    "hello": {"view": str},
    "bye": {"view": str},
    "page": {"view": str, "first": int, "last": int},
    "picture": {"view": str, "turn": str, "number": int},
    "question": {"view": str, "turn": str},
    "models": {"view": str},
    "restorable": {"view": str},
    "stop": {"turn": str},
    "ask": {"token": str, "text": str, "names": list, "anyway": bool},
    "edit": {"token": str, "turn": str, "text": str, "anyway": bool},
    "retry": {"token": str, "turn": str, "anyway": bool},
    "continue": {"token": str, "turn": str, "anyway": bool},
    "delete": {"token": str, "turn": str},
    "fork": {"token": str, "turn": str},
    "undo": {"token": str},
    "new": {"token": str},
    "use": {"token": str, "name": str},
    "rename": {"token": str, "name": str},
    "remove": {"token": str, "name": str},
    "model": {"token": str, "name": str},
    "option": {"token": str, "name": str, "text": str},
    "system": {"token": str, "text": str},
    "export": {"token": str, "name": str},
    "local": {"token": str},
    "restore": {"token": str},
}
"""The fields of each kind of message."""

ASKING = frozenset(kind for kind, own in _FIELDS.items() if "anyway" in own)
"""The kinds that ask a question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message of a page.

    Attributes:
        kind: what the page asks for.
        token: names the message in what the kernel sends of its outcome.
        view: the page that asks, where only that one is to be answered.
        turn: the id of the turn that is meant, empty for none.
        text: a question, or what a field is to be.
        name: the name of a conversation, a model, an option or a format of file.
        number: which of the turn's pictures.
        first: the first turn that is wanted, counted from 0.
        last: the turn after the last one that is wanted.
        anyway: whether a question is sent also where it would be held back.
        files: what is attached to a question: names and contents.
    """

    kind: str
    token: str = ""
    view: str = ""
    turn: str = ""
    text: str = ""
    name: str = ""
    number: int = 0
    first: int = 0
    last: int = 0
    anyway: bool = False
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def weight(self) -> int:
        """What it takes in memory, in characters and bytes."""
        return len(self.text) + sum(len(content) for _, content in self.files)


def read(content: object, buffers: Sequence[Any] = ()) -> Request:
    """Return a page's message as a request.

    Args:
        content: the message.
        buffers: the contents of the files in it.

    Raises:
        ValueError: our page would send no such message; says why.
    """
    if not isinstance(content, Mapping):
        raise ValueError("it is no object")  # noqa: TRY004  of the page
    kind = content.get("kind")
    fields = _FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None:
        raise ValueError(f"there is no kind {str(kind)[:40]!r}")
    if unknown := set(content) - {"kind", "view", *fields}:
        raise ValueError(f"{kind} has no {str(min(map(str, unknown)))[:40]!r}")
    sent = {"anyway": False, **content}
    values = {name: _checked(name, sent.get(name), fields[name]) for name in fields}
    names = values.pop("names", [])
    return Request(kind=str(kind), files=_files(names, buffers), **values)


def _checked(name: str, value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{name} cannot be {type(value).__name__}")
    if isinstance(value, str):
        if len(value) > (LONGEST if name == "text" else _SHORT):
            raise ValueError(f"{name} is too long")
        return mend(value)
    if isinstance(value, int) and not 0 <= value < LONGEST:
        raise ValueError(f"{name} is out of range")
    return value


def _files(names: list[Any], buffers: Sequence[Any]) -> tuple[tuple[str, bytes], ...]:
    if len(names) > _MOST_FILES or len(names) != len(buffers):
        raise ValueError("its files have other names than contents")
    if sum(memoryview(buffer).nbytes for buffer in buffers) > LARGEST:
        raise ValueError("its files are too large")
    checked = [_checked("names", name, str) for name in names]
    return tuple(zip(checked, map(bytes, buffers), strict=True))
