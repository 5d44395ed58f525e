"""Conversations as a person uses them: slips, odd names, cells that run twice."""

import json
from pathlib import Path

import pytest
from conftest import Shell
from kernel_driver import Kernel
from scripted_server import ScriptedServer, says

from apertis_magic import errors, files
from apertis_magic.chat import session

JOURNAL = "%config ApertisMagic.journal = {}"


@pytest.fixture
def asked(shell: Shell, server: ScriptedServer) -> Shell:
    """Return a shell in which one question was asked in ``main``."""
    server.will(says("one"))
    shell.run("%%chat\nfirst")
    return shell


@pytest.mark.parametrize("ending", [".ipynb", ".md", ".json"])
def test_a_file_name_that_no_disk_takes(
    asked: Shell, tmp_path: Path, ending: str
) -> None:
    """It is told in one line, as what else cannot be written is."""
    file = tmp_path / ("x" * 300 + ending)
    with pytest.raises(errors.ConfigurationError, match="cannot be written: File name"):
        asked.run(f"%chat export {file}")
    with pytest.raises(errors.ConfigurationError, match="cannot be loaded: File name"):
        asked.run(f"%chat load {file}")

    assert [] == list(tmp_path.glob("x*"))


def restart(monkeypatch: pytest.MonkeyPatch, notebook: str) -> None:
    """Forget all, as a kernel of this notebook that has just begun."""
    session.forget()
    monkeypatch.setenv("JPY_SESSION_NAME", notebook)


def questions() -> list[str]:
    """Return what was asked in the current conversation."""
    return [turn.prompt for turn in session.current().current.turns]


def kept() -> list[tuple[str, int]]:
    """Return what the journal could bring back, by name and number of turns."""
    return [(each.name, each.turns) for each in session.current().restorable]


def test_what_was_restored_is_offered_once(
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not again in each state that it was in when a kernel restarted."""
    server.will(says("one"))
    for number in range(3):
        restart(monkeypatch, "/a/talk.ipynb")
        if number:
            shell.run("%chat restore")
        shell.run(f"%%chat\nquestion {number}")
    restart(monkeypatch, "/a/talk.ipynb")

    assert [("main", 3)] == kept()

    shell.run("%chat restore")
    shell.run("%chat journal size")

    assert [] == kept()
    assert "journal also holds" not in capsys.readouterr().out

    shell.run("%chat reset")

    assert [("main", 3)] == kept()


def test_a_copied_notebook_takes_nothing_away(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it brought back still is what the original gets, newer ones beside it."""
    server.will(says("one"))
    restart(monkeypatch, "/a/talk.ipynb")
    shell.run("%%chat -c idea\nolder")
    shell.run("%%chat\nfirst")
    restart(monkeypatch, "/a/talk-Copy1.ipynb")
    shell.run("%chat restore main")
    shell.run("%%chat\nof the copy")
    restart(monkeypatch, "/a/talk.ipynb")
    shell.run("%chat restore")

    assert ["first"] == questions()


def test_answers_that_a_restore_replaces_are_versions(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Those of cells that ran again before it: what was paid for can be looked at."""
    server.will(says("old one"), says("new one"))
    kernel.run("%%chat\none", cell="c1")
    kernel.run("from apertis_magic.chat import session; session.forget()")
    kernel.run("%%chat\none", cell="c1")
    kernel.run("%chat restore main")
    [shown] = kernel.run("%chat show --versions").outputs
    text = shown["data"]["text/plain"]

    assert text.index("new one") < text.index("1 earlier version")
    assert text.index("1 earlier version") < text.index("old one")


def test_a_cell_that_forks_runs_again(asked: Shell, server: ScriptedServer) -> None:
    """As one with ``%chat new NAME`` does, so that *Run All* goes on."""
    server.will(says("two"))
    for source in ("%chat fork idea", "%%chat\nsecond", "%chat fork idea"):
        asked.run(source)

    assert ["first", "second"] == questions()

    asked.run("%chat use main")
    asked.run("%%chat\nthird")
    asked.run("%chat fork idea")

    assert ["first", "third"] == questions()

    asked.run("%chat restore idea")

    assert ["first", "second"] == questions()[:2]


def test_a_cell_that_restores_by_name_or_id_runs_again(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same kernel it goes there, and after a restart it restores again."""
    server.will(says("one"))
    restart(monkeypatch, "/a/talk.ipynb")
    shell.run("%%chat -c idea\nfirst")
    restart(monkeypatch, "/a/talk.ipynb")
    [found] = session.current().restorable
    shell.run(f"%chat restore {found.id[:8]}")
    shell.run("%%chat\nsecond")
    for line in (found.id[:8], "idea"):
        shell.run("%chat new")
        shell.run(f"%chat restore {line}")

        assert ["first", "second"] == questions()

    restart(monkeypatch, "/a/talk.ipynb")
    shell.run(f"%chat restore {found.id[:8]}")

    assert ["first"] == questions()

    shell.run("%chat restore idea")

    assert ["first", "second"] == questions()


def test_a_saved_notebook_knows_what_was_asked_again(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """The retried answer has its question's place; a copied cell is still another."""
    server.will(*(says(f"A{number}") for number in range(5)))
    sources = {"a": "%%chat\none", "b": "%chat retry", "c": "%%chat\none"}
    cells = []
    for name, source in {**sources, "d": "%chat retry", "e": "%chat retry"}.items():
        done = kernel.run(source, cell=name)
        outputs = [
            {"output_type": "display_data", **each}
            for each in done.outputs
            if each.pop("type") == "display_data"
        ]
        cells.append({"cell_type": "code", "id": name, "outputs": outputs})
    file = tmp_path / "mine.ipynb"
    file.write_text(json.dumps({"nbformat": 4, "cells": cells}))
    [loaded] = files.load(file)
    here = kernel.run("%chat show").outputs[0]["data"]["text/plain"]

    assert [("A1", "a"), ("A4", "c")] == [(t.text, t.cell) for t in loaded.turns]
    assert here.index("A1") < here.index("A4")


@pytest.mark.parametrize("drop", ["reset", "delete main", "new main"])
@pytest.mark.parametrize("before", ["%chat journal clear", JOURNAL.format("True")])
def test_what_the_journal_did_not_hold_comes_back(
    shell: Shell, server: ScriptedServer, before: str, drop: str
) -> None:
    """It was cleared since, or off: what is dropped is put there first."""
    server.will(says("one"))
    if "clear" not in before:
        shell.run(JOURNAL.format("False"))
    shell.run("%%chat\nfirst")
    shell.run(before)
    shell.run(f"%chat {drop}")
    shell.run("%chat restore main")

    assert ["first"] == questions()


def test_what_is_taken_back_can_still_be_seen(asked: Shell) -> None:
    """Also where the journal was cleared since it was asked."""
    asked.run("%chat journal clear")
    asked.run("%chat undo")
    asked.run("%chat show --versions")

    assert "    first\n\n    one\n" in asked.published[-1]["data"]["text/plain"]
