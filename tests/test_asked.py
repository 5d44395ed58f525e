"""A long question: folded or cut where it is shown, and once in a notebook file."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from scripted_server import ScriptedServer, says
from turns import turn_of

from apertis_magic import files
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import current
from apertis_magic.chat.state import State, history_of
from apertis_magic.render import asked
from apertis_magic.render.metadata import answers_of

LONG = "\n".join(f"line {number} of a long question" for number in range(9_000))
HUGE = "word " * 200_000


@pytest.mark.parametrize("text", ["", "x", "x" * 2_000, "x\n" * 29, "a\nb" * 15])
def test_a_short_question_is_shown_whole(text: str) -> None:
    """Without a fold."""
    turn = turn_of(question=Question(text))

    assert text == asked.plain(turn) == asked.clipped(text)
    assert "<details>" not in asked.html(turn)


@pytest.mark.parametrize("text", [LONG, HUGE, "é" * 3_000, "<b>\n" * 2_000])
def test_a_long_question_is_cut(text: str) -> None:
    """In plain text with what is left out; in HTML behind a fold, not without end."""
    turn = turn_of(question=Question(text))
    plain, html = asked.plain(turn), asked.html(turn)

    assert len(plain) < 1_100
    assert plain.endswith("are left out here; %chat export writes all of it.")
    assert text.startswith(plain.rpartition(" …\n")[0])
    assert "Show all, " in html
    assert len(html) < 20 * (100_000 + 2_000)
    assert "<b>" not in html


def test_what_shows_a_conversation_is_cut(shell: Shell, server: ScriptedServer) -> None:
    """``show``, its versions, ``last``, the card and the list."""
    server.will(says("A"))
    shell.run(f"%%chat --anyway\n{HUGE}")
    shell.run("%chat retry --anyway")
    before = len(shell.published)
    for word in ("show", "show --versions", "last", "", "list"):
        shell.run(f"%chat {word}")
    shown = [each["data"] for each in shell.published[before:]]

    assert 5 == len(shown)
    assert max(len(each["text/plain"]) for each in shown) < 10_000
    assert max(len(each["text/html"]) for each in shown) < 300_000


def test_a_notebook_holds_it_once(shell: Shell, server: ScriptedServer) -> None:
    """In the cell, where loading finds it again; what is changed there is told."""
    server.will(says("A"))
    text = HUGE.strip()
    cell = f"%%chat --anyway\n\n{text}\n"
    shell.run(cell)
    output = shell.published[-1]
    [[_, loaded]] = answers_of([output], [cell])
    [[_, changed]] = answers_of([output], [cell.replace("word", "world")])

    assert len(json.dumps(output["metadata"])) < 3_000
    assert text == loaded.prompt == current().current.turns[0].prompt
    assert changed.prompt == f"{text[:200]} … [1 MB more are not in the notebook]"


@pytest.mark.parametrize("line", ["%chat retry --anyway", "%chat continue"])
def test_a_cell_that_asks_again(
    shell: Shell, server: ScriptedServer, tmp_path: Path, line: str
) -> None:
    """It does not repeat the question, which stands in the cell before it."""
    server.will(says("half", finish="length"), says("B"))
    cells = [f"%%chat --anyway\n{HUGE.strip()}", line]
    book: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    book["cells"] = []
    for source in cells:
        shell.run(source)
        output = {"output_type": "display_data", **shell.published[-1]}
        about = {"id": f"c{len(book['cells'])}", "metadata": {}, "source": source}
        cell = {"cell_type": "code", "execution_count": 1, "outputs": [output]}
        book["cells"].append(about | cell)
    file = tmp_path / "talk.ipynb"
    file.write_text(json.dumps(book))
    [state] = files.load(file)

    assert HUGE.strip() == state.turns[-1].prompt


@pytest.mark.parametrize("ending", ["ipynb", "md", "json"])
def test_a_file_keeps_it_whole(tmp_path: Path, ending: str) -> None:
    """Whatever a page shows of it."""
    turns = [turn_of(question=Question(text), text="A") for text in (LONG, HUGE)]
    file = tmp_path / f"talk.{ending}"
    files.export(State(name="main", history=history_of(turns)), file)
    [state] = files.load(file)

    assert [LONG, HUGE] == [turn.prompt for turn in state.turns]


def test_a_notebook_that_lies_about_it() -> None:
    """A length or a digest of anything else is no question."""
    turn = turn_of(question=Question(HUGE), text="A")
    from apertis_magic.render import bundle

    data, kept = bundle.answer(turn, conversation="main")
    for rest in (
        5,
        {},
        {"length": -1},
        {"length": 2**70},
        {"length": "9", "sha256": 0},
    ):
        lying = {"apertis_magic": {**kept["apertis_magic"], "rest": rest}}
        [[_, read]] = answers_of([{"data": data, "metadata": lying}], [HUGE])

        assert read.prompt.startswith(HUGE[:200])
        assert len(read.prompt) < 300
