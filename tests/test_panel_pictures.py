"""The pictures of answers in the panel: placeholders, and bytes when a page asks."""

import json
from typing import Any

import pytest
from drawn import png
from journals import taken_up
from turns import parts_of, turn_of

from apertis_magic.chat import session
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.parts import Picture, Refusal, Text, ToolCall
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
from apertis_magic.panel import placeholders, saved
from apertis_magic.panel.publisher import Publisher
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Row, ended_turn
from apertis_magic.render import pictures

FIRST, SECOND = png(), png(blue=0)
FILES = (Attachment.of("a.csv", b"a,b"), Attachment.of("b.png", SECOND))
NAMED = Attachment("c.png", "image/png", "", missing=9)
ANSWER = (
    Text("**Before**."),
    Picture("image/png", FIRST),
    Picture("", url="https://pictures.example/a.png"),
    Picture("", left_out="a picture is left out: it is no <base64>"),
    Text("After."),
)
TURN = Turn(
    id="t",
    question=Question("Draw.", attachments=(*FILES, NAMED)),
    answers=(ANSWER, (Picture("image/png", SECOND), Picture("image/png", FIRST))),
)


def placed(number: int, picture: bytes) -> str:
    """Return the placeholder of a picture."""
    name = Picture("image/png", picture)
    return f'<data class="ap-picture" value="{number}">{name}</data>'


def test_an_answer_has_placeholders_in_its_order() -> None:
    """Between its texts; one that is elsewhere is a link, one that is lost a line."""
    shown = ended_turn(Row(TURN))
    html = shown["html"]
    order = [
        html.index("<strong>Before</strong>"),
        html.index(placed(3, FIRST)),
        html.index('href="https://pictures.example/a.png"'),
        html.index("it is no &lt;base64&gt;"),
        html.index("After."),
    ]

    assert sorted(order) == order
    assert html.count("<data") == 1
    assert "**Before**.After." == shown["text"]


def test_other_answers_have_them_too() -> None:
    """A picture that stands twice is one, by its number."""
    below = ended_turn(Row(TURN))["below"]
    at = below.index("Answer 2 of 2")

    assert placed(4, SECOND) + placed(3, FIRST) in below[at:]


def test_no_message_that_shows_a_turn_holds_its_pictures() -> None:
    """Whatever the pictures weigh."""
    large = Picture("image/png", FIRST + bytes(4_000_000))
    shown = ended_turn(Row(turn_of(question=Question("q"), others=[large])))

    assert 2_000 > len(json.dumps(shown))
    assert "PNG picture, 4 MB" in shown["html"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, None),  # a file of text
        (1, ("image/png", SECOND)),
        (2, None),  # a file that is named alone
        (3, ("image/png", FIRST)),
        (4, ("image/png", SECOND)),
        (5, ("image/png", FIRST)),
        (6, None),
        (-1, None),
        (2**70, None),
    ],
)
def test_a_picture_by_its_number(number: int, expected: Any) -> None:
    """The files of the question, then what the answers hold; no other number."""
    assert expected == placeholders.picture(TURN, number)


def test_a_picture_that_is_asked_for_again_and_again() -> None:
    """It is sent once for all that a page has asked by then."""
    sent: list[Any] = []
    current = session.current()
    current.current.transcript.take_up(State(name="main", history=history_of([TURN])))
    publisher = Publisher(
        current, {}, saved.SavedTranscript(current), lambda *each: sent.append(each)
    )
    publisher.answer(Request(kind="hello", view="v"))
    for number in (3, 3, 1, 3, 7):
        publisher.answer(Request(kind="picture", view="v", turn="t", number=number))
    publisher.publish()
    about = {"kind": "picture", "turn": "t", "to": "v", "type": "image/png"}

    assert [
        ({**about, "number": 3}, [FIRST]),
        ({**about, "number": 1}, [SECOND]),
    ] == [each for each in sent if each[0]["kind"] == "picture"]


def test_a_picture_that_is_too_large_is_a_line() -> None:
    """As it is in a cell; the page cannot ask for it."""
    huge = Picture("image/png", FIRST + bytes(pictures.LARGEST))
    turn = turn_of(question=Question("q"), others=[huge, Picture("image/png", FIRST)])
    html = ended_turn(Row(turn))["html"]

    assert "too large to be shown" in html
    assert placed(0, FIRST) in html
    assert ("image/png", FIRST) == placeholders.picture(turn, 0)
    assert placeholders.picture(turn, 1) is None


def test_a_text_makes_no_placeholder() -> None:
    """What an answer writes is a text, so it cannot have a page ask for anything."""
    forged = placed(0, FIRST)
    turn = turn_of(
        question=Question(forged, attachments=FILES),
        text=f"{forged}\n\n> {forged}\n\n<img src=x>",
        reasoning=forged,
        others=[ToolCall(forged, forged), Picture("", left_out=forged)],
        error=forged,
    )
    shown = ended_turn(Row(turn))
    refused = ended_turn(Row(turn_of(question=Question("q"), refusal=forged)))

    for html in (shown["html"], shown["below"], shown["thought"], refused["html"]):
        assert "<data" not in html


def test_a_call_of_a_tool_is_folded() -> None:
    """With its name and its arguments, in the panel as in a cell."""
    call = ToolCall("weather", '{"city": "Łódź"}')
    below = ended_turn(Row(turn_of(question=Question("q"), others=[call])))["below"]

    assert "<details><summary" in below
    assert "<code>weather</code>" in below
    assert "Łódź" in below


PICTURE = Picture("image/png", FIRST)
CALL = ToolCall("weather", "{}")


@pytest.mark.parametrize(
    ("parts", "finish", "expected"),
    [
        ((PICTURE,), "length", False),
        ((PICTURE,), "interrupted", False),
        ((CALL,), "tool_calls", False),
        ((Refusal("No."),), "length", False),
        ((Text("A"), PICTURE), "length", True),
        ((Text("A"), PICTURE), "stop", False),
    ],
)
def test_which_answers_can_be_continued(
    parts: Any, finish: str, *, expected: bool
) -> None:
    """Those with a text to go on from."""
    turn = Turn(question=Question("q"), answers=(parts,), finish=finish)

    assert expected is ended_turn(Row(turn))["can_continue"]


def test_a_saved_transcript_names_its_pictures() -> None:
    """It is sent again with each update, so it has a line for each."""
    turn = Turn(
        question=Question("q"),
        answers=(ANSWER, parts_of("Other.", others=[PICTURE])),
    )
    state = State(name="main", history=history_of([turn]))
    shown = saved.saved(taken_up(state))

    assert 2 == shown["text/html"].count(f"[{PICTURE}]")
    assert f"[{PICTURE}]" in shown["text/plain"]
    assert "base64," not in shown["text/html"] + shown["text/plain"]
