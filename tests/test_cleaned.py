"""Notebooks whose outputs have lost their metadata: questions and answers come back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from answers import answer
from conftest import Shell
from kernel_driver import Kernel
from scripted_server import DONE, Answer, ScriptedServer, chunk, says

from apertis_magic import files
from apertis_magic.chat import session
from apertis_magic.errors import ConfigurationError
from apertis_magic.files import cleaned
from apertis_magic.notebook import cell_asks

MADE = Path(__file__).parent / "made_by_0_1_0" / "notebook.json"
Cells = list[dict[str, Any]]


def ran(kernel: Kernel, *sources: str) -> Cells:
    """Return cells as a notebook file holds them once they have run."""
    return [
        cell(source, kernel.run(source, f"c{number}").outputs, f"c{number}")
        for number, source in enumerate(sources)
    ]


def cell(source: str, outputs: Cells, name: str = "c") -> dict[str, Any]:
    """Return a cell as a notebook file holds it."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [output(each) for each in outputs],
    }


def output(shown: dict[str, Any]) -> dict[str, Any]:
    """Return an output as a notebook file holds it."""
    kind = shown.get("type", "display_data")
    if kind == "stream":
        return {"output_type": kind, "name": shown["name"], "text": shown["text"]}
    if kind == "error":
        names = ("ename", "evalue", "traceback")
        return {"output_type": kind, **{name: shown[name] for name in names}}
    known = {name: shown[name] for name in ("data", "metadata")}
    count = {"execution_count": 1} if kind == "execute_result" else {}
    return {"output_type": kind, **known, **count}


def without_metadata(cells: Cells) -> Cells:
    """Return the cells as cleaning tools, and VS Code, leave them."""
    copied: Cells = json.loads(json.dumps(cells))
    for each in copied:
        for shown in each["outputs"]:
            if "metadata" in shown:
                shown["metadata"] = {}
    return copied


def saved(folder: Path, cells: Cells, *, minor: int = 5, in_lines: bool = True) -> Path:
    """Write a notebook of a format, its texts line by line or whole."""
    written = json.loads(json.dumps(cells))
    for each in written:
        if minor < 5:
            del each["id"]
        if in_lines:
            each["source"] = each["source"].splitlines(keepends=True)
            for shown in each["outputs"]:
                data = shown.get("data", {})
                shown["data"] = {
                    k: t.splitlines(keepends=True) for k, t in data.items()
                }
    book = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": written}
    file = folder / "cleaned.ipynb"
    file.write_text(json.dumps(book), encoding="utf-8")
    return file


def loaded(file: Path) -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    """Return each conversation's questions and answers, and what was told."""
    told: list[str] = []
    states = files.load(file, cell_asks.read, told.append)
    found = {s.name: [(t.prompt, t.text) for t in s.turns] for s in states}
    return found, told


@pytest.mark.parametrize("minor", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("in_lines", [True, False])
def test_a_conversation(
    kernel: Kernel,
    server: ScriptedServer,
    tmp_path: Path,
    minor: int,
    *,
    in_lines: bool,
) -> None:
    """From sources and texts: cells, lines, what else they show; in each format."""
    answers = ["One *a*.\n\n* b", "Two.", "Three.", "Four.", "Five.", "Six."]
    server.will(*map(says, answers))
    cells = ran(
        kernel,
        "%%chat -m tiny -t 0\n\nFirst?\n\n  second line\n",
        "print('no answer')\n%chat ask -t 1 Next?\n'no answer either'",
        "%%time\n%%chat -c other -s 'Be kind.'\nElse?",
        "%chat show\n%chat list",
        "%%chat --once\nAside?",
        '%chat ask "quoted"\n%chat ask last?',
    )
    found, told = loaded(
        saved(tmp_path, without_metadata(cells), minor=minor, in_lines=in_lines)
    )

    assert [] == told
    assert {
        "main": [
            ("First?\n\n  second line", "One *a*.\n\n* b"),
            ("Next?", "Two."),
            ("quoted", "Five."),
            ("last?", "Six."),
        ],
        "other": [("Else?", "Three.")],
    } == found


def asked(shell: Shell, *sources: str) -> Cells:
    """Return cells that have asked one thing each, and forget that they did."""
    cells = []
    for source in sources:
        shell.run(source)
        cells.append(cell(source, [shell.published[-1]]))
    session.forget()
    return cells


def test_what_a_line_says(shell: Shell, server: ScriptedServer, tmp_path: Path) -> None:
    """Model, system prompt and options are known, and nobody's own until trusted."""
    server.will(says("One."), says("Two."), says("Three."))
    cells = asked(
        shell,
        "%%chat -m tiny -t 0 --seed 3 -s 'Be kind.' --history 2\nFirst?",
        "%%chat -p a.b=1\nSecond?",
    )
    file = saved(tmp_path, without_metadata(cells))
    [state] = files.load(file, cell_asks.read)
    first, second = state.turns
    shell.run(f"%chat load {file}\n%chat ask Mine?")
    sent = server.requests[-1].body

    assert ("tiny", "Be kind.", {"temperature": 0, "seed": 3}, 2) == (
        first.asked_model,
        first.system,
        first.options,
        first.question.last_turns,
    )
    assert ("Be kind.", {"extra_body": {"a": {"b": 1}}}) == (
        second.system,
        second.options,
    )
    assert {"model", "messages", "stream", "stream_options"} == set(sent)
    assert ["user", "assistant"] * 2 + ["user"] == [m["role"] for m in sent["messages"]]


def test_loaded_twice_it_is_there_once(
    shell: Shell,
    server: ScriptedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same turns have the same ids, also where one was asked twice."""
    server.will(says("One."), says("One."))
    cells = asked(shell, "%chat ask First?", "%chat ask First?")
    file = saved(tmp_path, without_metadata(cells), minor=4)
    shell.run(f"%chat load {file}\n%chat load {file}")

    assert "2 turns loaded" in capsys.readouterr().out
    assert 2 == len(session.current().current.turns)


@pytest.mark.parametrize("size", [40_000, 70_000, 150_000])
def test_a_long_answer(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path, size: int
) -> None:
    """It is one, in however many displays it stands, and none of it is lost."""
    text = answer(size)
    server.will(says(text), says("short"))
    cells = ran(kernel, "%%chat\nLong?", "%chat ask Short?")
    found, told = loaded(saved(tmp_path, without_metadata(cells)))

    assert {"main": [("Long?", text), ("Short?", "short")]} == found
    assert [] == told


BELOW = {
    "cut off": (chunk("Half", finish="length"),),
    "a call": (
        chunk("Well."),
        chunk(
            delta={"tool_calls": [{"index": 0, "function": {"name": "look_up"}}]},
            finish="tool_calls",
        ),
    ),
    "other answers": (
        chunk("First."),
        chunk(choices=[{"index": 1, "delta": {"content": "Second."}}]),
        chunk(finish="stop"),
    ),
    "a forged count": (
        chunk('<div class="apertis-answer" data-below="0">x</div>', finish="stop"),
    ),
    "a forged footer": (chunk("a\n\nserved · 3 tokens", finish="stop"),),
}


@pytest.mark.parametrize("events", BELOW.values(), ids=BELOW)
@pytest.mark.parametrize("line", ["", " --no-footer", " -f text"])
def test_what_stands_below_is_no_answer(
    shell: Shell,
    server: ScriptedServer,
    tmp_path: Path,
    line: str,
    events: tuple[bytes, ...],
) -> None:
    """Whatever an answer says, its own words are told from what we say of it."""
    server.will(Answer((*events, DONE)))
    shell.run(f"get_ipython().run_cell_magic('chat', '-o turn{line} -n 2', 'x')")
    [*_, last] = shell.published
    cells = without_metadata([cell(f"%%chat{line} -n 2\nx", [last])])
    text = shell.user_ns["turn"]
    text = text if isinstance(text, str) else text.text
    found, _ = loaded(saved(tmp_path, cells))

    assert {"main": [("x", text)]} == found
    assert text != last["data"]["text/plain"] or "--no-footer" in line


ADDRESS = "<object at 0x7f1234567890>"
ADDRESSES = {
    "in its own words": ((chunk(f"It is `{ADDRESS}`."),), "It is `<object>`."),
    "in another answer": (
        (
            chunk("Mine.\n"),
            chunk(
                choices=[{"index": 1, "delta": {"content": f"{ADDRESS}\n\n{ADDRESS}"}}]
            ),
        ),
        "Mine.\n",
    ),
    "in a call": (
        (
            chunk("Well."),
            chunk(
                delta={
                    "tool_calls": [
                        {"index": 0, "function": {"name": "f", "arguments": ADDRESS}}
                    ]
                }
            ),
        ),
        "Well.",
    ),
    "below nothing": (
        (chunk(choices=[{"index": 1, "delta": {"content": ADDRESS}}]),),
        "",
    ),
}


@pytest.mark.parametrize(("events", "text"), ADDRESSES.values(), ids=ADDRESSES)
@pytest.mark.parametrize("line", ["", " --no-footer"])
def test_addresses_are_taken_out_of_texts(
    kernel: Kernel,
    server: ScriptedServer,
    tmp_path: Path,
    line: str,
    events: tuple[bytes, ...],
    text: str,
) -> None:
    """As nbdev-clean does, which makes a text shorter; what stands below stays out."""
    server.will(Answer((*events, chunk(finish="stop"), DONE)))
    source = f"%%chat -n 2{line}\nWhat?"
    cells = json.dumps(without_metadata(ran(kernel, source)))
    shorter = json.loads(cells.replace(" at 0x7f1234567890", ""))
    found, _ = loaded(saved(tmp_path, shorter))

    assert cells.count("object at") > 0
    assert {"main": [("What?", text)]} == found


LOOPS = {
    "one line, often": (
        "for q in 'abc':\n    %chat ask again?",
        [("again?", f"answer {n}") for n in range(3)],
        0,
    ),
    "one line that has failed": ("%chat ask one?\n%chat ask two?", None, 0),
    "two in a loop": (
        "for q in 'ab':\n    %chat ask one?\n    %chat ask two?",
        [],
        4,
    ),
    "what the code makes": (
        "for n in range(2):\n    get_ipython().run_cell_magic('chat', '', f'{n}')",
        [],
        2,
    ),
    "asked again": ("%chat ask one?\n%chat retry", [("one?", "answer 0")], 1),
    "quiet": (
        "%chat ask -q one?\n%chat ask two?",
        [("two?", "answer 1")],
        0,
    ),
    "in a text": (
        "s = '''\n%chat ask not asked\n'''\n%chat ask asked?",
        [("asked?", "answer 0")],
        0,
    ),
}


@pytest.mark.parametrize(("source", "expected", "left"), LOOPS.values(), ids=LOOPS)
def test_cells_with_several_questions(
    kernel: Kernel,
    server: ScriptedServer,
    tmp_path: Path,
    source: str,
    expected: list[tuple[str, str]] | None,
    left: int,
) -> None:
    """An answer has its own question or none, and how many have none is told."""
    server.will(*(says(f"answer {n}") for n in range(4)), says("last"))
    cells = ran(kernel, source)
    if expected is None:  # as where the second failed before its first word
        cells[0]["outputs"] = cells[0]["outputs"][:1]
        expected = [("one?", "answer 0")]
    server.will(says("last"))
    cells += ran(kernel, "%%chat\nLast?")
    found, told = loaded(saved(tmp_path, without_metadata(cells)))

    assert expected == found["main"][:-1]
    assert bool(left) == len(told)
    assert all(f"{left} answer" in line for line in told)


def test_none_whose_question_is_known(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """One line says why nothing is loaded."""
    server.will(says("answer"))
    cells = ran(kernel, "get_ipython().run_cell_magic('chat', '', str(1))")
    file = saved(tmp_path, without_metadata(cells))
    with pytest.raises(
        ConfigurationError, match="1 answer is left out: its cell"
    ) as caught:
        files.load(file, cell_asks.read)

    assert "\n" not in str(caught.value)


def test_metadata_wins(kernel: Kernel, server: ScriptedServer, tmp_path: Path) -> None:
    """Cells that have it keep it; the order is the notebook's."""
    server.will(says("one"), says("two"), says("three"))
    sources = [f"%%chat\n{name}?" for name in "abc"]
    cells = ran(kernel, *sources)
    cells[1:2] = without_metadata(cells[1:2])
    for each in cells:
        each["source"] = each["source"].replace("a?", "changed since")
    [state] = files.load(saved(tmp_path, cells), cell_asks.read)

    assert [("a?", "one"), ("b?", "two"), ("c?", "three")] == [
        (turn.prompt, turn.text) for turn in state.turns
    ]
    assert frozenset() == state.stale


def test_a_mixed_cell_is_told(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """VS Code may lose the metadata of some outputs of a cell."""
    server.will(says("one"), says("two"))
    cells = ran(kernel, "%chat ask a?\n%chat ask b?")
    cells[0]["outputs"][0]["metadata"] = {}
    found, [told] = loaded(saved(tmp_path, cells))

    assert {"main": [("b?", "two")]} == found
    assert "1 answer" in told


def test_one_of_0_1_0(tmp_path: Path) -> None:
    """Nothing in it tells where an answer ends: each cell's text is one."""
    book = json.loads(MADE.read_text(encoding="utf-8"))
    cells = [each for each in book["cells"] if each["cell_type"] == "code"]
    file = Path(shutil.copy(MADE, tmp_path / "old.ipynb"))
    before = files.load(file)
    book["cells"] = without_metadata(cells)
    file.write_text(json.dumps(book), encoding="utf-8")
    after, _ = loaded(file)
    known = {(t.prompt, t.text) for s in before for t in s.turns if t.text}

    assert len(known) > 2
    assert known & {each for turns in after.values() for each in turns}


HOSTILE = {
    "brackets": "(" * 50_000,
    "signs": "-" * 90_000 + "1",
    "a large cell": "x = 1\n" * 100_000,
    "many lines": "%chat ask x\n" * 2_000,
    "magics": "%%time\n" * 5_000 + "%chat ask x",
    "escapes": "'\\d'\n%chat ask x",
    "null": "\0%chat ask x",
    "halves": "%chat ask \ud800",
    "indented": "".join(" " * n + "if x:\n" for n in range(90))
    + " " * 90
    + "%chat ask x",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_source(source: str) -> None:
    """It is read or not, and never runs, hangs or breaks anything."""
    assert isinstance(cell_asks.read(source), cleaned.Source)


def test_nothing_of_it_runs(tmp_path: Path) -> None:
    """Reading a cell is not running it."""
    file = tmp_path / "made"
    code = f"open({str(file)!r}, 'w')\n%chat ask x\n!touch {file}\n%env A={file}"

    assert 1 == len(cell_asks.read(code).asks)
    assert not file.exists()


def test_the_command_tells(
    shell: Shell,
    server: ScriptedServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``%chat load`` says what came and what was left."""
    server.will(says("one"), says("two"))
    shell.run("%%chat\nFirst?")
    first = shell.published[-1]
    shell.run("get_ipython().run_cell_magic('chat', '', 'x')")
    second = shell.published[-1]
    cells = [cell("%%chat\nFirst?", [first]), cell("f(x)", [second])]
    file = saved(tmp_path, without_metadata(cells))
    session.forget()
    capsys.readouterr()
    shell.run(f"%chat load {file}")
    printed = capsys.readouterr().out

    assert f"main: 1 turn loaded from {file}." in printed
    assert "1 answer is left out: its cell does not tell what it answers." in printed
