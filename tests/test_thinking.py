"""Thinking that a model writes into its text is told apart from the answer."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk, says

from apertis_magic import Conversation
from apertis_magic.api.assemble import Pieces
from apertis_magic.chat.received import parts_of, texts_of
from apertis_magic.chat.thinking import split

FENCE = "```"
SHOWN = f"{FENCE}\n</think>\n{FENCE}"
THOUGHT: list[tuple[str, str, str]] = [
    ("<think>a</think>b", "a", "b"),
    ("<think>\na\n\nb\n</think>\n\nc\n", "a\n\nb", "c\n"),
    ("\n <think>a</think> b", "a", "b"),
    ("<think></think>\n\nb", "", "b"),
    ("<think>a <think> b</think>c</think>d", "a <think> b", "c</think>d"),
    ("<think>`</think>` ends it", "`", "` ends it"),
    ("<think>cut off", "cut off", ""),
    ("<think>", "", ""),
    ("<think>a</think>\n\n    code", "a", "    code"),
    # The template has opened it.
    ("a\n</think>\n\nb", "a", "b"),
    ("a.</think>\nb", "a.", "b"),
    ("a\r\n</think>\r\n\r\nb", "a", "b"),
    ("</think>\nb", "", "b"),
    ("a\n</think>", "a", ""),
    ("a\n</think> \n", "a", ""),
    ("Is `</think>` code?\n</think>\nb", "Is `</think>` code?", "b"),
    (
        f"{FENCE}\n</think>\n{FENCE}\nHm.\n</think>\nb",
        f"{FENCE}\n</think>\n{FENCE}\nHm.",
        "b",
    ),
]
WHOLE = [
    "",
    " ",
    "<",
    "<thin",
    "<thinking>a</thinking>b",
    "<b>a</b>",
    "a <think>b</think> c",
    "`<think>` begins it, `</think>` ends it.",
    "Write <think> first, and then\n</think>\nat the end.",
    "The tag </think> ends it.\n\nSo it does.",
    "It is closed by </think>",
    "It is closed by `</think>`\n\nSo it is.",
    f"Like this:\n\n{FENCE}xml\na\n</think>\nb\n{FENCE}\n\nThat is all.",
    f"~~~~\n{FENCE}\n</think>\n~~~~\nb",
    "Like this:\n\n    a\n    </think>\n    b\n",
    "``a ` </think>``\nb",
    "a\n</thinking>\nb",
]


@pytest.mark.parametrize(("text", "reasoning", "answer"), THOUGHT)
def test_thinking_is_told_apart(text: str, reasoning: str, answer: str) -> None:
    """Between its tags at the very start, or before the end that a template opened."""
    assert (reasoning, answer) == split(text, ended=True)


@pytest.mark.parametrize("text", WHOLE)
def test_an_answer_about_the_tags_stays_whole(text: str) -> None:
    """In code, in the middle of a line, or after its own beginning."""
    assert ("", text) == split(text, ended=True)


def cut(text: str, places: set[int]) -> Pieces:
    """Return *text* as it comes in pieces."""
    pieces = Pieces()
    edges = [0, *sorted(places), len(text)]
    for start, end in pairwise(edges):
        if text[start:end]:
            pieces.take("text", text[start:end])
    return pieces


@given(st.sampled_from([*(each for each, _, _ in THOUGHT), *WHOLE]), st.data())
def test_chunks_may_cut_anywhere(text: str, data: st.DataObject) -> None:
    """What comes of it is the same, wherever the server cuts it."""
    places = data.draw(st.sets(st.integers(0, len(text))))

    assert parts_of(cut(text, set())) == parts_of(cut(text, places))


@pytest.mark.parametrize(("text", "reasoning", "answer"), THOUGHT)
def test_no_piece_of_a_tag_is_shown(text: str, reasoning: str, answer: str) -> None:
    """While it comes, at no place; of an end that nothing opened, once it is known."""
    for end in range(len(text) + 1):
        shown = texts_of(cut(text[:end], set()))
        thought, told = shown.get("reasoning", ""), shown.get("text", "")
        if text.lstrip().startswith("<think>"):
            assert reasoning.startswith(thought)
            assert answer.startswith(told)
        elif thought:
            assert reasoning == thought
            assert answer.startswith(told)


TAGS = st.lists(
    st.sampled_from(["<think>", "</think>", "a", "\n", "`", FENCE, " ", "    ", "<"]),
    max_size=12,
).map("".join)


@given(TAGS, st.booleans())
def test_no_letter_is_lost(text: str, ended: bool) -> None:  # noqa: FBT001  a draw
    """All but the tags and the blanks around them is in one or the other."""
    found = split(text, ended=True)
    before = split(text, ended=ended)

    assert text.count("a") == (found.reasoning + found.text).count("a")
    assert text.count("a") >= (before.reasoning + before.text).count("a")


def test_thinking_is_not_sent_again(server: ScriptedServer) -> None:
    """The tag is cut by chunks; what follows is the answer."""
    server.will(says("<thi", "nk>Hm", ".</", "think>\n", "\nYes."), says("No."))
    chat = Conversation()
    first = chat.ask("x").result()
    chat.ask("y").result()
    _, request = server.requests

    assert ("Hm.", "Yes.") == (first.reasoning, first.text)
    assert ["x", "Yes.", "y"] == [each["content"] for each in request.body["messages"]]


def test_the_first_text_comes_after_the_thinking(server: ScriptedServer) -> None:
    """Until then the model is said to think."""
    goes_on = threading.Event()
    end = (chunk("</think>Yes.", finish="stop"), DONE)
    server.will(Answer((chunk("<think>"), chunk("Hm."), Wait(goes_on), *end)))
    reply = Conversation().ask("x")
    for now in reply.progress():
        if now.reasoning and not goes_on.is_set():
            assert "thinking" in now.status
            elapsed = reply.elapsed
            goes_on.set()

    assert elapsed < (reply.result().first_text or 0)


def test_what_goes_on_may_think_anew(server: ScriptedServer) -> None:
    """The rest's thinking is told apart too, and joins that of the beginning."""
    server.will(
        says("<think>One.</think>Half ", finish="length"),
        says("<think>Two.</think>\n\nand half"),
    )
    chat = Conversation()
    chat.ask("x").result()
    whole = chat.resume().result()

    assert ("One.Two.", "Half and half") == (whole.reasoning, whole.text)
