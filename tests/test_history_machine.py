"""Cells run again in any order: the history is what a plain list would be.

The list is kept by the words of the design's state contract: a cell owns the turns it
made, and an execution of it replaces them one after the other.
"""

from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scale import ALL
from turns import turn_of, with_text

from apertis_magic.chat import history
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Cell, Turn

ENDS: dict[str, dict[str, Any]] = {
    "answered": {"text": "a", "finish": "stop"},
    "broke off": {"text": "a", "finish": "error"},
    "refused": {"refusal": "no", "finish": "stop"},
    "refused in part": {"refusal": "n", "finish": "interrupted"},
    "empty": {"finish": "stop"},
    "failed": {"finish": "error"},
    "stopped": {"finish": "interrupted"},
}
CELLS = st.sampled_from("AB")
HOW = st.sampled_from(sorted(ENDS))


@dataclass(eq=False)
class Row:
    """A line of the list: the turn that stands there now.

    Attributes:
        id: the turn's id.
        slot: the id of the turn that first stood there.
        cell: the cell it belongs to.
        has_text: whether the turn has text.
        came: whether there is an answer, if only a refusal or an empty one.
        born: when the turn was made, by the list's clock.
    """

    id: str
    slot: str
    cell: str | None
    has_text: bool
    came: bool
    born: int


@dataclass
class Run:
    """A run of a cell.

    Attributes:
        id: the execution's id.
        due: the cell's earlier rows that it has not asked again; None until it asks.
    """

    id: str
    due: list[Row] | None = None


@dataclass
class Plain:
    """A conversation as a plain list, and the cells that run at the moment."""

    rows: list[Row] = field(default_factory=list)
    running: dict[str, Run] = field(default_factory=dict)
    clock: int = 0

    def ask(self, turn: Turn, placement: Placement) -> tuple[list[str], Row]:
        """Take in a turn; return the ids of the turns it saw, and its row."""
        row = self._due(turn, placement)
        if placement.start_over and came(turn):
            # What the cell had asked before is asked again, not dropped.
            self.rows = [row] if row is not None else []
        if row is None:
            row = self._new_row(turn, placement)
        seen = [each.id for each in self.rows[: self.rows.index(row)]]
        self._stand_in(row, turn)
        return [] if placement.start_over else seen, row

    def end(self, cell: str) -> str:
        """End a cell's run without the rows it did not ask again; return its id."""
        run = self.running.pop(cell)
        self.rows = [row for row in self.rows if row not in (run.due or ())]
        return run.id

    def _due(self, turn: Turn, placement: Placement) -> Row | None:
        """Return the row that the turn is to replace, if there is one."""
        if placement.replaces is not None:
            named = [
                row for row in self.rows if placement.replaces in (row.id, row.slot)
            ]
            return named[0] if named else None
        if placement.cell is None:
            return None
        run = self.running[placement.cell.id]
        if placement.append:
            run.due = []
        if run.due is None:
            run.due = [row for row in self.rows if row.cell == turn.cell]
        run.due = [row for row in run.due if row in self.rows]
        return run.due.pop(0) if run.due else None

    def _new_row(self, turn: Turn, placement: Placement) -> Row:
        """Make a row for one turn more: behind the cell's last one, else at the end."""
        row = Row(turn.id, turn.id, turn.cell, has_text=False, came=False, born=0)
        own = [at for at, each in enumerate(self.rows) if each.cell == turn.cell]
        is_more = placement.cell and own and not placement.append
        self.rows.insert(own[-1] + 1 if is_more else len(self.rows), row)
        return row

    def _stand_in(self, row: Row, turn: Turn) -> None:
        if row.has_text and not came(turn):
            return
        self.clock += 1
        row.id, row.born = turn.id, self.clock
        row.has_text, row.came = bool(turn.text), came(turn)


def came(turn: Turn) -> bool:
    """Tell whether there is an answer, if only a refusal or an empty one."""
    return bool(turn.finish == "stop" or turn.text or turn.refusal)


class Conversations(RuleBasedStateMachine):
    """Whatever is asked, asked again, dropped and restored, the two agree."""

    def __init__(self) -> None:
        super().__init__()
        self.history: history.History = ()
        self.plain = Plain()
        self.number = count()
        self.dropped: list[tuple[history.Entry, int, Row]] = []
        self.highest = 0

    @rule(cell=CELLS)
    def run(self, cell: str) -> None:
        """Run a cell; whether it asks anything is still to be seen."""
        if cell not in self.plain.running:
            self.plain.running[cell] = Run(f"execution {next(self.number)}")

    @rule(cell=CELLS)
    def end(self, cell: str) -> None:
        """A cell ends; what it made earlier and did not make now is gone."""
        if cell in self.plain.running:
            execution = self.plain.end(cell)
            self.history = history.end_execution(self.history, execution)

    @rule(cell=CELLS, how=HOW)
    def ask(self, cell: str, how: str) -> None:
        """Ask in a cell, once more if it has done so in this run."""
        self.put(how, self.placement(cell))

    @rule(cell=CELLS, how=HOW)
    def ask_and_append(self, cell: str, how: str) -> None:
        """Ask in a cell with ``--append``."""
        self.put(how, replace(self.placement(cell), append=True))

    @rule(cell=CELLS, how=HOW)
    def start_over(self, cell: str, how: str) -> None:
        """Ask in a cell with ``--new``."""
        self.put(how, replace(self.placement(cell), start_over=True))

    @rule(how=HOW)
    def ask_without_a_cell(self, how: str) -> None:
        """Ask in the panel, or where the front end tells no cell."""
        self.put(how, Placement())

    @precondition(lambda self: self.history)
    @rule(how=HOW, data=st.data())
    def ask_again(self, how: str, data: st.DataObject) -> None:
        """Retry a turn, wherever it stands."""
        ids = [name for row in self.plain.rows for name in (row.id, row.slot)]
        self.put(how, Placement(replaces=data.draw(st.sampled_from(ids))))

    @rule(how=HOW)
    def ask_again_what_is_gone(self, how: str) -> None:
        """Retry a turn that was dropped meanwhile: the answer goes to the end."""
        self.put(how, Placement(replaces="gone"))

    @rule(many=st.integers(0, 4))
    def undo(self, many: int) -> None:
        """Drop the last turns."""
        self.history = self.history[: max(0, len(self.history) - many)]
        self.plain.rows = self.plain.rows[: max(0, len(self.plain.rows) - many)]

    @precondition(lambda self: any(not self.runs(row) for row in self.plain.rows))
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        """Take a turn out that no running cell is at work on."""
        row = data.draw(
            st.sampled_from([row for row in self.plain.rows if not self.runs(row)])
        )
        at = self.plain.rows.index(row)
        del self.plain.rows[at]
        self.history, entry, stood = history.without(self.history, row.id)
        self.dropped.append((entry, stood, replace(row)))
        self.highest = max(self.highest, entry.order)

        assert (at, row.id) == (stood, entry.turn.id)

    @precondition(lambda self: any(not self.runs(row) for *_, row in self.dropped))
    @rule(data=st.data(), off=st.integers(-2, 2))
    def put_back(self, data: st.DataObject, off: int) -> None:
        """Put one back, if nothing stands in its place, near to where it was."""
        entry, at, row = data.draw(
            st.sampled_from([each for each in self.dropped if not self.runs(each[2])])
        )
        self.history = history.put_back(self.history, entry, at + off)
        if row.slot not in [each.slot for each in self.plain.rows]:
            self.plain.rows.insert(max(0, at + off), replace(row))

    @precondition(lambda self: not self.plain.running)
    @rule()
    def restart(self) -> None:
        """Restore the turns in a new kernel, which knows no earlier executions."""
        self.history = tuple(replace(each, execution=None) for each in self.history)

    @precondition(lambda self: history.newest(self.history) is not None)
    @rule()
    def resume(self) -> None:
        """Join more text to the newest answer, which moves nothing."""
        newest = history.newest(self.history)
        assert newest is not None

        self.history = history.swap(self.history, with_text(newest, "ab"))

    @invariant()
    def same_turns(self) -> None:
        """The same turns in the same places, of the same cells."""
        expected = [(row.id, row.slot, row.cell) for row in self.plain.rows]
        found = [(each.turn.id, each.slot, each.turn.cell) for each in self.history]

        assert expected == found

    @invariant()
    def same_ages(self) -> None:
        """The same turns are stale, and the same one is the newest."""
        ages = [row.born for row in self.plain.rows]
        heard = [row.born if row.came else 0 for row in self.plain.rows]
        stale = tuple(age < max(heard[: n + 1]) for n, age in enumerate(ages))
        told = [(row.born, row.id) for row in self.plain.rows if row.has_text]
        newest = history.newest(self.history)

        assert stale == history.stale(self.history)
        assert (max(told)[1] if told else None) == (newest.id if newest else None)

    def runs(self, row: Row) -> bool:
        """Tell whether the cell of *row* runs now."""
        return row.cell in self.plain.running

    def placement(self, cell: str) -> Placement:
        """Return the place of a question in a cell, which runs if it did not."""
        self.run(cell)
        return Placement(cell=Cell(cell, self.plain.running[cell].id))

    def put(self, how: str, placement: Placement) -> None:
        """Let a turn end in both; it was sent after the same turns."""
        cell = placement.cell.id if placement.cell else None
        turn = turn_of(question=Question("?"), cell=cell, **ENDS[how])
        sent = self.history[: history.place(self.history, placement).start]
        self.history, entry = history.put(
            self.history, turn, placement, after=self.highest
        )
        seen, row = self.plain.ask(turn, placement)

        assert seen == [each.turn.id for each in sent]
        assert (turn.id, row.slot, row.cell) == (
            entry.turn.id,
            entry.slot,
            entry.turn.cell,
        )


TestConversations = Conversations.TestCase
TestConversations.settings = settings(max_examples=400 if ALL else 100)
