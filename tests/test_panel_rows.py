"""What a page is told of each row of a panel: a turn, or an answer under way."""

from threading import Event
from typing import Any

import pytest
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk
from turns import turn_of

from apertis_magic import Conversation, Turn
from apertis_magic.api.types import Usage
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.parts import Source
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Cell
from apertis_magic.panel import rows
from apertis_magic.panel.growing import Growing
from apertis_magic.panel.rows import Row

FILES = (
    Attachment.of("plot.png", b"GIF89a"),
    Attachment.of("data.csv", b"a,b\n"),
)
FROM_CELL = Placement(cell=Cell("c1", "run-1"))
SHOWN_FILES = [
    {"name": "plot.png", "size": 6, "picture": True},
    {"name": "data.csv", "size": 4, "picture": False},
]


def test_an_answer_under_way(server: ScriptedServer) -> None:
    """With its question, the files that went along, and all that has come."""
    go = Event()
    thought = chunk(delta={"reasoning_content": "Hm."})
    server.will(
        Answer((thought, chunk("😀 **A**\n\nB"), Wait(go), chunk(finish="stop"), DONE))
    )
    chat = Conversation()
    reply = chat.ask("x", attachments=FILES, placement=FROM_CELL)
    next(text for text in reply.watch(0.01) if text.endswith("B"))
    [row] = rows.rows_of(*chat.view, {})
    shown = rows.open_turn(row, Growing(reply))
    go.set()
    reply.result()

    assert "<strong>A</strong>" in shown.pop("html")
    assert shown == {
        "id": reply.id,
        "open": True,
        "question": "x",
        "rest": 0,
        "files": SHOWN_FILES,
        "text": "😀 **A**\n\nB",
        "covered": len("xx **A**\n\n"),  # JavaScript counts an emoji as two
        "thought": "Hm.",
        "status": "",
        "cell": True,
    }


def test_what_happens_before_an_answer_begins(server: ScriptedServer) -> None:
    """The status says so; a question of no cell is one."""
    go = Event()
    server.will(Answer((chunk("A", finish="stop"), DONE), before_headers=Wait(go)))
    chat = Conversation()
    reply = chat.ask("x")
    [row] = rows.rows_of(*chat.view, {})
    shown = rows.open_turn(row, Growing(reply))
    go.set()
    reply.result()

    assert (reply.id, False, [], "") == (
        shown["id"],
        shown["cell"],
        shown["files"],
        shown["text"],
    )
    assert shown["status"]


TURN = turn_of(
    id="t1",
    question=Question("x", attachments=FILES),
    text="**A**",
    reasoning="Hm.",
    sources=(Source(url="https://a.example/b", title="A page"),),
    finish="length",
    error="It broke off.",
    hint="Run it again.",
    model="served",
    usage=Usage(total_tokens=7, cost=0.5),
    cell="c1",
    first_text=1.5,
)


def test_a_turn() -> None:
    """With its question, its answer, what is said below it, and what failed since."""
    failed = turn_of(question=Question("x"), finish="error", error="No.", hint="Wait.")
    shown = rows.ended_turn(Row(TURN, stale=True, failed=failed))

    assert "<strong>A</strong>" in shown.pop("html")
    assert "Hm." in (thought := shown.pop("thought"))
    assert "1.5 s" in thought
    assert "A page" in (below := shown.pop("below"))
    assert "7 tokens" not in below
    assert "7 tokens" in (footer := shown.pop("footer"))
    assert "$0.5" in footer
    assert shown == {
        "id": "t1",
        "open": False,
        "question": "x",
        "rest": 0,
        "files": SHOWN_FILES,
        "text": "**A**",
        "error": "It broke off.",
        "hint": "Run it again.",
        "stale": True,
        "cell": True,
        "can_continue": True,
        "failed": ["No.", "Wait."],
    }


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        ("A", "length", True),
        ("A", "interrupted", True),
        ("A", None, True),
        ("A", "stop", False),
        ("A", "tool_calls", False),
        ("", "interrupted", False),
    ],
)
def test_which_answers_can_be_continued(text: str, finish: str, expected: Any) -> None:
    """Those that have text and did not come to their own end."""
    shown = rows.ended_turn(
        Row(turn_of(question=Question("x"), text=text, finish=finish))
    )

    assert expected is shown["can_continue"]
    assert (False, False, None) == (shown["stale"], shown["cell"], shown["failed"])


def test_a_page_that_has_the_html_gets_none() -> None:
    """A refusal is shown where there is no text."""
    turn = turn_of(question=Question("x"), refusal="No.")

    shown = rows.ended_turn(Row(turn), with_html=False)

    assert (None, "No.") == (shown["html"], shown["text"])
    assert "No." in rows.ended_turn(Row(turn))["html"]


def test_the_totals_of_a_conversation() -> None:
    """Tokens and USD of those that tell; what the journal gave again cost nothing."""
    told = [
        TURN,
        turn_of(question=Question("y")),
        turn_of(question=Question("z"), usage=Usage(total_tokens=3)),
        turn_of(
            question=Question("z"), usage=Usage(total_tokens=2, cost=9.0), cached=True
        ),
    ]

    assert (12, 0.5) == rows.totals(told)
    assert (3, None) == rows.totals(told[1:3])


def talk(*turns: Turn) -> Conversation:
    """Return a conversation with these turns."""
    chat = Conversation()
    chat.transcript.take_up(State(name="main", history=history_of(turns)))
    return chat


TURNS = tuple(
    turn_of(question=Question(n), text="A", id=n, asked_model="m") for n in "xyz"
)


def test_a_turn_that_is_asked_again_is_one_row(server: ScriptedServer) -> None:
    """It keeps its place and what failed there; a second try has a row of its own."""
    go = Event()
    server.will(Answer((Wait(go), chunk("B", finish="stop"), DONE)))
    chat = talk(*TURNS)
    failed = turn_of(question=Question("y"), error="No.")
    first, second = chat.retry("y"), chat.retry("y")
    shown = rows.rows_of(*chat.view, {"y": failed})
    go.set()
    second.result()

    assert ["x", first.id, "z"] == [row.id for row in shown if row.turn]
    assert [second.id] == [row.id for row in shown if row.turn is None]
    assert {first.id: failed} == {row.id: row.failed for row in shown if row.failed}


def test_a_question_that_starts_over_stands_below(server: ScriptedServer) -> None:
    """The turns before go once something has come; until then they are shown."""
    go = Event()
    server.will(Answer((Wait(go), chunk("B", finish="stop"), DONE)))
    chat = talk(*TURNS)
    reply = chat.ask("new", placement=Placement(start_over=True))
    shown = rows.rows_of(*chat.view, {})
    go.set()
    reply.result()

    assert ["x", "y", "z", reply.id] == [row.id for row in shown]


def test_a_turn_below_a_newer_one_is_stale() -> None:
    """The row is the same either way, so that a page need not draw it again."""
    older, newer = (Entry(turn, n) for turn, n in zip(TURNS, (2, 1), strict=False))
    shown = rows.rows_of(State(name="main", history=(older, newer)), (), {})

    assert [False, True] == [row.stale for row in shown]
    assert shown == tuple(map(Row, TURNS[:2]))
