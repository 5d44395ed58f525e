"""Where a turn belongs in a conversation; pure functions on tuples.

A cell owns the turns it made, in order. Running it again replaces them one by one, in
place; what an execution does not replace goes when it ends. A question sees the turns
before its place, and a turn is stale when one before it is newer.
"""

from dataclasses import dataclass, replace
from itertools import accumulate

from apertis_magic.chat.turn import Cell, Turn


@dataclass(frozen=True, slots=True)
class Entry:
    """A turn in its conversation.

    Attributes:
        turn: the turn.
        made: its number in the order in which the conversation's turns were made.
        execution: the execution of a cell that made it.
    """

    turn: Turn
    made: int
    execution: str | None = None


History = tuple[Entry, ...]


def place(history: History, cell: Cell | None) -> slice:
    """Return the place of *cell*'s next turn: a turn to replace, or a gap."""
    if cell is None:
        return slice(len(history), len(history))
    own = [i for i, entry in enumerate(history) if entry.turn.cell == cell.id]
    for i in own:
        if history[i].execution != cell.execution:
            return slice(i, i + 1)
    end = own[-1] + 1 if own else len(history)
    return slice(end, end)


def put(history: History, turn: Turn, cell: Cell | None) -> History:
    """Return *history* with *turn* in its place.

    A turn of which nothing came does not replace one with an answer.
    """
    at = place(history, cell)
    replaced = history[at]
    if cell and replaced and turn.nothing_came and replaced[0].turn.text:
        kept = replace(replaced[0], execution=cell.execution)
        return (*history[: at.start], kept, *history[at.stop :])
    made = max((entry.made for entry in history), default=0) + 1
    entry = Entry(turn, made, cell.execution if cell else None)
    return (*history[: at.start], entry, *history[at.stop :])


def newest(history: History) -> Turn | None:
    """Return the turn with text that was made last, wherever it stands."""
    answered = [entry for entry in history if entry.turn.text]
    last = max(answered, key=lambda entry: entry.made, default=None)
    return last.turn if last else None


def before(history: History, turn: Turn) -> History:
    """Return the turns before *turn*."""
    ids = [entry.turn.id for entry in history]
    return history[: ids.index(turn.id)] if turn.id in ids else history


def swap(history: History, turn: Turn) -> History:
    """Return *history* with the turn of the same id replaced."""
    return tuple(
        replace(entry, turn=turn) if entry.turn.id == turn.id else entry
        for entry in history
    )


def end_execution(history: History, execution: str) -> History:
    """Return *history* without the turns that *execution*'s cell no longer makes."""
    cells = {e.turn.cell for e in history if e.execution == execution}
    return tuple(
        entry
        for entry in history
        if entry.turn.cell not in cells or entry.execution == execution
    )


def stale(history: History) -> tuple[bool, ...]:
    """Tell of each turn whether one before it is newer, so that it may not fit."""
    newest = accumulate((entry.made for entry in history), max)
    return tuple(entry.made < high for entry, high in zip(history, newest, strict=True))
