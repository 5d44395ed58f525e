"""One question with its answer, as a frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from apertis_magic.api.types import Message, Usage


@dataclass(frozen=True, slots=True)
class Cell:
    """The notebook cell that asks.

    Attributes:
        id: the front end's id of the cell, the same when it runs again.
        execution: the id of this run of it.
    """

    id: str
    execution: str


@dataclass(frozen=True, slots=True)
class Source:
    """A page of the web that an answer rests on.

    Attributes:
        url: where it is, as the server names it; not to be trusted.
        title: its title, else empty.
    """

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user's message and its answer; they enter a conversation together.

    Attributes:
        id: names this turn and no other.
        prompt: the user's message, as it was sent.
        text: the answer's text, as far as it came.
        reasoning: the model's thinking, where the server tells it.
        refusal: the text of a refusal, else empty.
        alternatives: the texts of the other answers, where several were asked for.
        sources: the pages of the web that the answer rests on.
        finish: ``stop``, ``length`` or what else the server said; ``interrupted``,
            ``error``; None where the server said nothing.
        error: what went wrong, in one line; empty when nothing did.
        model: the model that answered, as the server names it.
        fallback: why another model than the asked one answered, where the server
            tells it, else empty.
        asked_model: the model that was asked.
        base_url: the address that was asked.
        usage: the tokens it took, where the server tells them.
        system: the system prompt it was asked under.
        options: the other fields of the request that were set.
        cell: id of the notebook cell it came from, where the front end tells it.
        started: when it was sent, in seconds since 1970.
        first_text: seconds from then to the answer's first text.
        elapsed: seconds from then to its end.
        malformed: events of the stream that could not be read and are missing.
    """

    prompt: str
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    alternatives: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    finish: str | None = None
    error: str = ""
    model: str = ""
    asked_model: str = ""
    fallback: str = ""
    base_url: str = ""
    usage: Usage | None = None
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    cell: str | None = None
    started: float = 0.0
    first_text: float | None = None
    elapsed: float = 0.0
    malformed: int = 0
    id: str = field(default_factory=lambda: uuid4().hex)

    def __str__(self) -> str:
        return self.text

    @property
    def cost(self) -> float | None:
        """What the answer cost in USD, where the server tells it."""
        return self.usage.cost if self.usage else None

    @property
    def nothing_came(self) -> bool:
        """Whether it failed or was stopped before the answer's first word."""
        ended_early = self.finish in ("error", "interrupted")
        return ended_early and not self.text and not self.refusal

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as later requests send it; a turn without text is not sent."""
        if not self.text:
            return ()
        return Message("user", self.prompt), Message("assistant", self.text)
