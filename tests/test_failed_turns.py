"""Questions that got no answer: kept and shown, but no turns; and what is told once."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Shell
from kernel_driver import Kernel, Outcome
from scripted_server import PHASES, Answer, Cut, ScriptedServer, chunk, fails, says

from apertis_magic import errors, paths
from apertis_magic.chat import history, session
from apertis_magic.chat.history import Entry
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that gives what was printed since it was last called."""
    return lambda: capsys.readouterr().out


def ask(shell: Shell, server: ScriptedServer, *questions: str) -> None:
    """Ask questions, of which those that end in an exclamation mark fail."""
    for question in questions:
        server.will(fails(401) if question.endswith("!") else says("a"))
        try:
            shell.run(f"%%chat\n{question}")
        except errors.AuthenticationError:
            assert question.endswith("!")


def asked() -> list[str]:
    """Return the questions of the current conversation."""
    return [turn.prompt for turn in session.current().current.turns]


def plain(shell: Shell, line: str) -> str:
    """Run a command, and return the text of the first display that it makes."""
    before = len(shell.published)
    shell.run(line)
    text: str = shell.published[before]["data"]["text/plain"]
    return text


def test_failed_questions_are_no_turns(
    shell: Shell, server: ScriptedServer, told: Any, tmp_path: Any
) -> None:
    """Wherever turns are counted, here and in the journal."""
    ask(shell, server, "one", "two!", "three!")
    conversation = session.current().current
    listed = plain(shell, "%chat list")
    status = plain(shell, "%chat")
    spent = plain(shell, "%chat usage")
    kept = plain(shell, "%chat journal")
    shell.run("%chat journal size")
    shell.run(f"%chat export {tmp_path / 'talk.json'}")
    shell.run("%chat use main")
    shell.run("%chat fork copy")
    shell.run("%chat doctor")
    shell.run("%chat delete copy")
    text = told()

    assert "<Conversation 'main': 1 turns>" == repr(conversation)
    assert re.search(r"^\* main +1 ", listed, re.MULTILINE)
    assert "main, 1 turn\n" in status
    assert "1 turn · 7 tokens" in spent
    assert "1, earlier versions included" in kept
    assert ": 1 turn in 1 conversation.\n" in text
    assert "main: 1 turn written to" in text
    assert "already, 1 turn." in text
    assert "forked from main with 1 turn;" in text
    assert "1 turns are kept in" in text
    assert "Deleted copy (1 turn and 2 questions without an answer)." in text


def test_an_answer_that_broke_off_is_a_turn(
    shell: Shell, server: ScriptedServer
) -> None:
    """Something of it came."""
    server.will(Answer((chunk("half"), Cut())))
    with pytest.raises(errors.ConnectionFailed):
        shell.run("%%chat\nx")

    assert 1 == session.current().current.state.count


def test_restoring_counts_them_apart(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """They come back all the same, also where there is nothing else."""
    ask(shell, server, "one", "two!")
    session.forget()
    shell.run("%chat restore main")
    both = asked()
    first = told()
    shell.run("%chat undo")
    ask(shell, server, "three!")
    session.forget()
    listed = plain(shell, "%chat restore main\n%chat list")

    assert "main: 1 turn and 1 question without an answer restored, last" in first
    assert ["one", "two!"] == both
    assert "main: 0 turns and 1 question without an answer restored" in told()
    assert re.search(r"^\* main +0 ", listed, re.MULTILINE)
    assert ["three!"] == asked()


def test_what_failed_since_is_not_restored(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """Only what came back is counted, where turns of then and now go together."""
    ask(shell, server, "one", "two!", "three")
    session.forget()
    ask(shell, server, "four", "five!")
    shell.run("%chat restore main")

    assert "main: 2 turns and 1 question without an answer restored, last" in told()
    assert ["one", "two!", "three", "four", "five!"] == asked()


def test_a_journal_of_failed_questions_can_be_cleared(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """It holds what was typed."""
    server.will(fails(401))
    with pytest.raises(errors.AuthenticationError):
        shell.run("%chat ask --once something private")
    shell.run("%chat journal clear")
    shell.run("%chat journal clear")
    data = (paths.data_dir() / "journal.sqlite").read_bytes()

    assert "Removed 0 turns in 0 conversations" in told()
    assert b"something private" not in data


@pytest.mark.parametrize(
    ("questions", "command", "left", "words"),
    [
        (["a", "b"], "undo", ["a"], "Took back: b\n1 turn left"),
        (
            ["a", "b", "c!"],
            "undo",
            ["a"],
            "Took back: b\nTook back a question without an answer: c!\n1 turn left",
        ),
        (
            ["a", "b!", "c!"],
            "undo",
            [],
            "Took back: a\nTook back 2 questions without an answer:\n  c!\n  b!\n",
        ),
        (["a!", "b", "c!", "d"], "undo 2", ["a!"], "Took back 2 turns:\n  d\n  b\n"),
        (["a!", "b!"], "undo", ["a!"], "Took back a question without an answer: b!\n0"),
        (["a!", "b!"], "undo 9", [], "Took back 2 questions without an answer:\n"),
        (["a!", "b"], "undo 2", [], "Took back: b\nTook back a question without"),
    ],
)
def test_turns_are_taken_back_with_what_failed_since(
    shell: Shell,
    server: ScriptedServer,
    told: Any,
    questions: list[str],
    command: str,
    left: list[str],
    words: str,
) -> None:
    """The real ones count, and all that was taken is named."""
    ask(shell, server, *questions)
    shell.run(f"%chat {command}")

    assert left == asked()
    assert told().startswith(words)


def test_what_only_failed_comes_back_too(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """So the way is told where it is dropped."""
    ask(shell, server, "one!", "two!")
    shell.run("%chat reset")
    shell.run("%chat restore main")
    shell.run("%chat delete main")
    text = told()

    assert "Dropped 0 turns and 2 questions without an answer. %chat restore" in text
    assert "(0 turns and 2 questions without an answer). %chat restore main" in text


@pytest.mark.parametrize("number", [-1, 0])
def test_nothing_is_taken_back(number: int) -> None:
    """By a number that is none."""
    turn = Turn(question=Question("x"), finish="error")
    whole = (Entry(turn, 1),)

    assert whole == history.without_last(whole, number)


def test_the_last_answer_may_be_of_no_conversation(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """``%chat last`` knows the newest, asked with ``--once`` or not."""
    server.will(says("aside"), says("inside"), fails(401))
    shell.run("%chat last")
    shell.run("%chat ask --once -q one")
    first = plain(shell, "%chat last")
    shell.run("%chat ask -q two")
    second = plain(shell, "%chat last")
    with pytest.raises(errors.AuthenticationError):
        shell.run("%chat ask --once three")
    third = plain(shell, "%chat last")

    assert "There is no answer yet.\n" == told()
    assert "aside" in first
    assert "inside" in second
    assert second == third


def test_a_journal_counts_as_a_conversation_does(
    shell: Shell, server: ScriptedServer
) -> None:
    """By rows that were written with tokens, and without."""
    ask(shell, server, "one")
    server.will(says("b", usage=None), Answer((chunk("c"), Cut())), Answer((Cut(),)))
    for question in ("two", "three", "four"):
        try:
            shell.run(f"%%chat\n{question}")
        except errors.ConnectionFailed:
            assert question in ("three", "four")
    now = session.current().current.state
    session.forget()
    journal = Journal(paths.data_dir() / "journal.sqlite")

    assert 3 == now.count
    assert [3] == [kept.turns for kept in journal.conversations()]
    assert 3 == journal.spent().turns
    assert 3 == journal.size().turns

    journal.close()


@pytest.mark.parametrize(
    ("phase", "note"),
    [
        ("streaming", "The answer was stopped; what had come is kept."),
        ("before the first word", "The question was stopped before its answer began."),
        ("waiting for headers", "The question was stopped before its answer began."),
    ],
)
@pytest.mark.parametrize("quiet", ["", "-q "])
def test_an_interrupt_is_told_once(
    kernel: Kernel, server: ScriptedServer, phase: str, note: str, quiet: str
) -> None:
    """In the output, and by a word; where there is no output, in a line."""
    answer, text = PHASES[phase]
    server.will(answer)
    request = kernel.start(f"%%chat {quiet}\nx")
    server.wait_for(1)
    seen = []
    for message in kernel.messages(request) if text and not quiet else ():
        seen.append(message)
        if text in str(message["content"]):
            break
    kernel.interrupt()
    done = kernel.finish(request)
    *shown, error = Outcome(done.reply, seen + done.messages).outputs

    assert done.reply["traceback"] == error["traceback"]

    if quiet:
        assert [] == shown
        assert error["traceback"][0].startswith("Interrupted: the ")
    else:
        assert 1 == shown[0]["data"]["text/html"].count(note)
        assert ["Interrupted"] == error["traceback"]
