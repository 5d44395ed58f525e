"""The chunks of a streamed answer -> the whole completion that they are pieces of."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from apertis_magic.api.response import Response
from apertis_magic.api.types import (
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
    ToolCall,
)
from apertis_magic.api.value import items
from apertis_magic.clean import mend

_decode = json.JSONDecoder().raw_decode


def completion_of(
    chunks: Iterable[ChatCompletionChunk], response: Response | None = None
) -> ChatCompletion:
    """Return the completion that *chunks* are the pieces of, in their order.

    Args:
        chunks: all chunks of one answer; several choices may interleave.
        response: what the headers of their response tell.
    """
    whole: dict[str, Any] = {"object": "chat.completion"}
    choices: dict[int, _Choice] = {}
    sources: list[Any] = []
    for chunk in chunks:
        for name in ("id", "model", "created", "system_fingerprint", "service_tier"):
            if chunk.notice is None and chunk.raw.get(name):
                whole[name] = chunk.raw[name]
        if chunk.usage is not None:
            whole["usage"] = chunk.usage.raw
        for source in chunk.web_sources:
            if source.raw not in sources:
                sources.append(source.raw)
        for piece in chunk.choices:
            choices.setdefault(piece.index, _Choice(piece.index)).add(piece)
    if sources:
        whole["web_sources"] = sources
    whole["choices"] = [choices[index].to_dict() for index in sorted(choices)]
    return ChatCompletion(whole, response)


class _Choice:
    """One of the answers, as far as it has come."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._role = "assistant"
        self._finish: str | None = None
        self._texts: dict[str, list[str]] = {
            "content": [],
            "reasoning": [],
            "refusal": [],
        }
        self._lists: dict[str, list[Any]] = {"annotations": [], "reasoning_details": []}
        self._calls: list[_Call] = []

    def add(self, piece: ChunkChoice) -> None:
        """Take in the next piece."""
        delta = piece.delta
        self._role = delta.role or self._role
        self._finish = piece.finish_reason or self._finish
        for name, texts in self._texts.items():
            texts.append(getattr(delta, name) or "")
        for name, values in self._lists.items():
            values.extend(items(delta.raw.get(name)))
        for call in delta.tool_calls:
            self._add_call(call)

    def _add_call(self, piece: ToolCall) -> None:
        same = [call for call in self._calls if call.index == piece.index]
        known = same if piece.index is not None else self._calls
        if known and not known[-1].is_other(piece):
            known[-1].add(piece)
        else:
            self._calls.append(_Call(piece))

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as a whole response has it."""
        joined = {name: mend("".join(texts)) for name, texts in self._texts.items()}
        calls = [call for each in self._calls for call in each.to_dicts()]
        message = {
            "role": self._role,
            "content": joined["content"] or (None if calls else ""),
            "reasoning_content": joined["reasoning"],
            "refusal": joined["refusal"],
            "tool_calls": calls,
            **self._lists,
        }
        kept = {k: v for k, v in message.items() if v or k in ("role", "content")}
        return {"index": self._index, "message": kept, "finish_reason": self._finish}


class _Call:
    """One tool call, as far as it has come."""

    def __init__(self, piece: ToolCall) -> None:
        self.index = piece.index
        self._first = piece.raw
        self._id = piece.id
        self._name = piece.function.name or ""
        self._arguments = [piece.function.arguments]

    def is_other(self, piece: ToolCall) -> bool:
        """Tell whether *piece* begins another call.

        Some servers give every call the index 0, or no index, or no id.
        """
        if piece.id and self._id:
            return piece.id != self._id
        return bool(piece.function.name and _objects("".join(self._arguments)))

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece."""
        self._id = self._id or piece.id
        self._name = self._name or piece.function.name or ""
        self._arguments.append(piece.function.arguments)

    def to_dicts(self) -> Iterator[dict[str, Any]]:
        """Give the call as a whole response has it; two, where two were glued."""
        arguments = "".join(self._arguments)
        for each in _objects(arguments) or [arguments]:
            yield {
                **self._first,
                "id": self._id,
                "type": self._first.get("type") or "function",
                "function": {"name": self._name, "arguments": each},
            }


def _objects(text: str) -> list[str]:
    """Return the JSON objects that *text* is made of; none where it is not."""
    found, rest = [], text.strip()
    while rest.startswith("{"):
        try:
            _, end = _decode(rest)
        except (ValueError, RecursionError):
            return []
        found.append(rest[:end])
        rest = rest[end:].lstrip()
    return [] if rest else found
