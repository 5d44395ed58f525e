"""Thinking that only its end tells from the answer: where it is shown, and when."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from itertools import accumulate, combinations, pairwise
from typing import Any

import pytest
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk, says
from terminal_driver import terminal
from turns import said

from apertis_magic.api.assemble import Pieces
from apertis_magic.chat import session
from apertis_magic.chat.draft import Progress
from apertis_magic.chat.question import Question
from apertis_magic.chat.received import answers_of, texts_of
from apertis_magic.chat.thinking import split
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.views.cell import NotebookView
from apertis_magic.notebook.views.displays import Displays
from apertis_magic.notebook.views.terminal import TerminalView
from apertis_magic.render import bundle

THOUGHT, ANSWER = "Hm, so\nit is.", "It **is** so.\n\n- one"
FORMS = {
    "both tags": f"<think>{THOUGHT}</think>{ANSWER}",
    "both in lines": f"\n<think>\n{THOUGHT}\n</think>\n\n{ANSWER}",
    "the end alone": f"{THOUGHT}\n</think>\n{ANSWER}",
    "the end behind a word": f"{THOUGHT}</think>\r\n\r\n{ANSWER}",
}
LONG = "".join(f"Thought {n} is long and **bold**.\n\n" for n in range(3000))


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def received(*chunks: str) -> Pieces:
    """Return an answer as far as it has come."""
    pieces = Pieces()
    for each in chunks:
        pieces.take("text", each)
    return pieces


def progress(*chunks: str) -> Progress:
    """Return what is known of an answer that still comes."""
    return Progress(**texts_of(received(*chunks)))


def turn(*chunks: str) -> Turn:
    """Return the turn of an answer that has ended."""
    answers = answers_of({0: received(*chunks)})
    return Turn(question=Question("x"), answers=answers, finish="stop", id="t-1")


def cuts(text: str, most: int) -> Iterator[list[str]]:
    """Give the chunks of a text that is cut in so many places, wherever they are."""
    for places in combinations(range(1, len(text)), most):
        ends = [0, *places, len(text)]
        yield [text[a:b] for a, b in pairwise(ends)]


def outputs(shell: Shell) -> list[dict[str, Any]]:
    """Return what the displays hold now that take room, without what is not shown."""
    shown: dict[str, dict[str, Any]] = {}
    for each in shell.published:
        shown[each["transient"]["display_id"]] = each["data"]
    return [data for data in shown.values() if data["text/html"]]


def htmls(shell: Shell, chunks: Sequence[str]) -> list[str]:
    """Show an answer in a cell as it comes, and return all that it showed."""
    shell.published.clear()
    view = NotebookView("t-1", Displays(), footer=False)
    for number in range(1, len(chunks)):
        view.update(progress(*chunks[:number]))
    view.finish(turn(*chunks), "main")
    return [each["data"]["text/html"] for each in shell.published]


def in_cell(shell: Shell, chunks: Sequence[str]) -> list[dict[str, Any]]:
    """Show an answer without a "<" of its own, and return what a cell is left with."""
    assert all("&lt;" not in html for html in htmls(shell, chunks))

    return outputs(shell)


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_cut_anywhere_in_a_cell(shell: Shell, text: str) -> None:
    """The output is that of the whole text, and no piece of a tag is ever shown."""
    [whole] = in_cell(shell, [text])

    assert "<details>" in whole["text/html"]
    assert ANSWER == said(whole)
    assert all([whole] == in_cell(shell, chunks) for chunks in cuts(text, 1))
    assert [whole] == in_cell(shell, text)


def test_what_was_shown_becomes_thinking_at_once(shell: Shell) -> None:
    """The displays that held it are empty but for what is folded and the answer."""
    view = NotebookView("t-1", Displays(), footer=False)
    view.update(progress(LONG))
    before = outputs(shell)
    view.update(progress(LONG, f"</think>\n{ANSWER}"))
    folded, answer = outputs(shell)

    assert 2 < len(before)
    assert "<details>" in folded["text/html"]
    assert "<strong>is</strong>" in answer["text/html"]
    assert "Thought" not in answer["text/html"]


def test_what_goes_on_after_thinking_is_one_text(
    shell: Shell, server: ScriptedServer
) -> None:
    """A block of code that was cut off is one block, whatever the model thought."""
    server.will(
        says("```\none\n", finish="length"),
        Answer((chunk(delta={"reasoning_content": "Hm."}), *says("two\n```").steps)),
    )
    shell.run("%%chat\nx")
    shell.run("%chat continue")
    cells = [each["data"].get("text/html", "") for each in shell.published]
    shown = bundle.body(session.current().current.turns[0].parts)

    assert 1 == shown.count("<pre")
    assert "one\ntwo\n" in shown
    assert any(shown in each for each in cells)


def test_thinking_and_a_long_answer(shell: Shell) -> None:
    """It stands folded above the displays of the answer, which hold it once."""
    answer = LONG.replace("Thought", "Answer")
    first, *rest = in_cell(shell, [LONG, "</think>\n", answer])

    assert "<details>" in first["text/html"]
    assert answer == "".join(map(said, rest))
    assert not any("<details>" in each["text/html"] for each in rest)


def printed(stream: io.StringIO, chunks: Sequence[str]) -> str:
    """Return what a stream gets of an answer."""
    with redirect_stdout(stream):
        view = TerminalView(footer=False)
        for number in range(1, len(chunks)):
            view.update(progress(*chunks[:number]))
        view.finish(turn(*chunks), "main")
    return stream.getvalue()


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_cut_anywhere_in_a_stream(text: str) -> None:
    """Each is printed once, thinking first, and no piece of a tag."""
    whole = f"{THOUGHT}\n\n{ANSWER}\n"
    lines = {
        "\n".join(line.rstrip() for line in printed(io.StringIO(), chunks).split("\n"))
        for most in (0, 1, 2)
        for chunks in cuts(text, most)
    }

    assert {whole, f"thinking\n{whole}"} >= lines


def test_cut_anywhere_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, formatted: what passes is taken back, what stays is printed once."""
    monkeypatch.setenv("TERM", "xterm")
    text = FORMS["the end alone"]
    for chunks in cuts(text, 1):
        stream = printed(Tty(), chunks)

        assert "<" not in stream
        assert stream.index("it is.") < stream.index("one\n")
        assert 1 == stream.count("one\n")


def test_a_terminal_and_thinking_without_its_beginning(server: ScriptedServer) -> None:
    """What was printed stays; the answer stands below it, once, after a blank line."""
    gate = threading.Event()
    first = (chunk("I think.\n\nSo it"), Wait(gate), chunk(" is.\n</th"))
    last = (chunk("ink>\n\nIt is **so**."), chunk(finish="stop"), DONE)
    server.will(Answer((*first, *last)))
    with terminal("%%chat\nx") as shell:
        shell.until("I think.")
        gate.set()
        seen = shell.end()

    assert seen.startswith("I think.\nSo it is.\n\nIt is so.\nserved")


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "\n", "`", " ", "a b"])))
def test_what_is_shown_is_never_taken_back(pieces: list[str]) -> None:
    """Or it has become thinking: of an answer in any pieces, at any moment."""
    shown = ""
    for text in accumulate("".join(pieces)):
        found = split(text, ended=False)

        assert found.text.startswith(shown) or found.reasoning.startswith(shown.strip())

        shown = found.text
    whole = split("".join(pieces), ended=True)

    assert whole.text.startswith(shown) or whole.reasoning.startswith(shown.strip())


@pytest.mark.parametrize(
    "text",
    [
        "`</think>` ends it.\n\nSo `x`.",
        "```\na\n</think>\nb\n```\nSo.",
        "It ends with </think> here.",
        "First <think>, then\n</think>\nso.",
    ],
)
def test_an_answer_about_the_tag(shell: Shell, text: str) -> None:
    """It stays whole, wherever it is cut."""
    assert all(text == split("".join(each), ended=True).text for each in cuts(text, 1))
    assert all("<details>" not in html for html in htmls(shell, list(text)))


@pytest.mark.parametrize(
    "text", ["`</think>`\n" * 30_000, "<" * 300_000, "` `` ``` " * 30_000 + "</think>"]
)
def test_a_tag_is_looked_for_once(text: str) -> None:
    """However many there are, in code or not: the text is the answer."""
    assert text == split(text, ended=True).text
