"""Calls of tools, refusals, sources and other answers, wherever they are shown."""

import io
import re
from contextlib import redirect_stdout
from typing import Any

import pytest
from conftest import Shell
from drawn import GIF, data_url, image
from hostile import DELTAS, assert_harmless
from scripted_server import DONE, Answer, ScriptedServer, chunk, event

from apertis_magic.api.assemble import Assembly
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.chat.parts import Source, Text, ToolCall, ToolResult
from apertis_magic.chat.question import Question
from apertis_magic.chat.received import answers_of
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.views.terminal import TerminalView
from apertis_magic.render import bundle, calls, footer, style

CALL = {"name": "look_up", "arguments": '{"city":"Zürich","days":[1,2]}'}
PRETTY = '{\n  "city": "Zürich",\n  "days": [\n    1,\n    2\n  ]\n}'


def called(**function: str) -> dict[str, Any]:
    """Return what a delta has where the model asks for a tool."""
    return {"tool_calls": [{"index": 0, "id": "c", "function": function}]}


def turn_of(*deltas: dict[str, Any], index: int = 0) -> Turn:
    """Return the turn of an answer that came in these pieces."""
    assembly = Assembly()
    for delta in deltas:
        choice = {"index": index, "delta": delta}
        assembly.add(ChatCompletionChunk({"choices": [choice]}))
    answers = answers_of(assembly.choices)
    return Turn(question=Question("x"), answers=answers, finish="stop")


def html_of(turn: Turn) -> str:
    """Return the HTML of a cell's output."""
    return bundle.answer(turn, conversation=None)[0]["text/html"]


def test_a_call_everywhere(shell: Shell, server: ScriptedServer) -> None:
    """Folded with its name and arguments; a line in plain text and in a terminal."""
    end = chunk(finish="tool_calls")
    server.will(Answer((chunk(delta=called(**CALL)), end, DONE)))
    shell.run("get_ipython().run_cell_magic('chat', '-o answer', 'Weather?')")
    data = shell.published[-1]["data"]
    line = f"[asked for the tool look_up({CALL['arguments']})]"
    shell.published.clear()
    shell.run("%chat show")
    [shown] = [each["data"] for each in shell.published]
    with redirect_stdout(io.StringIO()) as stream:
        TerminalView().finish(shell.user_ns["answer"], "main")

    assert data["text/plain"].startswith(f"{line}\nThere is no such tool here.\n")
    assert "The model asked for the tool look_up(" in data["text/html"]
    assert 1 == shown["text/plain"].count("look_up")
    assert line in shown["text/plain"]
    assert line in stream.getvalue()
    for each in (data, shown):
        folded = each["text/html"].replace("&quot;", '"').replace("&#10;", "\n")

        assert "<details><summary" in folded
        assert "tool <code>look_up</code></small></summary>" in folded
        assert PRETTY in folded
        assert "empty" not in folded


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ('{"a":1.50}', '{"a":1.50}'),  # a number stays as it was written
        ('{"a":1,"a":2}', '{"a":1,"a":2}'),  # both stay
        ('{"a":1e400}', '{"a":1e400}'),
        ('{"a":"\\u00e9"}', '{\n  "a": "\\u00e9"\n}'),
        ('{"a": ', '{"a":'),
        ("[" * 100_000, "[" * 20_000 + "\n… 80000 more characters"),
        ("9" * 5_000, "9" * 5_000),
    ],
)
def test_arguments(written: str, expected: str) -> None:
    """A line for each field, where they are JSON and nothing would change."""
    assert expected == calls.inside(ToolCall("f", written))


def test_a_call_without_arguments() -> None:
    """There is nothing to unfold."""
    shown = html_of(turn_of(called(name="now")))

    assert "Asked for the tool <code>now</code>" in shown
    assert "<details>" not in shown


def test_a_call_without_a_name() -> None:
    """It is some tool, and none that is called so."""
    assert "<small>Asked for a tool</small>" in html_of(turn_of(called(arguments="{}")))


def test_a_refusal_behind_a_text() -> None:
    """Both are shown, in the cell and in plain text."""
    turn = turn_of({"content": "Well."}, {"refusal": "I will not."})
    data, _ = bundle.answer(turn, conversation=None)

    assert "Well." in data["text/html"]
    assert "I will not." in data["text/html"]
    assert "The model refused." in data["text/html"]
    assert data["text/plain"].startswith("Well.\n\nI will not.\n\nThe model refused.")


def test_other_answers_have_all_of_their_own(
    shell: Shell, server: ScriptedServer
) -> None:
    """Texts, thinking, pictures, calls, refusals and sources."""
    page = {"url_citation": {"url": "https://a.example/", "title": "A page"}}
    second = (
        {"reasoning": "Hm."},
        {"content": "Second."},
        image(data_url(GIF)),
        called(**CALL),
        {"annotations": [page]},
    )
    steps = [{"index": 1, "delta": each} for each in second]
    steps += [{"index": 2, "delta": {"refusal": "No."}}]
    server.will(
        Answer((chunk("First."), *(event({"choices": [s]}) for s in steps), DONE))
    )
    shell.run("get_ipython().run_cell_magic('chat', '-n 3 -o answer', 'x')")
    html = shell.published[-1]["data"]["text/html"]
    _, two, three = html.split("Answer ")
    plain = "\n".join(footer.below(shell.user_ns["answer"]))

    assert all(
        each in two
        for each in ("Hm.", "Second.", "image/gif", "look_up", "https://a.example/")
    )
    assert "No." in three
    assert all(
        each in plain
        for each in ("Second.", "[GIF picture", "look_up(", "1. A page", "No.")
    )


def test_many_sources() -> None:
    """A hundred are listed, and how many there are besides."""
    pages = tuple(Source(f"https://a.example/{n}", "A\ntitle") for n in range(10_000))
    turn = Turn(question=Question("x"), answers=(pages,))

    assert 100 == html_of(turn).count("<li")
    assert "… and 9900 more" in html_of(turn)
    assert ("1. A title https://a.example/0", "… and 9900 more") == (
        footer.below(turn)[1],
        footer.below(turn)[-1],
    )


_LOOKS = frozenset(each for each in vars(style).values() if isinstance(each, str))


@pytest.mark.parametrize("delta", DELTAS.values(), ids=DELTAS)
def test_what_is_hostile_beside_the_text(delta: dict[str, Any]) -> None:
    """It is inert and short, in a cell, in an export, and in a terminal."""
    turn = turn_of(delta)
    transcript = bundle.transcript([turn], system=None, stale=frozenset())
    with redirect_stdout(io.StringIO()) as stream:
        TerminalView().finish(turn, "main")
    for each in (bundle.answer(turn, conversation=None)[0], transcript):
        html = re.sub(
            '^(<div class="[^"]*") data-below="[0-9]+"', r"\1", each["text/html"]
        )
        assert_harmless(html.replace(style.STYLE, ""), _LOOKS)

        assert len(each["text/html"]) < 100_000
        assert len(each["text/plain"]) < 10_000
        assert not {"\x00", "\x1b", "\u202e"} & {*each["text/plain"]}
    assert not {"\x00", "\x1b", "\u202e"} & {*stream.getvalue()}
    assert len(stream.getvalue()) < 10_000


def test_what_a_tool_gave() -> None:
    """It is folded below the call, and a line of plain text."""
    parts = (ToolCall("weather", "{}", "1"), ToolResult("1", '{"degrees": 20}<b>'))
    turn = Turn(question=Question("x"), answers=((Text("Mild."), *parts),))
    data, _ = bundle.answer(turn, conversation=None)

    assert "The tool gave" in data["text/html"]
    assert "20}&lt;b&gt;" in data["text/html"]
    assert '[the tool gave {"degrees": 20}<b>]' in data["text/plain"]


def test_many_calls() -> None:
    """A hundred are shown, and how many there are."""
    parts = tuple(ToolCall(f"f{n}") for n in range(5_000))
    turn = Turn(question=Question("x"), answers=(parts,))
    data, _ = bundle.answer(turn, conversation=None)

    assert 100 == data["text/html"].count("Asked for the tool")
    assert "4900 more calls" in data["text/html"]
    assert "\n[4800 more]\n" in data["text/plain"]
