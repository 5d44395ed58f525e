"""What the Chat Completions API takes and sends; tolerant of what servers really do.

Every field may be missing, null or nested differently. What nobody modelled stays in
``raw``, and is an attribute too.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from apertis_magic.api.response import Response
from apertis_magic.api.value import (
    Json,
    Value,
    amount,
    count,
    first,
    items,
    mapping,
    string,
    text,
)

Role: TypeAlias = Literal["system", "user", "assistant"]

WEB_SEARCH = "web-search"
"""The id of the chunk in which the gateway says that it searches the web."""


def error_of(payload: Json) -> Json | None:
    """Return the error that *payload* carries, as a mapping, or None.

    Some gateways send an ``error`` whose fields are all empty along with a success;
    that is no error.
    """
    error = payload.get("error")
    if not error and payload.get("success") is False:
        words = payload.get("message") or "no reason given"
        return {"message": words, "code": payload.get("code")}
    if isinstance(error, str | list) and str(error).strip(" []"):
        return {"message": str(error)}
    if error and isinstance(error, int | float):  # true, or a status
        return {"message": payload.get("message") or f"error {error}"}
    found = mapping(error)
    return found if any(found.get(k) for k in ("message", "type", "code")) else None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation (an item of ``messages`` of the API).

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        content: the text, as it goes to the server, or the parts that the API takes.

    Example:
        >>> from apertis_magic.api.types import Message
        >>> Message("user", "Hello!").to_dict()
        {'role': 'user', 'content': 'Hello!'}
    """

    role: Role
    content: str | list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the API takes it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request took (``usage`` of the API), each None where not told.

    Two can be added. Fields that are not listed here are attributes too.

    Attributes:
        prompt_tokens: tokens that were sent, the cached ones included.
        completion_tokens: tokens that were written, the reasoning included.
        total_tokens: both; the sum where the server tells none.
        cached_tokens: tokens of the prompt that came from a cache
            (``prompt_tokens_details.cached_tokens``).
        reasoning_tokens: tokens of the completion that were thinking
            (``completion_tokens_details.reasoning_tokens``).
        cost: USD, as the server measured it; few servers tell it.
        raw: the object as it came.

    Example:
        >>> from apertis_magic.api.types import Usage
        >>> usage = Usage.from_dict({"prompt_tokens": 14, "completion_tokens": 7})
        >>> usage.total_tokens
        21
        >>> (usage + usage).total_tokens
        42
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, raw: Json) -> "Usage":
        """Read the API's ``usage`` object, also by the names of its sister APIs.

        Args:
            raw: the object.

        Returns:
            What it tells.
        """
        prompt = count(first(raw, "prompt_tokens", "input_tokens"))
        completion = count(first(raw, "completion_tokens", "output_tokens"))
        total = count(raw.get("total_tokens"))
        if not total and prompt is not None and completion is not None:
            total = prompt + completion
        of_prompt = first(raw, "prompt_tokens_details", "input_tokens_details")
        of_completion = first(raw, "completion_tokens_details", "output_tokens_details")
        cached = mapping(of_prompt).get("cached_tokens")
        if cached is None:
            cached = raw.get("prompt_cache_hit_tokens")  # DeepSeek's name
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
            cached_tokens=count(cached),
            reasoning_tokens=count(mapping(of_completion).get("reasoning_tokens")),
            cost=amount(raw.get("cost")),
            raw=raw,
        )

    def __add__(self, other: "Usage") -> "Usage":
        """Return the usage of both; None where either does not tell."""

        def both(name: str) -> Any:
            pair = getattr(self, name), getattr(other, name)
            return None if None in pair else sum(pair)

        return Usage(**{each.name: both(each.name) for each in fields(self)[:-1]})

    if not TYPE_CHECKING:  # a misspelt name stays an error for type checkers

        def __getattr__(self, name: str) -> Any:
            # Without the first test, unpickling would ask for raw without an end.
            if name != "raw" and not name.startswith("_") and name in self.raw:
                return self.raw[name]
            raise AttributeError(f"Usage has no {name!r}")

    @classmethod
    def of(cls, payload: Json) -> "Usage | None":
        """Return the usage that *payload*, a response or a chunk, carries, if any."""
        raw = mapping(payload.get("usage"))
        return cls.from_dict(raw) if raw else None


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
        """The first character of the text that it is about."""
        return count(self._raw.get("start_index"))

    @property
    def end_index(self) -> int | None:
        """The character after the last one."""
        return count(self._raw.get("end_index"))


class Function(Value):
    """The function that a tool call names (``function`` of a tool call)."""

    __slots__ = ()

    @property
    def name(self) -> str | None:
        """Its name; in a stream, only in the call's first piece."""
        return string(self._raw.get("name"))

    @property
    def arguments(self) -> str:
        """Its arguments, or a piece of them: JSON, if the model wrote it well."""
        given = self._raw.get("arguments")
        # Some servers send the object itself.
        return json.dumps(given) if isinstance(given, dict) else text(given) or ""


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
        """``function``, unless the server says something else."""
        return string(self._raw.get("type")) or "function"

    @property
    def function(self) -> Function:
        """What to call."""
        return Function(mapping(self._raw.get("function")))


class ResponseMessage(Value):
    """A message (``message`` of a choice), or a piece of one (``delta``)."""

    __slots__ = ()

    @property
    def role(self) -> str | None:
        """Nearly always ``assistant``."""
        return string(self._raw.get("role"))

    @property
    def content(self) -> str | None:
        """The answer's text, as Markdown nearly always; None where there is none."""
        return text(self._raw.get("content"))

    @property
    def reasoning(self) -> str | None:
        """The model's thinking, where the server tells it.

        It is ``reasoning_content``, ``reasoning``, ``thinking`` or the texts of
        ``reasoning_details`` of the API.
        """
        raw = self._raw
        for name in ("reasoning_content", "reasoning", "thinking"):
            if found := text(raw.get(name)):
                return found
        details = items(raw.get("reasoning_details"))
        parts = (text(first(part, "text", "summary")) for part in details)
        return "".join(filter(None, parts)) or None

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
        found = items(self._raw.get("annotations"))
        return tuple(map(Annotation.from_dict, found))

    def to_dict(self) -> dict[str, Any]:
        """Return the message as the API takes it back in a later request.

        What only a response has is left out: some models refuse their own reasoning.
        """
        kept = ("content", "tool_calls", "reasoning_details")
        fields = {name: self._raw[name] for name in kept if self._raw.get(name)}
        if calls := items(fields.get("tool_calls")):
            fields["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"}
                for call in calls
            ]
        nothing = None if "tool_calls" in fields else ""
        return {"role": self.role or "assistant", "content": nothing, **fields}


Delta: TypeAlias = ResponseMessage


class _AnyChoice(Value):
    __slots__ = ()

    @property
    def index(self) -> int:
        """Which of the answers it is, from 0."""
        return count(self._raw.get("index")) or 0

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the server's own word; None where it has not.

        It is ``stop`` (complete), ``length`` (cut off at ``max_tokens``),
        ``tool_calls``, ``content_filter``, or what else a server says.
        """
        return string(self._raw.get("finish_reason")) or None


class Choice(_AnyChoice):
    """One of the answers to a request (``choices``); ``n`` says how many there are."""

    __slots__ = ()

    @property
    def message(self) -> ResponseMessage:
        """The answer."""
        return ResponseMessage(mapping(self._raw.get("message")))


class ChunkChoice(_AnyChoice):
    """A piece of one of the answers to a streamed request (``choices``)."""

    __slots__ = ()

    @property
    def delta(self) -> Delta:
        """The piece."""
        return Delta(mapping(first(self._raw, "delta", "message")))


class _Completion(Value):
    __slots__ = ()

    @property
    def id(self) -> str | None:
        """The server's name for the answer."""
        return string(self._raw.get("id"))

    @property
    def model(self) -> str | None:
        """The model that answers, as its provider calls it."""
        return string(self._raw.get("model"))

    @property
    def created(self) -> int | None:
        """When it was made, in seconds since 1970."""
        return count(self._raw.get("created"))

    @property
    def usage(self) -> Usage | None:
        """The tokens it took; None where not told, as in most chunks of a stream."""
        return Usage.of(self._raw)

    @property
    def web_sources(self) -> Sequence[WebSource]:
        """The pages that a ``:web`` model has read."""
        return tuple(map(WebSource, _sources(self._raw)))


def _sources(raw: Json) -> Iterator[Json]:
    yield from items(raw.get("web_sources"))
    for choice in items(raw.get("choices")):
        for name in ("message", "delta"):
            yield from items(mapping(choice.get(name)).get("web_sources"))


class ChatCompletion(_Completion):
    """The response to ``POST /chat/completions``.

    Args:
        raw: its body.
        response: its status and headers.

    Attributes:
        response: what the HTTP response's headers tell.

    Example:
        >>> from apertis_magic import Apertis
        >>> answer = Apertis().chat.completions.create(
        ...     model="gpt-4.1-mini",
        ...     messages=[{"role": "user", "content": "What is the capital of Japan?"}],
        ... )
        >>> print(answer.choices[0].message.role, answer.choices[0].message.content)
        assistant The capital of Japan is ...
        >>> print(answer.model, answer.usage.total_tokens, answer.response.status)
        gpt-4.1-mini... 21 200
    """

    __slots__ = ("response",)

    def __init__(self, raw: Json, response: Response | None = None) -> None:
        super().__init__(raw)
        self.response = response or Response()

    @property
    def choices(self) -> Sequence[Choice]:
        """The answers, as many as ``n`` asked for."""
        return tuple(map(Choice, items(self._raw.get("choices"))))

    def as_chunk(self) -> "ChatCompletionChunk":
        """Return the whole response as if it had been streamed in one piece."""
        return ChatCompletionChunk(self._raw)


class ChatCompletionChunk(_Completion):
    """One event of a streamed response; ``choices`` may be empty.

    Args:
        raw: the event's data.
    """

    __slots__ = ("_choices",)

    def __init__(self, raw: Json) -> None:
        self._raw = raw
        # Found once: a reader asks for them two or three times for every event.
        self._choices = self._find_choices()

    @property
    def choices(self) -> Sequence[ChunkChoice]:
        """The pieces of the answers."""
        return self._choices

    def _find_choices(self) -> Sequence[ChunkChoice]:
        found = items(self._raw.get("choices"))
        if self._raw.get("id") == WEB_SEARCH:
            # The gateway's words, not the model's: see ``notice``.
            found = [
                {**choice, "delta": {**mapping(choice.get("delta")), "content": ""}}
                for choice in found
            ]
        return tuple(map(ChunkChoice, found))

    @property
    def notice(self) -> str | None:
        """What the gateway says before the answer: that it searches the web."""
        if self._raw.get("id") != WEB_SEARCH:
            return None
        deltas = (mapping(c.get("delta")) for c in items(self._raw.get("choices")))
        return "".join(text(delta.get("content")) or "" for delta in deltas).strip()


MessageLike: TypeAlias = Message | ResponseMessage | Mapping[str, Any]
