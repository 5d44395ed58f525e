"""The tool calls of an answer: which call each of the pieces that come belongs to."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from apertis_magic.api import bounds
from apertis_magic.api.message import ToolCall

_decode = json.JSONDecoder().raw_decode
_SIGN = re.compile(r'\\.|["{}]', re.DOTALL)
"""What tells where a JSON object ends; a quotation mark may be of a string's text."""

_GO_ON = ("arguments", "data", "transcript")
"""Texts that come in pieces; others, such as a role, come again as they are."""


class Calls:
    """The tool calls of an answer, as far as they have come."""

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
        """Return the calls as a whole response has them."""
        return [each for call in tuple(self._calls) for each in call.to_dicts()]


class _Call:
    """One tool call, as far as it has come."""

    def __init__(self, piece: ToolCall) -> None:
        self._rest: dict[str, Any] = {}
        self._id = piece.id
        self._name = piece.function.name or ""
        self._arguments: list[str] = []
        self._braces = _Braces()
        self.add(piece)

    def is_other(self, piece: ToolCall) -> bool:
        """Tell whether *piece* begins another call than this one."""
        name = piece.function.name
        if not name or (piece.id and piece.id == self._id):
            return False
        if piece.id and self._id:
            return True
        # Without an id a name tells, unless it is only repeated on every piece.
        self._braces.read(self._arguments)
        return self._braces.closed or piece.index is None or name != self._name

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece."""
        self._id = self._id or piece.id
        self._name = self._name or piece.function.name or ""
        self._arguments.append(piece.function.arguments)
        known = ("index", "id", "function")
        merge(self._rest, {k: v for k, v in piece.raw.items() if k not in known})

    def to_dicts(self) -> Iterator[dict[str, Any]]:
        """Give the call as a whole response has it; two, where two were glued."""
        arguments = "".join(self._arguments)
        for number, each in enumerate(_objects(arguments) or [arguments]):
            yield {
                "type": "function",
                **self._rest,
                "id": f"{self._id}-{number}" if number else self._id,
                "function": {"name": self._name, "arguments": each},
            }


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
