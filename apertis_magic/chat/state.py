"""A conversation as a frozen value: what is restored, forked, loaded and written."""

from dataclasses import dataclass, field
from uuid import uuid4

from apertis_magic.chat.history import Entry, History
from apertis_magic.chat.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A conversation at one moment.

    Attributes:
        id: names this conversation and no other, whatever it is called.
        name: what it is called.
        model: the model of its own, None for none.
        system: the system prompt of its own, "" for none at all, None for the default.
        history: its turns, in their order.
    """

    id: str = field(default_factory=lambda: uuid4().hex)
    name: str
    model: str | None = None
    system: str | None = None
    history: History = ()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in their order."""
        return tuple(entry.turn for entry in self.history)


def history_of(turns: "tuple[Turn, ...] | list[Turn]") -> History:
    """Return turns as a history in which each was made after the one before it."""
    return tuple(Entry(turn, n, None, turn.id) for n, turn in enumerate(turns, 1))
