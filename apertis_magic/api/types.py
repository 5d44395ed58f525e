"""What the API sends and takes, as frozen values; tolerant of what servers really send.

Every field may be missing or null. What nobody modelled stays in ``raw``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, TypeAlias

from apertis_magic.clean import mend

Json: TypeAlias = Mapping[str, Any]
Role: TypeAlias = Literal["system", "user", "assistant"]


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Json]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _string(value: object) -> str | None:
    return mend(value) if isinstance(value, str) else None


def _text(value: object) -> str | None:
    """Return *value* as text; some gateways send a list of parts in its place."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) or "" for part in _items(value))
    # Not mended: the other half of a character may come with the next piece.
    return value if isinstance(value, str) else None


def _count(value: object) -> int | None:
    amount = _amount(value)
    return None if amount is None else int(amount)


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        amount = float(value)
    except OverflowError:
        return None
    return amount if isfinite(amount) else None


def _first_text(raw: Json, *names: str) -> str | None:
    return next((text for name in names if (text := _text(raw.get(name)))), None)


def error_of(payload: Json) -> Json | None:
    """Return the error that *payload* carries, as a mapping, or None.

    Some gateways send an ``error`` whose fields are all empty along with a success;
    that is no error.
    """
    error = payload.get("error")
    if isinstance(error, str) and error.strip():
        return {"message": error}
    found = _mapping(error)
    return found if any(found.get(k) for k in ("message", "type", "code")) else None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        content: the text, as it goes to the server.
    """

    role: Role
    content: str

    def to_dict(self) -> dict[str, str]:
        """Return the message as the API takes it."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that a request took, and its cost in USD, each None where not told."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: float | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, raw: Json) -> "Usage":
        """Read the API's ``usage`` object; a missing total is the sum."""
        prompt = _count(raw.get("prompt_tokens"))
        completion = _count(raw.get("completion_tokens"))
        total = _count(raw.get("total_tokens"))
        if not total and prompt is not None and completion is not None:
            total = prompt + completion
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
            cached_tokens=_count(
                _mapping(raw.get("prompt_tokens_details")).get("cached_tokens")
            ),
            reasoning_tokens=_count(
                _mapping(raw.get("completion_tokens_details")).get("reasoning_tokens")
            ),
            cost=_amount(raw.get("cost")),
            raw=raw,
        )

    @classmethod
    def of(cls, payload: Json) -> "Usage | None":
        """Return the usage that *payload* carries, if any."""
        raw = _mapping(payload.get("usage"))
        return cls.from_dict(raw) if raw else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseMessage:
    """A message, or a piece of one, as the server sends it.

    Attributes:
        role: nearly always ``assistant``.
        content: the answer's text; None where there is none.
        reasoning: the model's thinking, by whichever name the server gives it.
        refusal: the text of a refusal.
        raw: the object as it came.
    """

    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, raw: Json) -> "ResponseMessage":
        """Read a ``message`` or ``delta`` object."""
        return cls(
            role=_string(raw.get("role")),
            content=_text(raw.get("content")),
            reasoning=_first_text(raw, "reasoning_content", "reasoning", "thinking"),
            refusal=_text(raw.get("refusal")),
            raw=raw,
        )


Delta: TypeAlias = ResponseMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers to a request."""

    index: int
    message: ResponseMessage
    finish_reason: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkChoice:
    """A piece of one of the answers to a streamed request."""

    index: int
    delta: Delta
    finish_reason: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletion:
    """The response to ``POST /chat/completions``."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    choices: Sequence[Choice] = ()
    usage: Usage | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, raw: Json) -> "ChatCompletion":
        """Read a whole response body."""
        return cls(
            id=_string(raw.get("id")),
            model=_string(raw.get("model")),
            created=_count(raw.get("created")),
            choices=tuple(
                Choice(
                    index=_count(choice.get("index")) or 0,
                    message=ResponseMessage.from_dict(_mapping(choice.get("message"))),
                    finish_reason=_string(choice.get("finish_reason")) or None,
                    raw=choice,
                )
                for choice in _items(raw.get("choices"))
            ),
            usage=Usage.of(raw),
            raw=raw,
        )

    def as_chunk(self) -> "ChatCompletionChunk":
        """Return the whole response as if it had been streamed in one piece."""
        return ChatCompletionChunk(
            id=self.id,
            model=self.model,
            created=self.created,
            choices=tuple(
                ChunkChoice(
                    index=choice.index,
                    delta=choice.message,
                    finish_reason=choice.finish_reason,
                    raw=choice.raw,
                )
                for choice in self.choices
            ),
            usage=self.usage,
            raw=self.raw,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletionChunk:
    """One event of a streamed response; ``choices`` may be empty."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    choices: Sequence[ChunkChoice] = ()
    usage: Usage | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_dict(cls, raw: Json) -> "ChatCompletionChunk":
        """Read the JSON of one event."""
        return cls(
            id=_string(raw.get("id")),
            model=_string(raw.get("model")),
            created=_count(raw.get("created")),
            choices=tuple(
                ChunkChoice(
                    index=_count(choice.get("index")) or 0,
                    delta=Delta.from_dict(_mapping(choice.get("delta"))),
                    finish_reason=_string(choice.get("finish_reason")) or None,
                    raw=choice,
                )
                for choice in _items(raw.get("choices"))
            ),
            usage=Usage.of(raw),
            raw=raw,
        )
