"""The messages of a conversation: those that are sent, and those that a model writes.

With a model's come its tool calls, and the pages that it has read or cites.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from apertis_magic.api.details import Audio
from apertis_magic.api.value import (
    Json,
    Nested,
    Value,
    count,
    first,
    items,
    mapping,
    modelled,
    string,
    text,
)

_SENT = ("content", "refusal", "tool_calls", "function_call", "reasoning_details")
"""Fields of a model's message that a later request may have as they came."""

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation (an item of ``messages`` of the API).

    Attributes:
        role: ``system``, ``user``, ``assistant`` or ``tool``.
        content: the text, as it goes to the server, or the parts that the API takes.
        tool_calls: the calls of an assistant's message, as the API takes them.
        tool_call_id: the call that a tool's message gives the result of.

    Example:
        >>> from apertis_magic.api.types import Message
        >>> Message("user", "Hello!").to_dict()
        {'role': 'user', 'content': 'Hello!'}
    """

    role: Role
    content: str | list[dict[str, Any]]
    tool_calls: Sequence[Mapping[str, Any]] = ()
    tool_call_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the API takes it."""
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            message |= {"content": self.content or None, "tool_calls": self.tool_calls}
        if self.tool_call_id:
            message["tool_call_id"] = self.tool_call_id
        return message


class WebSource(Value):
    """A page that a ``:web`` model has read (``web_sources``), or a citation names."""

    __slots__ = ()

    @property
    def title(self) -> str | None:
        """The page's title."""
        return string(self._raw.get("title"))

    @property
    def url(self) -> str | None:
        """Where it is."""
        return string(self._raw.get("url"))

    @property
    def snippet(self) -> str | None:
        """The piece of it that was found (``snippet``, else ``content``)."""
        return string(first(self._raw, "snippet", "content"))


class Annotation(WebSource):
    """A citation in the answer's text: of a page, from one character to another."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, raw: Json) -> "Annotation":
        """Return the annotation *raw*, which is flat or holds a ``url_citation``."""
        return cls({**raw, **mapping(raw.get("url_citation"))})

    @property
    def start_index(self) -> int | None:
        """Where the text that it is about begins, in characters."""
        return count(self._raw.get("start_index"))

    @property
    def end_index(self) -> int | None:
        """Where that text ends."""
        return count(self._raw.get("end_index"))


class Function(Nested):
    """The function that a tool call names (``function`` of a tool call)."""

    __slots__ = ()

    @property
    def name(self) -> str | None:
        """Its name; in a stream, only in the call's first piece."""
        return string(self._raw.get("name"))

    @property
    def arguments(self) -> str:
        """Its arguments, or a piece of them: JSON, if the model wrote it well."""
        raw = self._raw.get("arguments")
        # Some servers send the object itself.
        return json.dumps(raw) if isinstance(raw, dict) else text(raw) or ""


class Custom(Nested):
    """The custom tool that a tool call names (``custom`` of a tool call)."""

    __slots__ = ()

    @property
    def name(self) -> str | None:
        """Its name; in a stream, only in the call's first piece."""
        return string(self._raw.get("name"))

    @property
    def input(self) -> str:
        """What it is called with, or a piece of it: a text of any kind."""
        return text(self._raw.get("input")) or ""


class ToolCall(Value):
    """A tool that the model wants to be called, or a piece of one (``tool_calls``)."""

    __slots__ = ()

    @property
    def index(self) -> int | None:
        """Which of the calls it is, in a stream; some servers leave it out."""
        return count(self._raw.get("index"))

    @property
    def id(self) -> str | None:
        """What the tool's answer must name."""
        return string(self._raw.get("id")) or None

    @property
    def type(self) -> str:
        """``function`` or ``custom``, unless the server says something else."""
        told = string(self._raw.get("type"))
        return told or ("custom" if self.custom else "function")

    @property
    def function(self) -> Function:
        """What to call; empty where it is a custom tool."""
        return Function(mapping(self._raw.get("function")))

    @property
    def custom(self) -> Custom | None:
        """The custom tool to call, None where it is a function."""
        found = self._raw.get("custom")
        return Custom(found) if isinstance(found, dict) else None


class ResponseMessage(Value):
    """A message (``message`` of a choice)."""

    __slots__ = ()

    _derived = frozenset({"reasoning", "pictures"})

    @property
    def role(self) -> str | None:
        """Nearly always ``assistant``."""
        return string(self._raw.get("role"))

    @property
    def content(self) -> str | None:
        """The answer's text, as Markdown nearly always; None where there is none.

        Of a list of parts it is the texts, without the model's thinking.
        """
        content = self._raw.get("content")
        if isinstance(content, list):
            return "".join(value for kind, value in _parts(content) if kind == "text")
        return text(content)

    @property
    def reasoning(self) -> str | None:
        """The model's thinking, where the server tells it.

        It is ``reasoning_content``, ``reasoning``, ``thinking``, the texts of
        ``reasoning_details``, or the ``thinking`` parts of ``content`` of the API.
        """
        content = self._raw.get("content")
        own = _parts(content) if isinstance(content, list) else ()
        within = "".join(value for kind, value in own if kind == "reasoning")
        return self._told_apart or within or None

    @property
    def _told_apart(self) -> str:
        """The thinking that stands beside ``content``."""
        raw = self._raw
        for name in ("reasoning_content", "reasoning", "thinking"):
            if thinking := text(raw.get(name)):
                return thinking
        details = items(raw.get("reasoning_details"))
        if not details:
            return ""  # nearly always
        found = (text(first(part, "text", "summary")) for part in details)
        return "".join(filter(None, found))

    @property
    def pictures(self) -> Sequence[str]:
        """The addresses of pictures, which may hold them whole (``data:``).

        They are ``images`` of the API, or parts of ``content``.
        """
        found = [value for kind, value in self.pieces() if kind == "picture"]
        return tuple(found)

    def pieces(self) -> Iterator[tuple[str, str]]:
        """Give what the message says, in its order, each with its kind.

        The kinds are ``reasoning``, ``text``, ``refusal`` and ``picture``, whose value
        is its address.
        """
        raw = self._raw
        content = raw.get("content")
        if apart := self._told_apart:
            yield "reasoning", apart
        if isinstance(content, list):
            found = _parts(content)
            yield from (each for each in found if not apart or each[0] != "reasoning")
        elif isinstance(content, str) and content:
            yield "text", content
        if refusal := self.refusal:
            yield "refusal", refusal
        if images := raw.get("images"):
            several = images if isinstance(images, list) else [images]
            urls = (_address(mapping(each)) or string(each) for each in several)
            yield from (("picture", url) for url in urls if url)

    @property
    def refusal(self) -> str | None:
        """The text of a refusal, None where the model refuses nothing."""
        return text(self._raw.get("refusal"))

    @property
    def tool_calls(self) -> Sequence[ToolCall]:
        """The tools that the model wants to be called."""
        return tuple(map(ToolCall, items(self._raw.get("tool_calls"))))

    @property
    def annotations(self) -> Sequence[Annotation]:
        """Citations in the text."""
        citations = items(self._raw.get("annotations"))
        return tuple(map(Annotation.from_dict, citations))

    @property
    def audio(self) -> Audio | None:
        """What the model says aloud, where that was asked for."""
        found = self._raw.get("audio")
        return Audio(found) if isinstance(found, dict) else None

    @property
    def function_call(self) -> Function | None:
        """The one function to call, as the API had it before ``tool_calls``."""
        found = self._raw.get("function_call")
        return Function(found) if isinstance(found, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the API takes it back in a later request.

        What only a response has is left out: some models refuse their own reasoning.
        """
        raw = self._raw
        fields: dict[str, Any] = {n: deepcopy(raw[n]) for n in _SENT if raw.get(n)}
        if self.audio and self.audio.id:
            fields["audio"] = {"id": self.audio.id}
        if calls := items(fields.get("tool_calls")):
            fields["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"}
                for call in calls
            ]
        nothing = "" if fields.keys() <= {"content", "reasoning_details"} else None
        return {"role": self.role or "assistant", "content": nothing, **fields}

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the message as ``to_dict`` does, with the fields that it lacks.

        So it can be sent back; ``model_dump`` of the completion has all that came.

        Args:
            exclude_none: whether to add none, and to leave out what is null.
        """
        found = {**dict.fromkeys(modelled(type(self))), **self.to_dict()}
        return {n: e for n, e in found.items() if e is not None or not exclude_none}


class Delta(ResponseMessage):
    """A piece of a message (``delta`` of a choice)."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the piece as it came, in a copy that may be changed."""
        return Value.to_dict(self)

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the piece as it came, with the API's fields that are missing in it.

        Args:
            exclude_none: whether to add none, and to leave out what is null.
        """
        return Value.model_dump(self, exclude_none=exclude_none)


MessageLike: TypeAlias = Message | ResponseMessage | Mapping[str, Any]


def _parts(content: list[Any]) -> Iterator[tuple[str, str]]:
    """Give what a list of parts says, each with its kind, empty ones left out."""
    for part in content:
        kind, value = ("text", part) if isinstance(part, str) else _part(mapping(part))
        if value:
            yield kind, value


def _part(raw: Json) -> tuple[str, str]:
    """Return the kind of a part of ``content``, and what it says."""
    kind = str(raw.get("type", ""))
    is_picture = "image" in kind or "image_url" in raw
    if is_picture and (address := _address(raw)):  # else the field is there as null
        return "picture", address
    if kind == "refusal":
        return "refusal", text(first(raw, "refusal", "text")) or ""
    if kind in ("thinking", "reasoning"):
        return "reasoning", text(first(raw, "thinking", "reasoning", "text")) or ""
    words = raw.get("text")
    return "text", words if isinstance(words, str) else ""


def _address(raw: Json) -> str:
    """Return the address of a picture, whichever form it has."""
    found = first(raw, "image_url", "url", "source", "b64_json", "data", "image_base64")
    inner = mapping(found)
    if inner:
        found = first(inner, "url", "data", "b64_json")
    return found if isinstance(found, str) else ""
