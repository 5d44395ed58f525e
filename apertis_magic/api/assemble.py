"""The chunks of a streamed answer -> the whole completion that they are pieces of."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apertis_magic.api.message import ToolCall
from apertis_magic.api.response import Response
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk, ChunkChoice
from apertis_magic.api.value import Json, mapping
from apertis_magic.clean import mend

_decode = json.JSONDecoder().raw_decode

_TEXTS = ("content", "reasoning", "refusal")
# Fields of a delta that are read by what they mean rather than as they come.
_READ = frozenset(("content", "refusal", "tool_calls", "web_sources", "thinking"))
_READ |= {"reasoning", "reasoning_content"}
_GO_ON = ("arguments", "data", "transcript")
"""Texts that come in pieces; others, such as a role, come again as they are."""


def completion_of(
    chunks: Iterable[ChatCompletionChunk], response: Response | None = None
) -> ChatCompletion:
    """Return the completion that *chunks* are the pieces of, in their order.

    Args:
        chunks: all chunks of one answer; several choices may interleave.
        response: what the headers of their response tell.
    """
    whole: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    sources: dict[tuple[str | None, str | None], Json] = {}
    for chunk in chunks:
        if chunk.notice is None:
            whole.update((k, v) for k, v in chunk.raw.items() if v not in (None, ""))
        for source in chunk.web_sources:
            sources.setdefault((source.url, source.title), source.raw)
        for piece in chunk.choices:
            choices.setdefault(piece.index, _Choice()).add(piece)
    whole["object"] = "chat.completion"
    whole["choices"] = [
        {"index": index, **choices[index].to_dict()} for index in sorted(choices)
    ]
    if sources:
        whole["web_sources"] = list(sources.values())
    return ChatCompletion(whole, response)


class _Choice:
    """One of the answers, as far as it has come."""

    def __init__(self) -> None:
        self._finish: str | None = None
        self._logprobs: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._calls = _Calls()

    def add(self, piece: ChunkChoice) -> None:
        """Take in the next piece."""
        delta = piece.delta
        self._finish = piece.finish_reason or self._finish
        _merge(self._logprobs, mapping(piece.raw.get("logprobs")))
        for name, texts in self._texts.items():
            texts.append(getattr(delta, name) or "")
        rest = {k: v for k, v in delta.raw.items() if k not in _READ}
        _merge(self._message, rest)
        for call in delta.tool_calls:
            self._calls.add(call)

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as a whole response has it."""
        texts = {name: mend("".join(parts)) for name, parts in self._texts.items()}
        calls = self._calls.to_list()
        message = {
            "role": "assistant",
            **self._message,
            "content": texts["content"] or (None if calls else ""),
        }
        others = {
            "reasoning_content": texts["reasoning"],
            "refusal": texts["refusal"],
            "tool_calls": calls,
        }
        message |= {name: value for name, value in others.items() if value}
        choice = {"message": message, "finish_reason": self._finish}
        return {**choice, "logprobs": self._logprobs} if self._logprobs else choice


def _merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece to the fields so far: texts and lists grow, others are replaced."""
    for name, value in piece.items():
        there = into.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, Mapping):
            into[name] = dict(there) if isinstance(there, Mapping) else {}
            _merge(into[name], value)
        elif isinstance(value, list) and isinstance(there, list):
            there.extend(value)
        elif isinstance(value, list):
            into[name] = list(value)
        elif isinstance(value, str) and isinstance(there, str) and name in _GO_ON:
            into[name] = there + value
        else:
            into[name] = value


class _Calls:
    """The tool calls of an answer, as far as they have come."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece, of a call that has begun or of a new one.

        Some servers give every call the index 0, or no index, or no id.
        """
        call = self._by_id.get(piece.id or "")
        if call is None and piece.index is not None:
            call = self._by_index.get(piece.index)
        elif call is None and self._calls:
            call = self._calls[-1]
        if call is None or call.is_other(piece):
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
        return [each for call in self._calls for each in call.to_dicts()]


class _Call:
    """One tool call, as far as it has come."""

    def __init__(self, piece: ToolCall) -> None:
        self._rest: dict[str, Any] = {}
        self._id = piece.id
        self._name = piece.function.name or ""
        self._arguments: list[str] = []
        self.add(piece)

    def is_other(self, piece: ToolCall) -> bool:
        """Tell whether *piece* begins another call than this one."""
        name = piece.function.name
        if not name or (piece.id and piece.id == self._id):
            return False
        if piece.id and self._id:
            return True
        # Without an id a name tells, unless it is only repeated on every piece.
        is_complete = bool(_objects("".join(self._arguments)))
        return is_complete or piece.index is None or name != self._name

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece."""
        self._id = self._id or piece.id
        self._name = self._name or piece.function.name or ""
        self._arguments.append(piece.function.arguments)
        known = ("index", "id", "function")
        _merge(self._rest, {k: v for k, v in piece.raw.items() if k not in known})

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


def _objects(text: str) -> list[str]:
    """Return the JSON objects that *text* is made of; none where it is not."""
    objects, rest = [], text.strip()
    while rest.startswith("{"):
        try:
            _, end = _decode(rest)
        except (ValueError, RecursionError):
            return []
        objects.append(rest[:end])
        rest = rest[end:].lstrip()
    return [] if rest else objects
