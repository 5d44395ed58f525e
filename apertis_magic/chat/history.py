"""Where a turn belongs in a conversation; pure functions on tuples.

A cell owns the turns it made, in order. Running it again replaces them one by one, in
place; what an execution does not replace goes when it ends. A question sees the turns
before its place, and a turn is stale when one before it is newer.

Not every id of a cell lasts. Notebooks of a format below 4.5, and those kept as text,
get new ids each time they are opened, and VS Code's are numbers that count from each
opening. Such a cell whose id is new takes over the first turn with the same question
whose cell has not run since the notebook was opened, or the turn loaded or restored.
"""

from dataclasses import dataclass, field, replace
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
        client: the ``Cell.client`` by which it was asked in this kernel; None where it
            was loaded or restored and not asked again since. Nothing keeps it.
    """

    turn: Turn
    order: int
    execution: str | None = None
    slot: str = ""
    client: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a question stands in its conversation.

    Attributes:
        cell: the notebook cell that asks; its earlier turn is replaced.
        append: leave the cell's earlier turns and ask after all of them.
        replaces: the id of the turn that is asked again, whichever cell made it, or of
            the first that stood in its place. It becomes the turn of *cell*, if there
            is one.
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
    own = [at for at, entry in enumerate(history) if _is_of(entry, cell)]
    for at in own:
        if history[at].execution != cell.execution:
            return slice(at, at + 1)
    return slice(own[-1] + 1, own[-1] + 1) if own else end


def due(history: History, cell: Cell, typed: str) -> Entry | None:
    """Return the turn that a run of a cell asks again, None where it is a new one.

    Args:
        history: the turns.
        cell: the cell that runs.
        typed: what it asks, as it was typed.
    """
    own = (e for e in history if _is_of(e, cell) and e.execution != cell.execution)
    left = (e for e in history if e.turn.prompt == typed and _is_left(e, cell))
    return next(own, None) or next(left, None)


def _is_of(entry: Entry, cell: Cell) -> bool:
    """Tell whether a turn is one of a cell's."""
    is_same = entry.turn.cell == cell.id
    return is_same and (not cell.is_numbered or entry.client == cell.client)


def _is_left(entry: Entry, cell: Cell) -> bool:
    """Tell whether a turn's own cell may have come back under another id."""
    if cell.client:
        return entry.client not in ("", cell.client)
    # Its notebook keeps the ids, but VS Code may have asked by its own.
    asked = Cell(entry.turn.cell or "", execution="")
    return entry.client is None and asked.is_numbered


def put(
    history: History, turn: Turn, placement: Placement, *, after: int = 0
) -> tuple[History, Entry]:
    """Return *history* with *turn* in its place, and the turn's entry.

    A turn of which nothing came does not replace one with an answer: the entry is then
    a version of that one, which is not in the history. Its number is higher than those
    in the history, and than *after*, the highest of one that is gone; the very same
    turn, which a journal gave again, keeps its own unless that was stale.
    """
    if placement.start_over and not turn.nothing_came:
        # Starting over costs the turns only once there is something in their place.
        history = asked_again(history, placement)
    placement = replace(placement, start_over=False)
    if placement.append and placement.cell:
        history = _keep(history, placement.cell)
    at = place(history, placement)
    cell = placement.cell
    entry = Entry(
        turn,
        max([after, *(each.order for each in history)]) + 1,
        cell.execution if cell else None,
        turn.id,
        cell.client if cell else "",
    )
    if not history[at]:
        return (*history[: at.start], entry, *history[at.stop :]), entry
    [old] = history[at]
    if cell is None:
        turn = replace(turn, cell=old.turn.cell)
        entry = replace(entry, execution=old.execution, client=old.client)
    is_same = old.turn.id == turn.id and not stale(history)[at.start]
    order = old.order if is_same else entry.order
    entry = replace(entry, turn=turn, order=order, slot=old.slot)
    is_kept = turn.nothing_came and old.turn.is_sent
    stays = _taken_over(old, entry) if is_kept else entry
    return (*history[: at.start], stays, *history[at.stop :]), entry


def asked_again(history: History, placement: Placement) -> History:
    """Return the turn that a question which starts over asks again, if there is one."""
    if placement.cell is None:
        return ()
    return history[place(history, replace(placement, start_over=False))]


def _taken_over(entry: Entry, by: Entry) -> Entry:
    """Return an entry that stays, as a turn of the cell that asked in vain."""
    turn = replace(entry.turn, cell=by.turn.cell)
    return replace(entry, turn=turn, execution=by.execution, client=by.client)


def _keep(history: History, cell: Cell) -> History:
    """Have *cell*'s turns outlast this execution of it, which adds to them."""
    return tuple(
        replace(entry, execution=cell.execution, client=cell.client)
        if _is_of(entry, cell)
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
    cells = {
        Cell(entry.turn.cell, execution, entry.client or "")
        for entry in history
        if entry.execution == execution and entry.turn.cell
    }
    return tuple(
        entry
        for entry in history
        if entry.execution == execution or not any(_is_of(entry, c) for c in cells)
    )


def stale(history: History) -> tuple[bool, ...]:
    """Tell of each turn whether one before it is newer, so that it may not fit."""
    # What failed is not sent, so that it cannot be what does not fit.
    ages = (0 if entry.turn.nothing_came else entry.order for entry in history)
    newest = accumulate(ages, max)
    return tuple(
        entry.order < high for entry, high in zip(history, newest, strict=True)
    )
