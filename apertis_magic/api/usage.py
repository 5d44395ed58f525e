"""What a request took: its tokens and its cost, by whichever names a server has."""

from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from apertis_magic.api.details import CompletionTokensDetails, PromptTokensDetails
from apertis_magic.api.value import (
    Json,
    amount,
    count,
    dumped,
    first,
    items,
    mapping,
)
from apertis_magic.marks import NOT_IN_NOTEBOOKS

_OF_PROMPT = ("prompt_tokens_details", "input_tokens_details")
_OF_COMPLETION = ("completion_tokens_details", "output_tokens_details")
_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_MODELLED = (*_COUNTS, _OF_COMPLETION[0], _OF_PROMPT[0])
"""The fields of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request took (``usage`` of the API), each None where not told.

    Two can be added. Fields that are not listed here are attributes too, and so are
    ``prompt_tokens_details`` and ``completion_tokens_details``.

    Attributes:
        prompt_tokens: tokens that were sent, the cached ones included.
        completion_tokens: tokens that were written, the reasoning included.
        total_tokens: both; the sum where the server tells none.
        cached_tokens: tokens of the prompt that came from a cache
            (``prompt_tokens_details.cached_tokens``).
        reasoning_tokens: tokens of the completion that were thinking
            (``completion_tokens_details.reasoning_tokens``).
        cost: USD, as the server measured it; few tell it. A gateway tells that of a
            whole answer in a header (``x-litellm-response-cost``).
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
    raw: Annotated[Json, NOT_IN_NOTEBOOKS] = field(default_factory=dict, repr=False)

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
        of_completion = mapping(first(raw, *_OF_COMPLETION))
        cached = mapping(first(raw, *_OF_PROMPT)).get("cached_tokens")
        if cached is None:
            cached = raw.get("prompt_cache_hit_tokens")  # DeepSeek's name
        return cls(
            prompt_tokens=prompt,
            completion_tokens=completion,
            total_tokens=total,
            cached_tokens=count(cached),
            reasoning_tokens=count(of_completion.get("reasoning_tokens")),
            cost=amount(raw.get("cost")),
            raw=raw,
        )

    @property
    def prompt_tokens_details(self) -> PromptTokensDetails | None:
        """What the prompt was made of; None where not told, and of a sum."""
        found = first(self.raw, *_OF_PROMPT)
        return PromptTokensDetails(found) if isinstance(found, dict) else None

    @property
    def completion_tokens_details(self) -> CompletionTokensDetails | None:
        """What the completion was made of; None where not told, and of a sum."""
        found = first(self.raw, *_OF_COMPLETION)
        return CompletionTokensDetails(found) if isinstance(found, dict) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the object as it came, in a copy that may be changed."""
        return deepcopy(dict(self.raw))

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the object as it came, with the API's fields that are missing in it.

        Args:
            exclude_none: whether to add none, and to leave out what is null.
        """
        return self._dump(exclude_none=exclude_none)

    def _dump(self, *, exclude_none: bool) -> dict[str, Any]:
        """Return what ``model_dump`` of the completion has of it."""
        return dumped(self, _MODELLED, exclude_none=exclude_none)

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
        """Return the usage that *payload*, a response or a chunk, carries, if any.

        It is ``usage``; of some servers ``x_groq.usage``, or that of a choice.
        """
        raw = mapping(payload.get("usage"))
        if not raw and "x_groq" in payload:
            raw = mapping(mapping(payload["x_groq"]).get("usage"))
        if not raw:
            for choice in items(payload.get("choices")):
                raw = mapping(choice.get("usage")) or raw
        return cls.from_dict(raw) if raw else None


def costing(usage: Usage | None, cost: float | None) -> Usage | None:
    """Return what a response took, with the cost that its headers tell.

    Args:
        usage: what its body tells, and None for nothing.
        cost: USD, None where not told; the body's own cost goes before it.
    """
    if cost is None or (usage and usage.cost is not None):
        return usage
    if usage is None:  # 0 is also what a gateway says that counted nothing
        return Usage(cost=cost) if cost else None
    return replace(usage, cost=cost)
