"""How the rest of an answer that was cut off joins what had come."""

from dataclasses import replace
from pathlib import Path

import pytest
from asks import ask
from kernel_driver import PATIENCE
from scripted_server import (
    NEVER,
    Answer,
    Cut,
    ScriptedServer,
    chunk,
    says,
    whole,
)

from apertis_magic import Conversation, errors
from apertis_magic.chat import session
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.continuation import Continuation, gap
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.settings import Settings

CITY = "The city of Ember lay on the edge of a desert. It was"

# what had come, what comes, the whole
JOINED = [
    # A blank is missing, or is not.
    ("The cat", "sat on", "The cat sat on"),
    ("The cat", " sat on", "The cat sat on"),
    ("The cat ", "sat on", "The cat sat on"),
    ("The cat\n\n", "Then", "The cat\n\nThen"),
    ("Sat.", "Then", "Sat. Then"),
    ("The cat", ", which", "The cat, which"),
    ("The cat", "(a big one)", "The cat (a big one)"),
    ("The cat (", "a big one)", "The cat (a big one)"),
    ("well-", "known", "well-known"),
    ("don", "'t", "don't"),
    ("don\u2019", "t", "don\u2019t"),
    ("\u2018Sit\u2019", "and", "\u2018Sit\u2019 and"),
    ("'Sit'", "and", "'Sit' and"),
    ("'", "Sit' and", "'Sit' and"),
    ("cafe", "\u0301 au lait", "cafe\u0301 au lait"),
    ("\U0001f468", "\u200d\U0001f467", "\U0001f468\u200d\U0001f467"),
    ("\U0001f468\u200d", "\U0001f467", "\U0001f468\u200d\U0001f467"),
    ("\U0001f44d", "\U0001f3fd", "\U0001f44d\U0001f3fd"),
    ("see [it]", "(there)", "see [it](there)"),
    ("$x", "^2$", "$x^2$"),
    ("in 20", "24 it", "in 2024 it"),
    ("the **", "big**", "the **big**"),
    ("the **big", "** cat", "the **big** cat"),
    ("the **big**", "cat", "the **big** cat"),
    ('"Sit', '" she said', '"Sit" she said'),
    ('she said "Sit"', "and", 'she said "Sit" and'),
    ("Elle dit «", "oui»", "Elle dit «oui»"),
    ("我喜欢", "猫", "我喜欢猫"),
    ("ฉันชอบ", "แมว", "ฉันชอบแมว"),
    ("나는", "고양이를", "나는 고양이를"),
    ("Καλη", "μέρα", "Καλη μέρα"),
    # Code is left as it is, and what is behind it begins a line.
    ("```python\ndef add(a", "b):", "```python\ndef add(ab):"),
    ("Call `add", "up()`", "Call `addup()`"),
    ("Call `add()`", "now", "Call `add()` now"),
    ("```\nx\n```", "Then", "```\nx\n```\nThen"),
    ("1. Red\n2. Blue", "3. Green", "1. Red\n2. Blue\n3. Green"),
    ("- red\n- blue", "- green", "- red\n- blue\n- green"),
    ("> red", "> green", "> red\n> green"),
    ("| a | b |", "|---|---|\n", "| a | b |\n|---|---|\n"),
    ("| a | b |\n|---|---|\n| 1 |", " 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
    # What is said again is there once.
    (CITY, CITY + " old.", CITY + " old."),
    (CITY, "It was old.", CITY + " old."),
    (CITY, "of a desert. It was old.", CITY + " old."),
    ("an interest", "interesting", "an interesting"),
    ("1. Red\n2. Blu", "2. Blue\n3. Green", "1. Red\n2. Blue\n3. Green"),
    # What only looks like it stays.
    (CITY, "The city was old.", CITY + " The city was old."),
    ("ha", "ha ha", "ha ha ha"),
    (CITY, "of the", CITY + " of the"),
]
each = pytest.mark.parametrize(("before", "rest", "joined"), JOINED)


@each
def test_it_joins(server: ScriptedServer, before: str, rest: str, joined: str) -> None:
    """A blank where one is missing, and nothing twice, in whatever pieces it comes."""
    server.will(
        *(says(before, finish="length"), says(*rest)),
        *(says(before, finish="length"), says(rest)),
        *(says(before, finish="length"), whole(rest)),
    )
    for stream in (True, True, False):
        chat = Conversation()
        chat.ask("x").result()
        turn = chat.resume(stream=stream).result()

        assert (joined, "stop") == (turn.text, turn.finish)


def test_it_grows_as_it_will_be(server: ScriptedServer) -> None:
    """Who looks on sees no repetition, and never what is taken away again."""
    rest = CITY + " old, and nobody lived there."
    server.will(says(CITY, finish="length"), says(*rest))
    chat = Conversation()
    chat.ask("x").result()

    for text in chat.resume().updates(every=0):
        assert rest.startswith(text)
        assert text.startswith(CITY)


def test_what_is_begun_anew_and_cut_off_adds_nothing(server: ScriptedServer) -> None:
    """The answer is as long as it was, and can go on."""
    server.will(
        says(CITY, finish="length"),
        says(*CITY[:40], finish="length"),
        says(" old.", finish="stop"),
    )
    chat = Conversation()
    chat.ask("x").result()

    turn = chat.resume().result()

    assert (CITY, "length") == (turn.text, turn.finish)
    assert CITY + " old." == chat.resume().result().text


@pytest.mark.parametrize("end", [Cut(), NEVER])
def test_what_is_held_is_not_lost(server: ScriptedServer, end: object) -> None:
    """A connection that breaks, or a stop, leaves what had come."""
    steps = (chunk("of a"), end)
    server.will(says(CITY, finish="length"), Answer(steps))  # type: ignore[arg-type]  # either
    chat = Conversation()
    chat.ask("x").result()
    reply = chat.resume()
    if end is NEVER:
        for _ in reply.progress():
            break  # which stops it
        reply.result()
    else:
        with pytest.raises(errors.ConnectionFailed):
            reply.result()

    assert CITY + " of a" == chat.turns[0].text


def test_the_journal_has_it_joined(server: ScriptedServer, tmp_path: Path) -> None:
    """Also while it comes: what is restored after a crash is what was seen."""
    server.will(
        says("The cat", finish="length"), Answer((chunk("sat"), chunk(" on"), NEVER))
    )
    journal = Journal(tmp_path / "journal.sqlite")
    chat = Conversation(journal=journal)
    chat.ask("x").result()
    reply = chat.resume()
    while "The cat sat on" != journal.read(chat.state.id).turns[0].text:
        assert not reply.done

    reply.settle()
    journal.flush(PATIENCE)

    assert "The cat sat on" == journal.read(chat.state.id).turns[0].text

    journal.close()


def test_no_blank_parts_a_key(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a key whose halves meet there nothing is seen."""
    monkeypatch.setenv("APERTIS_API_KEY", "sk-halves0123456789abc")
    server.will(
        says("It is sk-halves0123", finish="length"), says("456789abc", " indeed")
    )
    chat = Conversation()
    chat.ask("x").result()

    assert "It is [key] indeed" == chat.resume().result().text


def test_other_kinds_join_as_they_are() -> None:
    """Thinking is no part of the text that is completed."""
    rest = Continuation("The cat")
    rest.take("reasoning", "The cat…")
    rest.take("text", "sat")
    rest.end()
    rest.end()

    assert ("The cat…", " sat") == (rest.text("reasoning"), rest.text())
    assert ("", "") == (gap("", "x"), gap("x", ""))


def test_the_work_grows_with_the_text() -> None:
    """A rest that repeats a long answer, word by word, is compared once."""
    before = "word " * 100_000
    rest = Continuation(before)
    for start in range(0, len(before), 5):
        rest.take("text", before[start : start + 5])
    rest.take("text", "end")
    rest.end()

    assert "end" == rest.text()


def test_the_local_model_is_not_asked_to_go_on(server: ScriptedServer) -> None:
    """It goes on with an answer that ends the request, and its text is left alone."""
    server.will(says("coex", finish="length"), says("ist"))
    here = session.current()
    here.redirect(
        Settings(
            base_url=server.url, model="tiny", fixed_model=True, local_model="tiny"
        )
    )
    here.ask(ask("x")).result()
    whole = replace(Ask.rest_of(here.current.turns[0]), stream=False)

    assert "coexist" == here.ask(whole).result().text
    assert True is server.requests[1].body["stream"]
    assert [("user", "x"), ("assistant", "coex")] == [
        (each["role"], each["content"]) for each in server.requests[1].body["messages"]
    ]
