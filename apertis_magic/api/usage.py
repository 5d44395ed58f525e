"""What a request took: its tokens and its cost, by whichever names a server has."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any

from apertis_magic.api.value import Json, amount, count, first, items, mapping
from apertis_magic.marks import NOT_IN_NOTEBOOKS


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
