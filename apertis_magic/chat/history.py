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
        order: its number in the order in which the conversation's turns were made.
        execution: the execution of a cell that made it.
        slot: the id of the first turn that stood in this place; its versions share it.
    """

    turn: Turn
    order: int
    execution: str | None = None
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a question stands in its conversation.

    Attributes:
        cell: the notebook cell that asks; its earlier turn is replaced.
        append: leave the cell's earlier turns and ask after all of them.
        replaces: the id of the turn that is asked again, whichever cell made it, or of
            the first that stood in its place.
        start_over: start over: the turns before go once something has come.
    """

    cell: Cell | None = None
    append: bool = False
    replaces: str | None = None
    start_over: bool = False


History = tuple[Entry, ...]


def place(history: History, placement: Placement) -> slice:
    """Return the place of the next turn: a turn to replace, or a gap."""
    end = slice(len(history), len(history))
    if placement.start_over:
        return slice(0, 0)
    if placement.replaces is not None:
        for at, entry in enumerate(history):
            if placement.replaces in (entry.turn.id, entry.slot):
                return slice(at, at + 1)
        return end
    cell = placement.cell
    if cell is None or placement.append:
        return end
    own = [i for i, entry in enumerate(history) if entry.turn.cell == cell.id]
    for i in own:
        if history[i].execution != cell.execution:
            return slice(i, i + 1)
    return slice(own[-1] + 1, own[-1] + 1) if own else end


def put(
    history: History, turn: Turn, placement: Placement, *, after: int = 0
) -> tuple[History, Entry]:
    """Return *history* with *turn* in its place, and the turn's entry.

    A turn of which nothing came does not replace one with an answer: the entry is then
    a version of that one, which is not in the history. Its number is higher than those
    in the history, and than *after*, the highest of one that is gone.
    """
    if placement.start_over and not turn.nothing_came:
        # Starting over costs the turns only once there is something in their place.
        history = _own(history, placement.cell)[:1]
    placement = replace(placement, start_over=False)
    execution = placement.cell.execution if placement.cell else None
    if placement.append and placement.cell:
        history = _keep(history, placement.cell)
    at = place(history, placement)
    order = max([after, *(entry.order for entry in history)]) + 1
    if not history[at]:
        entry = Entry(turn, order, execution, turn.id)
        return (*history[: at.start], entry, *history[at.stop :]), entry
    [old] = history[at]
    if placement.replaces is not None:
        turn, execution = replace(turn, cell=old.turn.cell), old.execution
    entry = Entry(turn, order, execution, old.slot)
    is_kept = turn.nothing_came and old.turn.is_sent
    stays = replace(old, execution=execution) if is_kept else entry
    return (*history[: at.start], stays, *history[at.stop :]), entry


def _own(history: History, cell: Cell | None) -> History:
    """Return the turns that an earlier execution of *cell* made."""
    if cell is None:
        return ()
    return tuple(
        entry
        for entry in history
        if entry.turn.cell == cell.id and entry.execution != cell.execution
    )


def _keep(history: History, cell: Cell) -> History:
    """Have *cell*'s turns outlast this execution of it, which adds to them."""
    return tuple(
        replace(entry, execution=cell.execution)
        if entry.turn.cell == cell.id
        else entry
        for entry in history
    )


def newest(history: History) -> Turn | None:
    """Return the turn with an answer that was made last, wherever it stands."""
    answered = [entry for entry in history if entry.turn.is_sent]
    last = max(answered, key=lambda entry: entry.order, default=None)
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


def without(history: History, turn: str) -> tuple[History, Entry, int]:
    """Return *history* without the turn of that id, its entry and where it stood.

    Raises:
        KeyError: there is none.
    """
    ids = [entry.turn.id for entry in history]
    if turn not in ids:
        raise KeyError(turn)
    at = ids.index(turn)
    return (*history[:at], *history[at + 1 :]), history[at], at


def without_last(history: History, number: int) -> History:
    """Return *history* without its last turns, and what failed since.

    Questions that got no answer are no turns, unless there is nothing else.
    """
    answered = [n for n, entry in enumerate(history) if not entry.turn.nothing_came]
    places = answered or [*range(len(history))]
    if number <= 0:
        return history
    return history[: places[-number]] if number <= len(places) else ()


def put_back(history: History, entry: Entry, at: int) -> History:
    """Return *history* with an entry that was taken out, unless its place is taken."""
    names = {each.turn.id for each in history} | {each.slot for each in history}
    if entry.turn.id in names or entry.slot in names:
        return history
    at = min(max(at, 0), len(history))
    return (*history[:at], entry, *history[at:])


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
    # What failed is not sent, so that it cannot be what does not fit.
    ages = (0 if entry.turn.nothing_came else entry.order for entry in history)
    newest = accumulate(ages, max)
    return tuple(
        entry.order < high for entry, high in zip(history, newest, strict=True)
    )
