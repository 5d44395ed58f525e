"""The tool calls of an answer: which call each of the pieces that come belongs to."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apertis_magic.api import bounds
from apertis_magic.api.message import Custom, ToolCall
from apertis_magic.api.value import Json, mapping

_decode = json.JSONDecoder().raw_decode
_SIGN = re.compile(r'\\.|["{}]', re.DOTALL)
"""What tells where a JSON object ends; a quotation mark may be of a string's text."""

_GO_ON = ("arguments", "data", "transcript")
"""Texts that come in pieces; others, such as a role, come again as they are."""

LEGACY = "function_call"
"""The field for the one call of a message before there were ``tool_calls``."""

_BODIES = {"function": "arguments", "custom": "input"}
"""What a call says beside its id, and the text in it that comes in pieces."""


def legacy(raw: Json) -> dict[str, Any]:
    """Return a piece of ``function_call`` as one of ``tool_calls``; see ``Calls``."""
    return {"index": -1, "type": LEGACY, "function": raw}


def named(call: Json) -> tuple[str, str]:
    """Return the name of a call of ``Calls.to_list``, and what it is called with."""
    body = "custom" if "custom" in call else "function"
    return call[body]["name"], call[body][_BODIES[body]]


class Calls:
    """The tool calls of an answer, as far as they have come.

    ``function_call``, of the older API, is the call whose type is that.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece, of a call that has begun or of a new one.

        Some servers give every call the index 0, or no index, or no id.

        Raises:
            StreamError: there are more than anybody makes.
        """
        call = self._by_id.get(piece.id or "")
        if call is None and piece.index is not None:
            call = self._by_index.get(piece.index)
        elif call is None and self._calls:
            call = self._calls[-1]
        if call is None or call.is_other(piece):
            bounds.CALLS.check(len(self._calls) + 1)
            call = _Call(piece)
            self._calls.append(call)
        else:
            call.add(piece)
        if piece.id:
            self._by_id[piece.id] = call
        if piece.index is not None:
            self._by_index[piece.index] = call

    def to_list(self) -> list[dict[str, Any]]:
        """Return the calls as a whole response has them, in the order of their index.

        What names nothing and says nothing is padding, and no call.
        """
        calls = tuple(self._calls)
        numbered = [call for call in calls if call.index is not None]
        in_order = iter(sorted(numbered, key=lambda call: call.index or 0))
        placed = (call if call.index is None else next(in_order) for call in calls)
        return [each for call in placed if call.is_any for each in call.to_dicts()]


class _Call:
    """One tool call, as far as it has come.

    Attributes:
        index: which of the calls it is, None where no piece has told.
    """

    def __init__(self, piece: ToolCall) -> None:
        self.index: int | None = None
        self._rest: dict[str, Any] = {}
        self._beside: dict[str, Any] = {}  # of name and arguments
        self._body = "function"
        self._id = piece.id
        self._name = ""
        self._said: list[str] = []
        self._braces = _Braces()
        self.add(piece)

    @property
    def is_any(self) -> bool:
        """Whether anything tells that it is a call."""
        return bool(self._id or self._name or any(self._said))

    def is_other(self, piece: ToolCall) -> bool:
        """Tell whether *piece* begins another call than this one."""
        _, name, _ = _body(piece)
        if not name or piece.type == LEGACY or (piece.id and piece.id == self._id):
            return False
        if piece.id and self._id:
            return True
        # Without an id a name tells, unless it is only repeated on every piece.
        if self._body == "function":
            self._braces.read(self._said)
        return self._braces.closed or piece.index is None or name != self._name

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece."""
        body, name, said = _body(piece)
        self.index = piece.index if self.index is None else self.index
        self._id = self._id or piece.id
        self._name = self._name or name
        self._said.append(said)
        if body == "custom":
            self._body = body
        raw = piece.raw
        known = ("index", "id", *_BODIES)
        merge(self._rest, {k: v for k, v in raw.items() if k not in known})
        beside = mapping(raw.get(body))
        known = ("name", _BODIES[body])
        merge(self._beside, {k: v for k, v in beside.items() if k not in known})

    def to_dicts(self) -> Iterator[dict[str, Any]]:
        """Give the call as a whole response has it; two, where two were glued."""
        said, body = "".join(self._said), self._body
        several = _objects(said) if body == "function" else []
        for number, each in enumerate(several or [said]):
            yield {
                "type": body,
                **self._rest,
                "id": f"{self._id}-{number}" if number else self._id,
                body: {**self._beside, "name": self._name, _BODIES[body]: each},
            }


def _body(piece: ToolCall) -> tuple[str, str, str]:
    """Return which kind of tool a piece names, its name, and what it is called with."""
    custom = piece.custom
    if custom or piece.type == "custom":
        custom = custom or Custom()
        return "custom", custom.name or "", custom.input
    return "function", piece.function.name or "", piece.function.arguments


class _Braces:
    """Looks for the end of a JSON object in pieces, and reads each of them once.

    Attributes:
        closed: whether every brace that was opened is closed.
    """

    def __init__(self) -> None:
        self.closed = False
        self._read = self._depth = 0
        self._in_string = False

    def read(self, pieces: list[str]) -> None:
        """Read the pieces that are new since the last time."""
        new = "".join(pieces[self._read :])
        self._read = len(pieces)
        for found in _SIGN.finditer(new):
            sign = found[0]
            if sign == '"':
                self._in_string = not self._in_string
            elif not self._in_string and sign in "{}":
                self._depth += 1 if sign == "{" else -1
                self.closed = self._depth == 0


def _objects(text: str) -> list[str]:
    """Return the JSON objects that *text* is made of; none where it is not.

    None also where there are more, or larger ones, than a model calls tools with.
    """
    objects: list[str] = []
    text, start = text.strip(), 0
    if text.count("{") + text.count("[") + text.count(",") > bounds.VALUES.most:
        return []
    while text.startswith("{", start) and len(objects) < bounds.CALLS.most:
        try:
            _, end = _decode(text, start)
        except (ValueError, RecursionError):
            return []
        objects.append(text[start:end])
        while text[end : end + 1].isspace():
            end += 1
        start = end
    return objects if start == len(text) else []


def merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece to the fields so far: texts and lists grow, others are replaced."""
    for name, value in piece.items():
        there = into.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, Mapping):
            into[name] = dict(there) if isinstance(there, Mapping) else {}
            merge(into[name], value)
        elif isinstance(value, list) and isinstance(there, list):
            there.extend(value)
        elif isinstance(value, list):
            into[name] = list(value)
        elif isinstance(value, str) and isinstance(there, str) and name in _GO_ON:
            into[name] = there + value
        else:
            into[name] = value
