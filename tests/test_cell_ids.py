"""Ids of cells that do not last: of older formats, of texts, and VS Code's numbers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kernel_driver import Kernel, running_kernel
from scale import ALL
from scripted_server import ScriptedServer, fails, says
from turns import turn_of

from apertis_magic.chat import history
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Cell
from apertis_magic.notebook import cell_ids

VSCODE = "vscode-notebook-cell://host/folder/a.ipynb#W{}sdnNj"
"""VS Code's id of the cell with this number."""


def notebook(minor: int, folder: Path) -> Path:
    """Write a notebook of format 4 with that minor version, and return its file."""
    file = folder / "a.ipynb"
    source = '"nbformat_minor": 5'
    cell: dict[str, Any] = {"cell_type": "code", "source": source, "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    cell |= {"id": "a-cell"} if minor >= 5 else {}
    written = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": minor}
    nbformat.write(nbformat.from_dict(written), file)
    return file


@pytest.fixture
def kernel(
    request: pytest.FixtureRequest,
    server: ScriptedServer,  # noqa: ARG001  the kernel asks it
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Kernel]:
    """Run a kernel for a notebook whose cells' ids do not last."""
    file = tmp_path / "a.md"
    form = getattr(request, "param", "4.4")
    if form == "text":
        file.write_text("```python\n%%chat\n```\n", encoding="utf-8")
    else:
        file = notebook(int(form[-1]), tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(file))
    with running_kernel() as running:
        running.run("%load_ext apertis_magic")
        yield running


def asked(server: ScriptedServer) -> list[str]:
    """Return the questions of the last request."""
    sent = [request.body for request in server.requests if request.body]
    return [m["content"] for m in sent[-1]["messages"] if m["role"] == "user"]


@pytest.mark.parametrize("minor", [0, 2, 4, 5])
def test_the_format_tells_whether_ids_last(minor: int, tmp_path: Path) -> None:
    """Those of format 4.5 do; what a cell's text says of it counts nothing."""
    assert (minor >= 5) == cell_ids.last(str(notebook(minor, tmp_path)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # As Colab writes it: the format first.
        ('{"nbformat": 4, "nbformat_minor": 5, "cells": [' + " " * 5000 + "]}", True),
        ('{"nbformat": 4, "nbformat_minor": 0, "cells": [' + " " * 5000 + "]}", False),
        ('{"cells": [], "nbformat": 4, "nbformat_minor":5}', True),
        ('{"cells": ["\\"nbformat_minor\\": 5"], "nbformat": 4}', False),
        ("# %%\n%%chat\nA text.\n", False),
        ("", False),
    ],
)
def test_any_order_of_a_file(text: str, expected: bool, tmp_path: Path) -> None:  # noqa: FBT001  a table
    """Nor does a text that holds the words."""
    file = tmp_path / "a.ipynb"
    file.write_text(text, encoding="utf-8")

    assert expected == cell_ids.last(str(file))


def test_what_is_no_file_keeps_no_ids(tmp_path: Path) -> None:
    """A folder, a pipe, nothing at all, and what cannot be a name."""
    os.mkfifo(tmp_path / "pipe")
    names = [str(tmp_path / name) for name in ("", "pipe", "gone.ipynb", "a\0b")]

    assert [False] * 5 == [cell_ids.last(name) for name in [*names, None]]


@pytest.mark.parametrize("kernel", ["4.2", "4.4", "text"], indirect=True)
def test_a_cell_comes_back_under_another_id(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The page was loaded again: the cell replaces the turn with its question."""
    server.will(*(says(f"A{number}.") for number in range(6)))
    kernel.run("%%chat\nOne?", cell="a1", client="page 1")
    kernel.run("%%chat\nTwo?", cell="b1", client="page 1")
    kernel.run("%%chat\nOne?", cell="a2", client="page 2")

    assert ["One?"] == asked(server)

    kernel.run("%%chat\nTwo?", cell="b2", client="page 2")

    assert ["One?", "Two?"] == asked(server)
    assert ("assistant", "A2.") in server.messages[-1]

    kernel.run("%%chat\nOne, edited?", cell="a2", client="page 2")

    assert ["One, edited?"] == asked(server)

    kernel.run("%%chat\nTwo, edited?", cell="b3", client="page 3")

    assert ["One, edited?", "Two?", "Two, edited?"] == asked(server)


def test_a_copy_adds_once_the_original_has_run(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """It is another cell then, in this opening of the notebook and in the next."""
    server.will(says("A."))
    for cell in ("a1", "copy"):
        kernel.run("%%chat\nOne?", cell=cell, client="page 1")

    assert ["One?", "One?"] == asked(server)

    for cell in ("a2", "copy 2", "copy 3"):
        kernel.run("%%chat\nOne?", cell=cell, client="page 2")

    assert ["One?", "One?", "One?"] == asked(server)


def test_a_loop_comes_back_whole(kernel: Kernel, server: ScriptedServer) -> None:
    """Each of its questions takes its own place; one that is new comes after them."""
    server.will(says("A."))
    loop = (
        "for number in range({}):\n    get_ipython().run_line_magic('chat', 'ask One?')"
    )
    kernel.run(loop.format(2), cell="a1", client="page 1")
    kernel.run("%%chat\nLast?", cell="b1", client="page 1")
    kernel.run(loop.format(3), cell="a2", client="page 2")
    kernel.run("%%chat\nLast?", cell="b2", client="page 2")

    assert ["One?", "One?", "One?", "Last?"] == asked(server)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--append", ["One?", "Two?", "One?"]),
        ("--new", ["One?"]),
        ("--once", ["One?"]),
        ("-t 0.5", ["One?"]),
    ],
)
def test_options_count_as_for_any_cell(
    line: str, expected: list[str], kernel: Kernel, server: ScriptedServer
) -> None:
    """The question alone tells that it is the same cell."""
    server.will(says("A."))
    kernel.run("%%chat\nOne?", cell="a1", client="page 1")
    kernel.run("%%chat\nTwo?", cell="b1", client="page 1")
    kernel.run(f"%%chat {line}\nOne?", cell="a2", client="page 2")

    assert expected == asked(server)


def test_one_that_fails_costs_no_answer(kernel: Kernel, server: ScriptedServer) -> None:
    """The turn stays, and is the cell's from now on."""
    server.will(says("A."), fails(402), says("B."))
    kernel.run("%%chat\nOne?", cell="a1", client="page 1")
    kernel.run("%%chat\nOne?", cell="a2", client="page 2")
    kernel.run("%%chat\nOne, edited?", cell="a2", client="page 2")
    kernel.run("%%chat\nTwo?", cell="b2", client="page 2")

    assert ["One, edited?", "Two?"] == asked(server)


def test_restored_turns_are_taken_by_their_questions(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever notebook, the restored cells come back under other ids."""
    server.will(says("A."))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook(2, tmp_path)))
    for kernel_number in range(2):
        with running_kernel() as kernel:
            kernel.run("%load_ext apertis_magic")
            told = kernel.run("%chat restore", cell="r").printed
            for name in ("One?", "Two?"):
                kernel.run(f"%%chat\n{name}", cell=f"{name} {kernel_number}")
            sent = asked(server)
            doctor = kernel.run("%chat doctor", cell="d").printed

    assert ["One?", "Two?"] == sent
    assert "Cells that run again replace their turns, by their questions" in told
    assert "its ids of cells are new when it is opened again" in doctor


def test_a_number_of_vscode_is_nobodys_once_restored(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another cell has it then: it costs no turn, and each turn finds its cell."""
    server.will(says("A."))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook(5, tmp_path)))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        for number, name in enumerate(("One?", "Two?"), 1):
            kernel.run(f"%%chat\n{name}", cell=VSCODE.format(number))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic\n%chat restore")
        kernel.run("%%chat\nNew?", cell=VSCODE.format(2))
        new = asked(server)
        kernel.run("%%chat\nTwo?", cell=VSCODE.format(3))
        two = asked(server)
        kernel.run("%%chat\nNew, edited?", cell=VSCODE.format(2))

    assert ["One?", "Two?", "New?"] == new
    assert ["One?", "Two?"] == two
    assert ["One?", "Two?", "New, edited?"] == asked(server)


def test_a_number_of_vscode_holds_for_one_connection(server: ScriptedServer) -> None:
    """The window was loaded again, and the kernel lives on."""
    server.will(says("A."))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        for number, name in enumerate(("One?", "Two?"), 1):
            kernel.run(f"%%chat\n{name}", cell=VSCODE.format(number), client="1")
        kernel.run("%%chat\nOne, edited?", cell=VSCODE.format(1), client="1")
        edited = asked(server)
        kernel.run("%%chat\nNew?", cell=VSCODE.format(2), client="2")
        new = asked(server)
        kernel.run("%%chat\nTwo?", cell=VSCODE.format(3), client="2")

    assert ["One, edited?"] == edited
    assert ["One, edited?", "Two?", "New?"] == new
    assert ["One, edited?", "Two?"] == asked(server)


def test_ids_that_last_are_taken_at_their_word(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new cell of format 4.5 adds its turn, also in another opening."""
    server.will(says("A."))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook(5, tmp_path)))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        kernel.run("%%chat\nGo on.", cell="a", client="page 1")
        kernel.run("%%chat\nGo on.", cell="b", client="page 2")
        added = asked(server)
        kernel.run("%%chat\nGo on!", cell="a", client="page 2")
        edited = asked(server)
        doctor = kernel.run("%chat doctor", cell="d").printed

    assert ["Go on.", "Go on."] == added
    assert ["Go on!"] == edited
    assert "a cell that runs again replaces its turn" in doctor


def test_a_new_cell_adds_after_a_restore(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ids last it is another cell, however often its question was asked."""
    server.will(says("A."))
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook(5, tmp_path)))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        for cell, question in (("a", "One?"), ("b", "Why?"), ("c", "Two?")):
            kernel.run(f"%%chat\n{question}", cell=cell)
        kernel.run("%%chat\nIn VS Code?", cell=VSCODE.format(3))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic\n%chat restore")
        kernel.run("%%chat\nWhy?", cell="new")
        new = asked(server)
        kernel.run("%%chat\nWhy?", cell="b")
        again = asked(server)
        kernel.run("%%chat\nIn VS Code?", cell="d")

    assert ["One?", "Why?", "Two?", "In VS Code?", "Why?"] == new
    assert ["One?", "Why?"] == again
    assert ["One?", "Why?", "Two?", "In VS Code?"] == asked(server)


def test_a_notebook_that_was_renamed_keeps_its_ids(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel knows its former name alone: a new cell adds, and no other does."""
    server.will(says("A."))
    file = notebook(5, tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(file))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        kernel.run("%%chat\nWhy?", cell="a", client="page 1")
        file.rename(tmp_path / "b.ipynb")
        kernel.run("%%chat\nOne?", cell="b", client="page 1")
        kernel.run("%%chat\nOne?", cell="new", client="page 2")
        new = asked(server)
        kernel.run("%%chat\nWhy?", cell="a", client="page 2")

    assert ["Why?", "One?", "One?"] == new
    assert ["Why?"] == asked(server)


def test_a_turn_of_the_panel_is_no_cells(server: ScriptedServer) -> None:
    """What was asked without a cell in this kernel stays when a cell asks the same."""
    server.will(says("A."))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        kernel.run("%chat ask One?")
        kernel.run("%%chat\nOne?", cell="a", client="page 1")

    assert ["One?", "One?"] == asked(server)


@dataclass(eq=False)
class Row:
    """A line of a plain list: a question, and who asked it last.

    Attributes:
        question: what was asked.
        cell: the id of the cell.
        opening: the opening of the notebook in which the cell ran; None where the turn
            was restored and the cell did not run since.
    """

    question: str
    cell: str
    opening: int | None


class Openings(RuleBasedStateMachine):
    """Whatever cells run in whatever opening, the history is what a plain list is."""

    def __init__(self) -> None:
        super().__init__()
        self.history: history.History = ()
        self.rows: list[Row] = []
        self.opening = 0
        self.numbers = count()

    @rule(name=st.sampled_from("ABC"), questions=st.lists(st.sampled_from("xyz")))
    def run(self, name: str, questions: list[str]) -> None:
        """Run a cell that asks so many questions, or none any more."""
        cell = Cell(
            f"{name} in {self.opening}",
            f"run {next(self.numbers)}",
            f"page {self.opening}",
        )
        left = [row for row in self.rows if row.cell == cell.id]
        asked: list[Row] = []
        for question in questions:
            self._ask(question, cell)
            taken = left.pop(0) if left else self._left(question, asked)
            row = taken or self._added(asked)
            row.question, row.cell, row.opening = question, cell.id, self.opening
            asked.append(row)
        if questions:
            self.history = history.end_execution(self.history, cell.execution)
            self.rows = [row for row in self.rows if row not in left]

    def _ask(self, question: str, cell: Cell) -> None:
        entry = history.due(self.history, cell, question)
        placement = Placement(cell=cell, replaces=entry.slot if entry else None)
        turn = turn_of(question=Question(question), cell=cell.id, text="A")
        self.history, _ = history.put(self.history, turn, placement)

    def _left(self, question: str, asked: list[Row]) -> Row | None:
        """Return the first row with a question whose cell has not run meanwhile."""
        others = (row for row in self.rows if row not in asked)
        found = (
            row
            for row in others
            if row.question == question and row.opening != self.opening
        )
        return next(found, None)

    def _added(self, asked: list[Row]) -> Row:
        """Return a new row, behind what the cell has asked already."""
        row = Row("", "", self.opening)
        places = [self.rows.index(each) for each in asked]
        self.rows.insert(max(places) + 1 if places else len(self.rows), row)
        return row

    @rule()
    def open_again(self) -> None:
        """Load the page again: the kernel lives on, and all cells have other ids."""
        self.opening += 1

    @rule()
    def restart(self) -> None:
        """Restore the turns in another kernel."""
        self.opening += 1
        self.history = tuple(replace(e, client=None) for e in self.history)
        self.rows = [replace(row, opening=None) for row in self.rows]

    @invariant()
    def same(self) -> None:
        """The same questions stand in the same order, of the same cells."""
        expected = [(row.question, row.cell) for row in self.rows]

        assert expected == [(e.turn.prompt, e.turn.cell) for e in self.history]


TestOpenings = Openings.TestCase
TestOpenings.settings = settings(max_examples=100 if ALL else 30)
