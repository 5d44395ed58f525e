"""A conversation as a frozen value: what is restored, forked, loaded and written."""

from dataclasses import dataclass, field, replace
from uuid import uuid4

from apertis_magic.chat.history import (
    Entry,
    History,
    Placement,
    due,
    newest,
    put,
    stale,
)
from apertis_magic.chat.turn import Cell, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A conversation at one moment.

    Attributes:
        id: names this conversation and no other, whatever it is called.
        name: what it is called.
        model: the model of its own, None for none.
        system: the system prompt of its own, "" for none at all, None for the default.
        history: its turns, in their order.
        made: the highest order that one of its turns ever had, also one that is gone.
    """

    id: str = field(default_factory=lambda: uuid4().hex)
    name: str
    model: str | None = None
    system: str | None = None
    history: History = ()
    made: int = field(default=0, compare=False)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns in their order."""
        return tuple(entry.turn for entry in self.history)

    @property
    def count(self) -> int:
        """How many turns it has; a question that got no answer is not counted."""
        return sum(not turn.nothing_came for turn in self.turns)

    @property
    def newest(self) -> Turn | None:
        """The turn with an answer that was made last, wherever it stands."""
        return newest(self.history)

    @property
    def stale(self) -> frozenset[str]:
        """Ids of the turns that were asked before a turn above them was asked again."""
        marks = zip(self.history, stale(self.history), strict=True)
        return frozenset(entry.turn.id for entry, old in marks if old)


def history_of(turns: "tuple[Turn, ...] | list[Turn]") -> History:
    """Return turns as a history in which each was made after the one before it."""
    return tuple(Entry(turn, n, None, turn.id) for n, turn in enumerate(turns, 1))


def merged(first: State, then: State) -> State:
    """Return *first* with the turns of *then* after it, each in its cell's place.

    They were all made later, in their own order; their versions stay theirs.
    """
    entries, ids = first.history, {turn.id for turn in first.turns}
    later = {e.turn.id: e for e in then.history if e.turn.id not in ids}
    for entry in later.values():
        entries, _ = put(entries, entry.turn, _placement(entry, entries))
    latest = max([first.made, *(entry.order for entry in first.history)])
    return replace(
        first,
        history=tuple(
            _later(entry, later[entry.turn.id], latest)
            if entry.turn.id in later
            else entry
            for entry in entries
        ),
        made=latest + max([then.made, *(entry.order for entry in then.history)]),
        model=first.model if then.model is None else then.model,
        system=first.system if then.system is None else then.system,
    )


def _placement(entry: Entry, entries: History) -> Placement:
    """Return where a turn stands among others that were made before."""
    turn = entry.turn
    if turn.cell is None:
        return Placement()
    cell = Cell(turn.cell, entry.execution or "", entry.client or "")
    # A cell that did not run in this kernel is no newcomer that takes a place over.
    former = due(entries, cell, turn.prompt) if entry.client is not None else None
    return Placement(cell=cell, replaces=former.slot if former else None)


def _later(entry: Entry, was: Entry, latest: int) -> Entry:
    """Return *entry*, which *was* another elsewhere, as made after the *latest*."""
    is_alone = entry.slot == entry.turn.id  # in the place of no other
    slot = was.slot if is_alone else entry.slot
    return replace(entry, order=latest + was.order, slot=slot)
