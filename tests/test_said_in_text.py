"""What an output's HTML says its plain text says too, in a terminal's words."""

import io
import re
from contextlib import redirect_stdout
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from kernel_driver import Kernel
from scripted_server import DONE, Answer, ScriptedServer, chunk
from turns import said, turn_of

from apertis_magic.api.types import Usage
from apertis_magic.chat.parts import Picture, Source, ToolCall, ToolResult
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.views.terminal import TerminalView
from apertis_magic.render import bundle
from apertis_magic.render.footer import footer_line
from apertis_magic.render.metadata import turns_of

WHOLE = turn_of(
    question=Question("What?"),
    text="Words.\n\n* a\n* list\n",
    model="served",
    asked_model="served",
    finish="stop",
    usage=Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7, cost=0.1),
)
PAGE = Source("https://a.example/", "A page")
OTHERS = (
    Picture("image/gif", b"GIF89a"),
    ToolCall("look_up", "{}"),
    ToolResult("", "20"),
)


def with_parts(**texts: Any) -> Turn:
    """Return a turn that has other parts as well."""
    return replace(WHOLE, answers=turn_of(question=WHOLE.question, **texts).answers)


TURNS = {
    "whole": (WHOLE, []),
    "cut off": (replace(WHOLE, finish="length"), ["was cut off at the longest"]),
    "stopped": (replace(WHOLE, finish="interrupted"), ["was stopped; what had come"]),
    "filtered": (replace(WHOLE, finish="content_filter"), ["the content filter"]),
    "broken off": (
        replace(WHOLE, error="no", finish="error"),
        ["The answer broke off"],
    ),
    "left out": (replace(WHOLE, left_out=2), ["2 earlier turns were not sent"]),
    "another model": (replace(WHOLE, fallback="busy"), ["did not answer: busy."]),
    "unreadable": (replace(WHOLE, malformed=3), ["3 unreadable events"]),
    "cached": (replace(WHOLE, cached=True), ["cached · served", "saved $0.1"]),
    "refused": (with_parts(text="Well.", refusal="No."), ["No.", "The model refused."]),
    "empty": (replace(WHOLE, answers=()), ["The answer is empty."]),
    "only thinking": (with_parts(reasoning="Hm."), ["The answer is empty."]),
    "sources": (with_parts(text="a", sources=[PAGE]), ["Sources", "A page"]),
    "parts": (
        with_parts(text="a", others=OTHERS),
        ["GIF picture", "asked for the tool look_up", "the tool gave"],
    ),
    "others": (
        with_parts(text="a", alternatives=["b", "c"], sources=[PAGE]),
        ["Answer 2 of 3", "b", "Answer 3 of 3", "c"],
    ),
}


def own(turn: Turn) -> str:
    """Return the words that the model wrote."""
    return "\n\n".join(filter(None, [turn.text, turn.refusal]))


@pytest.mark.parametrize(("turn", "words"), TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("footer", [True, False])
def test_all_is_said(turn: Turn, words: list[str], *, footer: bool) -> None:
    """Behind the answer's own words, each line as in a terminal; those load exactly."""
    data, about = bundle.answer(turn, conversation="main", footer=footer)
    plain, html = data["text/plain"], unescape(re.sub("<[^>]*>", "", data["text/html"]))
    with redirect_stdout(io.StringIO()) as stream:
        TerminalView("text", footer=footer).finish(turn, "main")
    printed = stream.getvalue().rstrip("\n").split("\n")
    below = plain.removeprefix(said(data)).strip("\n").split("\n")
    hidden = "" if footer else footer_line(turn)
    noted = re.findall(r'"apertis-(?:note|footer)".*?</div>', data["text/html"])

    assert plain.startswith(turn.text)
    assert own(turn) == said(data)
    assert [] == [each for each in words if each not in plain + hidden]
    assert below == (printed[-len(below) :] if below != [""] else [""])
    assert [] == [
        line
        for each in noted
        if (line := unescape(re.sub("<[^>]*>", "", f"<{each}")).strip()) not in plain
    ]
    assert footer == ("tokens" in plain) == ("tokens" in html)
    assert [turn] == turns_of([{"data": data, "metadata": about}])


LONG = "word " * 19 + "end.\n\n"
LONG *= 800
ENDS = {
    "whole": ((chunk(LONG, finish="stop"),), []),
    "cut off": ((chunk(LONG, finish="length"),), ["was cut off at the longest"]),
    "others": (
        (
            chunk(LONG),
            chunk(choices=[{"index": 1, "delta": {"content": "Second."}}]),
            chunk(finish="stop"),
        ),
        ["Answer 2 of 2", "Second."],
    ),
    "refused": (
        (chunk(LONG), chunk(delta={"refusal": "No."})),
        ["No.\n\nThe model ref"],
    ),
}


@pytest.mark.parametrize(("events", "words"), ENDS.values(), ids=ENDS)
def test_a_long_answer(
    kernel: Kernel, server: ScriptedServer, events: tuple[bytes, ...], words: list[str]
) -> None:
    """Its last display says it, and its first ones say nothing but the answer."""
    server.will(Answer((*events, DONE)))
    done = kernel.run("%%chat -n 2 -o turn\nx")
    shown = [o["data"] for o in done.outputs if o["data"]["text/plain"]]
    *first, last = shown
    [turn] = turns_of(done.outputs)

    assert len(first) > 1
    assert LONG.startswith("".join(each["text/plain"] for each in first))
    assert own(turn) == "".join(map(said, shown))
    assert [] == [word for word in words if word not in last["text/plain"]]
    assert "tokens" in last["text/plain"]
    assert LONG == turn.text
    assert {"text/html", "text/plain"} == {k for o in done.outputs for k in o["data"]}
