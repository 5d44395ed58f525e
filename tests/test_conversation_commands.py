"""``%chat``'s conversations: made, branched, taken back, restored, written, counted."""

import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.error import UsageError
from kernel_driver import Kernel, Outcome, running_kernel
from scripted_server import NEVER, Answer, ScriptedServer, chunk, fails, says

from apertis_magic import errors, files, paths
from apertis_magic.chat import names, session
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.parts import Picture
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import quoted
from apertis_magic.notebook.asking import Asker
from apertis_magic.notebook.commands import command_line
from apertis_magic.notebook.commands.command_table import COMMANDS, STATUS, Command
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.words import words as words_of

SMALL = Picture("image/gif", b"GIF89a")
LARGE = Picture("image/gif", b"GIF89a" + bytes(5_000_000))
KEY = "sk-9fJ2kQ7xLp4Zt8Rw3Nv6Hd"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that gives what was printed since it was last called."""
    return lambda: capsys.readouterr().out


@pytest.fixture
def asked(shell: Shell, server: ScriptedServer) -> Shell:
    """Return a shell in which one question was asked in ``main``."""
    server.will(says("one"))
    shell.run("%%chat\nfirst")
    return shell


def texts(shell: Shell, line: str) -> list[str]:
    """Run a command, and return the plain texts of what it displays."""
    before = len(shell.published)
    shell.run(line)
    return [each["data"]["text/plain"] for each in shell.published[before:]]


def questions(name: str | None = None) -> list[str]:
    """Return what was asked in a conversation of this process."""
    return [turn.prompt for turn in session.current().find(name).turns]


# Making, choosing, renaming, deleting


def test_conversations_are_made_and_chosen(
    asked: Shell, server: ScriptedServer, told: Any
) -> None:
    """Each line says what happened, and how to go back."""
    asked.run("%chat new idea")
    asked.run("%%chat\nsecond")
    asked.run("%chat use main")
    asked.run("%chat use main")
    asked.run("%chat new")
    asked.run("%chat new 'my idea'")
    asked.run("%chat rename 'the idea'")

    assert (
        "idea: a new conversation; it is the current conversation now. "
        "%chat use main goes back.\n"
        "main: 1 turn; it is the current conversation now. %chat use idea goes back.\n"
        "main is the current conversation already, 1 turn.\n"
        "main-2: a new conversation; it is the current conversation now. "
        "%chat use main goes back.\n"
        "my idea: a new conversation; it is the current conversation now. "
        "%chat use main-2 goes back.\n"
        'my idea is called the idea now. %chat rename "my idea" goes back.\n'
    ) == told()
    assert [[("user", "first")], [("user", "second")]] == server.messages
    assert {"main", "idea", "main-2", "the idea"} == set(session.current().names)


def test_a_fork_goes_its_own_way(
    asked: Shell, server: ScriptedServer, told: Any
) -> None:
    """It shares what was said; what follows is in one of the two alone."""
    asked.run("%chat fork idea")
    asked.run("%%chat\nsecond")
    asked.run("%chat use main")
    asked.run("%%chat\nthird")
    asked.run("%chat fork")

    assert told().startswith(
        "idea: forked from main with 1 turn; it is the current conversation now. "
        "%chat use main goes back.\n"
    )
    assert "third" == server.messages[2][-1][1]
    assert 3 == len(server.messages[2])
    assert ["first", "second"] == questions("idea")
    assert ["first", "third"] == questions("main-2")


def test_what_is_deleted_comes_back(asked: Shell, told: Any) -> None:
    """As long as the journal keeps it, which the line says."""
    asked.run("%chat new idea")
    asked.run("%chat delete idea")
    asked.run("%chat delete main")

    assert [] == questions()

    asked.run("%chat restore main")

    assert ["first"] == questions()
    assert [
        "Deleted idea (0 turns). main is the current conversation now.",
        "Deleted main (1 turn). %chat restore main brings it back.",
    ] == told().splitlines()[1:3]


def test_without_a_journal_nothing_is_promised(asked: Shell, told: Any) -> None:
    """What is dropped is gone, and that is said."""
    asked.run("%config ApertisMagic.journal = False")
    for line_ in ("reset", "restore", "journal", "journal clear", "show --versions"):
        if line_ == "restore":
            with pytest.raises(errors.ConfigurationError, match="journal is off"):
                asked.run("%chat restore")
        else:
            asked.run(f"%chat {line_}")
    off = "The journal is off. %config ApertisMagic.journal = True turns it on.\n"

    assert (
        "Dropped 1 turn. It is gone: the journal is off.\n"
        f"{off}{off}"
        "The conversation is empty.\n"
    ) == told()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("use", "%chat use needs a name: main."),
        ("delete", "%chat delete needs a name: main."),
        ("rename", "%chat rename needs a new name for main."),
        ("new my idea", "takes one name; put quotes around one with spaces"),
        ("fork ''", "name cannot be blank"),
        ('rename "a\tb"', "holds no control characters"),
        ("rename \x1b[2J", "holds no control characters"),
        ("rename \u202ebc", "holds no control characters"),
        (f"new {'x' * 101}", "has 100 characters at the most, not 101"),
        ("new 'idea", "a quote is not closed"),
        ("new -m gpt-5", "%chat new takes no options, not -m"),
        ("new sk-abcdefgh", "cannot be a key, or look like one"),
        (f"delete {KEY}", "holds an API key"),
        ("list idea", "%chat list takes nothing more, not 'idea'"),
        ("show --version", "%chat show takes --versions, not --version"),
        ("undo 0", "takes one whole number above 0, not '0'"),
        ("undo -1", "one whole number above 0, not '-1'"),
        ("undo 1 2", "takes one whole number above 0, not '2'"),
        ("continue -t 0", "does not take --temperature: the answer goes on as it was"),
        ("continue Why?", "takes -c NAME and no text"),
        ("continue -p a=1", "does not take --param"),
        ("model a b", "takes one id, not 'b'"),
        ("undo x", "one whole number above 0, not 'x'"),
        ("undo ²", "one whole number above 0"),
        ("retry Why?", "takes options and no text"),
        ("retry --new", "does not take --new"),
        ("retry --once", "does not take --once"),
        ("retry --append", "does not take --append"),
        ("retry --history 2", "does not take --history"),
        ("retry -s x", "does not take --system"),
        ("retry --cache", "does not take --cache"),
        ("retry --no-cache", "does not take --no-cache"),
        ("retry -t 9", "temperature must be 0 to 2"),
        ("export", "needs a file: NAME.ipynb or NAME.md or NAME.json"),
        ("export a.md main x", "takes a file and a name"),
        ("load", "needs a file"),
        ("load my talk.md", "takes one file; put quotes"),
        ("load a.md b.md c.md d.md", "takes one file; put quotes"),
        ("journal delete", "takes nothing, path, size or clear, not 'delete'"),
        ("usage today", "takes nothing more, not 'today'"),
    ],
)
def test_a_wrong_line_is_told_in_one(
    asked: Shell, server: ScriptedServer, text: str, words: str
) -> None:
    """As IPython's usage error; nothing is asked or changed, no key is repeated."""
    with pytest.raises(UsageError) as caught:
        asked.run(f"%chat {text}")

    assert words in str(caught.value)
    assert "sk-" not in str(caught.value)
    assert UsageError is type(caught.value)
    assert 1 == len(server.requests)
    assert (("main",), ["first"]) == (session.current().names, questions())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("use ideas", "There is no conversation 'ideas'", "There is idea;"),
        ("delete maim", "There is no conversation 'maim'", "There is main;"),
        ("show old", "no conversation 'old'", "%chat restore old brings it back."),
        ("rename idea", "a conversation 'idea' already", "%chat use idea"),
        ("restore odl", "holds no other conversation 'odl'", "It holds old."),
        ("retry -c maim", "no conversation 'maim'", "There is main;"),
        ("export talk", "ends in .ipynb, .md, .json; talk does not", ""),
        ("export a.md ideas", "no conversation 'ideas'", "There is idea;"),
        ("load missing.md", "There is no file missing.md", ""),
        ("load ~nobody-here/a.md", "nobody-here", ""),
        ("export idea.md idea", "idea has no turns yet", ""),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    asked: Shell, text: str, message: str, hint: str
) -> None:
    """A slip of the name costs nothing, and near names are given."""
    asked.run("%chat fork old")
    asked.run("%chat delete old")
    asked.run("%chat new idea")
    asked.run("%chat use main")
    with pytest.raises(errors.ConfigurationError, match=message) as caught:
        asked.run(f"%chat {text}")

    assert hint in caught.value.hint


def test_a_name_that_starts_over_can_come_back(asked: Shell, told: Any) -> None:
    """So that a cell with ``%chat new NAME`` can run again."""
    asked.run("%chat new main")
    asked.run("%chat new main")

    assert [] == questions()

    asked.run("%chat restore main")

    assert ["first"] == questions()
    assert [
        "main starts over; 1 turn dropped. %chat restore main brings it back.",
        "main starts from the defaults.",
    ] == told().splitlines()[:2]


def test_a_slip_of_the_name_is_told(asked: Shell, told: Any) -> None:
    """``-c`` makes a conversation; where one is near, it says so."""
    asked.run("%%chat -c maim\nsecond")

    assert "The conversation maim is new; there is also main.\n" == told()


@given(st.text())
def test_any_name_is_good_or_told(text: str) -> None:
    """A name that is taken can be written on a line again."""
    try:
        name = names.checked(text)
    except errors.ConfigurationError:
        name = names.from_text(text)

    assert name == names.checked(name)
    assert [name] == [word.text for word in words_of(quoted(name))]


# Lists


def test_the_list(asked: Shell, server: ScriptedServer) -> None:
    """What is here, the current one marked, and what the journal holds besides."""
    cost = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 1234}
    server.will(says("two", usage={**cost, "cost": 0.25}))
    asked.run("%chat new <b>idea</b>")
    asked.run("%chat model gpt-5")
    asked.run("%%chat\nWhy is\nthe sky blue, and why is it so much bluer in autumn?")
    asked.run("%chat fork old")
    asked.run("%chat delete old")
    asked.run("%chat use main")
    before = len(asked.published)
    here, kept = texts(asked, "%chat list")
    head, main, idea, note = here.splitlines()

    assert "conversation turns tokens cost model last question" == " ".join(
        head.split()
    )
    assert ["*", "main", "1", "7", "first"] == main.split()
    assert "<b>idea</b>" in idea
    assert ["1", "1,234", "$0.25", "gpt-5"] == idea.split()[1:5]
    assert idea.endswith("Why is the sky blue, and why is it so much bluer…")
    assert "* is the current one." == note
    assert ["old", "1", "today"] == kept.splitlines()[1].split()[:3]
    assert "%chat restore NAME, or ID, brings one back." == kept.splitlines()[-1]
    assert "&lt;b&gt;idea" in asked.published[before]["data"]["text/html"]


def test_a_journal_that_cannot_be_read(
    shell: Shell, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is here is shown all the same, and one line says what is wrong."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "damaged"))
    paths.data_dir().mkdir(parents=True)
    (paths.data_dir() / "journal.sqlite").write_bytes(b"no database" * 100)
    session.forget()
    [shown] = texts(shell, "%chat list")

    assert "* main" in shown
    assert "cannot be read: it is damaged" in told()

    [card] = texts(shell, "%chat journal")

    assert "it is damaged" in card


def test_a_long_list_is_cut(asked: Shell) -> None:
    """``--all`` shows the rest, and each can be brought back by its id."""
    for number in range(12):
        asked.run(f"%chat fork x{number}")
        asked.run(f"%chat delete x{number}")
    _, kept = texts(asked, "%chat list")
    _, whole = texts(asked, "%chat list --all")
    last = whole.splitlines()[-2].split()

    assert 10 + 2 == len(kept.splitlines())
    assert "2 more: %chat list --all." in kept
    assert 12 + 2 == len(whole.splitlines())

    asked.run(f"%chat restore {last[-1]}")

    assert last[0] == session.current().current.name


# Taking back, asking again


def test_turns_are_taken_back(asked: Shell, told: Any) -> None:
    """The last, or some; what they asked is named."""
    for number in range(8):
        asked.run(f"%%chat\nx{number}\nand {'more ' * 20}")
    asked.run("%chat undo")
    asked.run("%chat undo 7")
    asked.run("%chat undo 99999999999999999999")
    asked.run("%chat undo")
    text = told()

    assert text.startswith("Took back: x7 and more more more")
    assert "…\n8 turns left in main. %chat show --versions still shows" in text
    assert "Took back 7 turns:\n  x6 and" in text
    assert "  … and 2 more\n1 turn left in main." in text
    assert "Took back: first\n0 turns left in main." in text
    assert text.endswith("There is nothing to take back; main is empty.\n")
    assert [] == questions()


def test_all_that_was_taken_back_stays_away(asked: Shell, told: Any) -> None:
    """Also after a restart: the journal knows of it."""
    asked.run("%chat undo")
    [shown] = texts(asked, "%chat show --versions")
    session.forget()
    asked.run("%chat restore")

    assert "Taken back or dropped: 1" in shown
    assert "first" in shown
    assert told().endswith("There is nothing more of this notebook to restore.\n")


def test_a_question_is_asked_again(asked: Shell, server: ScriptedServer) -> None:
    """With what is given for it, in its place; the former answer is a version."""
    server.will(says("two"), says("three"), says("four"))
    asked.run("%%chat -t 1 -p top_k=5\nsecond")
    asked.run("%chat retry -m gpt-5 -o again -p top_p=1")
    asked.run("%chat retry -c main --max-tokens 9 -q")
    asked.run("assert again.text == 'three'")
    one, two = (request.body for request in server.requests[2:])

    assert ("gpt-5", 1, 5, 1) == tuple(
        one[k] for k in ("model", "temperature", "top_k", "top_p")
    )
    assert ("gpt-5", 9) == (two["model"], two["max_tokens"])
    assert server.messages[1] == server.messages[2] == server.messages[3]
    assert ["one", "four"] == [turn.text for turn in session.current().current.turns]

    [shown] = texts(asked, "%chat show --versions")
    _, versions = shown.split("2 earlier versions")

    assert versions.index("three") < versions.index("two")
    assert "Stale" not in shown


def test_nothing_to_ask_again(shell: Shell, server: ScriptedServer) -> None:
    """It is told, and nothing is sent."""
    with pytest.raises(errors.ConfigurationError, match="Nothing was asked yet"):
        shell.run("%chat retry")
    shell.run("%chat retry -h")

    assert [] == server.requests


def test_another_conversation_is_shown(asked: Shell) -> None:
    """Without going there."""
    asked.run("%chat new idea")
    [shown] = texts(asked, "%chat show main")

    assert "[1] first" in shown
    assert "idea" == session.current().current.name


def test_versions_are_inert(asked: Shell, server: ScriptedServer) -> None:
    """A former answer is text, folded away; nothing in it is markup."""
    server.will(says("<img src=x> $x$ **two**"), fails(500, "sorry"))
    asked.run("%chat config max_retries 0")
    asked.run("%chat retry")
    with pytest.raises(errors.ServerError):
        asked.run("%chat retry")
    before = len(asked.published)
    asked.run("%chat show --versions")
    html = asked.published[before]["data"]["text/html"]

    assert '<summary dir="auto"><small>2 earlier versions</small></summary>' in html
    assert "sorry" in html
    assert "<img" not in html


# Files


@pytest.mark.parametrize("ending", [".ipynb", ".md", ".json"])
def test_out_and_in_again(
    asked: Shell,
    tmp_path: Path,
    told: Any,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    """A conversation leaves with its kernel and comes back as it was."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    asked.run(f"%chat export 'my talk{ending}'")
    asked.run(f"%chat export main ~/other{ending}")
    before = session.current().current.turns
    session.forget()
    asked.run(f"%chat load 'my talk{ending}'")
    after = session.current().current.turns
    other = tmp_path / f"other{ending}"
    asked.run(f"%chat load ~/other{ending}")

    assert [
        f"main: 1 turn written to my talk{ending}.",
        f"main: 1 turn written to {other}.",
        f"main: 1 turn loaded from my talk{ending}.",
        f"main: 1 turn loaded from {other}; it has 1 turn now.",
    ] == told().splitlines()
    assert [turn.text for turn in before] == [turn.text for turn in after]
    assert ["first"] == questions()


def test_a_file_that_is_not_ours_stays(
    asked: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is said twice."""
    monkeypatch.chdir(tmp_path)
    Path("notes.md").write_text("mine", encoding="utf-8")
    with pytest.raises(errors.ConfigurationError, match="--force replaces it"):
        asked.run("%chat export notes.md")

    assert "mine" == Path("notes.md").read_text(encoding="utf-8")

    asked.run("%chat export notes.md --force")

    assert "first" in Path("notes.md").read_text(encoding="utf-8")


def test_a_saved_notebook_is_loaded(
    asked: Shell, server: ScriptedServer, tmp_path: Path, told: Any
) -> None:
    """Its conversations come in; the one that was used last is the current one."""
    server.will(says("two"))
    asked.run("%%chat -c idea\nsecond")
    cells = [
        {
            "cell_type": "code",
            "execution_count": 1,
            "metadata": {},
            "id": f"c{number}",
            "source": "%%chat\nx",
            "outputs": [
                {
                    "output_type": "display_data",
                    "data": output["data"],
                    "metadata": output["metadata"],
                }
            ],
        }
        for number, output in enumerate(asked.published)
        if output["metadata"]
    ]
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    file = tmp_path / "talk.ipynb"
    file.write_text(json.dumps(whole), encoding="utf-8")
    session.forget()
    told()
    asked.run(f"%chat load {file}")

    assert (
        f"main: 1 turn loaded from {file}.\nidea: 1 turn loaded from {file}.\n"
        "idea is the current conversation now.\n"
    ) == told()
    assert (["first"], ["second"]) == (questions("main"), questions("idea"))


@pytest.mark.parametrize(
    ("attached", "pictures", "expected"),
    [
        (("a", "b"), (LARGE,), "2 attached files and 1 picture"),
        (("a",), (), "1 attached file"),
        ((), (LARGE, LARGE), "2 pictures"),
    ],
)
def test_what_a_file_names_alone_is_told(
    shell: Shell,
    tmp_path: Path,
    told: Any,
    attached: tuple[str, ...],
    pictures: tuple[Picture, ...],
    expected: str,
) -> None:
    """In the line of ``%chat load``; what was never held is not counted."""
    never = Picture("", left_out="what came is no picture")
    question = Question("x", tuple(Attachment.of(name, b"1") for name in attached))
    turn = Turn(question=question, answers=((never, SMALL, *pictures),))
    for ending in (".ipynb", ".json"):
        file = tmp_path / f"talk{ending}"
        files.export(State(name="idea", history=history_of([turn])), file)
        shell.run(f"%chat load {file}")

    named = f"which names, but does not hold, {expected}"

    assert [
        f"idea: 1 turn loaded from {tmp_path}/talk.ipynb, {named}.",
        f"idea: 1 turn loaded from {tmp_path}/talk.json; it has 1 turn now.",
    ] == told().splitlines()


def test_a_loaded_name_can_be_typed(asked: Shell, tmp_path: Path) -> None:
    """What a file calls its conversation may be no name."""
    file = tmp_path / "talk.json"
    asked.run(f"%chat export {file}")
    raw = json.loads(file.read_text(encoding="utf-8"))
    raw["name"] = f"a\x1b\n b {KEY}"
    file.write_text(json.dumps(raw), encoding="utf-8")
    asked.run(f"%chat load {file}")

    assert "a b [key]" == session.current().current.name


# The journal, and what was spent


def test_the_journal_is_shown_and_cleared(asked: Shell, told: Any) -> None:
    """Where it is, how large, and what clearing took; what is open goes on."""
    journal = session.current().journal

    assert journal is not None

    [card] = texts(asked, "%chat journal")
    asked.run("%chat journal path")
    asked.run("%chat journal size")
    asked.run("%chat journal clear")
    asked.run("%chat journal clear")
    path, size, cleared, empty = told().splitlines()

    assert str(journal.file) in card
    assert "90 days" in card
    assert "problem" not in card
    assert str(journal.file) == path
    assert size.endswith("KB: 1 turn in 1 conversation.")
    assert cleared.startswith("Removed 1 turn in 1 conversation (")
    assert "The journal is empty." == empty

    asked.run("%%chat\nsecond")
    journal.flush(60)

    assert 2 == journal.size().turns


def test_a_journal_that_cannot_be_written_is_told_once(
    asked: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The card and what is said of dropped turns know of it."""
    journal = session.current().journal

    assert journal is not None

    journal.close()
    session.forget()
    journal.file.rename(tmp_path / "away")
    journal.file.mkdir()
    asked.run("%%chat\nsecond")
    asked.run("%%chat\nthird")
    asked.run("%chat reset")
    said = capsys.readouterr()

    assert 1 == said.err.count("cannot be written")
    assert "They are gone: the journal cannot be written." in said.out


def test_what_was_spent(asked: Shell, server: ScriptedServer, told: Any) -> None:
    """Of this conversation, today and ever; what the cache saved is counted."""
    [untold] = texts(asked, "%chat usage")
    usage = {"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 1000}
    server.will(says("two", usage={**usage, "cost": 0.02}))
    asked.run("%%chat --cache --once\nsecond")
    asked.run("%%chat --cache --once\nsecond")
    asked.run("%chat new idea")
    [card] = texts(asked, "%chat usage")
    asked.run("%config ApertisMagic.journal = False")
    [memory] = texts(asked, "%chat usage")
    rows = [row.split("  ", 1) for row in card.splitlines()[2:]]
    total = "2 turns · 1,007 tokens · $0.02"

    assert "1 turn · 7 tokens · the server told no cost" in untold
    assert [
        ["conversation idea", "nothing yet"],
        ["today", total],
        ["all in the journal", total],
        ["from the cache", "1 answer in this kernel, which saved $0.02"],
    ] == [[name, text.strip()] for name, text in rows]
    assert "all in this kernel  1 turn · 7 tokens · the server told no cost" in memory
    assert "what was replaced or taken back is not counted" in told()
    assert 2 == len(server.requests)


# Cells in a kernel


def shown(kernel: Kernel, line: str = "%chat show") -> str:
    """Return the plain text that a command displays."""
    [output] = [o for o in kernel.run(line).outputs if o["type"] != "stream"]
    text: str = output["data"]["text/plain"]
    return text


def stop(kernel: Kernel, server: ScriptedServer, source: str, cell: str) -> Outcome:
    """Ask, interrupt once the first half is shown, and return what the cell gave."""
    server.will(Answer((chunk("half"), NEVER)))
    request = kernel.start(source, cell)
    for message in kernel.messages(request):
        if "half" in str(message["content"]):
            break
    kernel.interrupt()
    return kernel.finish(request)


def test_twenty_runs_leave_a_turn_and_its_versions(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The newest version comes first, whatever became of it."""
    server.will(*(says(f"A{number}") for number in range(20)))
    for number in range(20):
        kernel.run(f"%%chat\nq{number}", cell="c1")
    text = shown(kernel, "%chat show --versions")

    assert "[1] q19" in text
    assert "[2]" not in text
    assert "19 earlier versions" in text
    assert list(range(18, -1, -1)) == [
        int(line.strip()[1:]) for line in text.splitlines() if line.startswith("    A")
    ]


def test_moved_copied_and_added_cells(kernel: Kernel, server: ScriptedServer) -> None:
    """A cell is its id: moved it keeps its turn, copied it is another."""
    server.will(says("A"))
    kernel.run("%%chat\none", cell="c1")
    kernel.run("%%chat\ntwo", cell="c2")
    kernel.run("%%chat\none", cell="copy-of-c1")
    kernel.run("%%chat\ntwo, moved up", cell="c2")
    kernel.run("%%chat --append\none more", cell="c1")
    asked = [text for role, text in server.messages[-1] if role == "user"]

    assert ["one", "two, moved up", "one", "one more"] == asked


def test_each_conversation_has_its_own_view_of_a_cell(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The same cell has a turn in each."""
    server.will(says("A"))
    kernel.run("%%chat\none", cell="c1")
    kernel.run("%%chat -c idea\none, there", cell="c1")
    kernel.run("%%chat\none, again", cell="c1")

    assert "[1] one, again" in shown(kernel)
    assert "[1] one, there" in shown(kernel, "%chat show idea")


def test_failed_and_stopped_versions_are_replaced(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The turn is the last that gave an answer; the others are its versions."""
    kernel.run("%chat config max_retries 0")
    stop(kernel, server, "%%chat\nx", "c1")
    server.will(fails(500, "sorry"), says("whole"))
    kernel.run("%%chat\nx", cell="c1")
    kernel.run("%%chat\nx", cell="c1")
    text = shown(kernel, "%chat show --versions")

    assert text.startswith("[1] x\n\nwhole\n")
    assert "2 earlier versions" in text
    assert text.index("sorry") < text.index("half")


def test_the_last_turns_alone(kernel: Kernel, server: ScriptedServer) -> None:
    """``--history`` sends so many, and 0 none."""
    server.will(says("A"))
    for number in range(3):
        kernel.run(f"%%chat\nq{number}")
    kernel.run("%%chat --history 1\nx")
    kernel.run("%%chat --history 0\ny")

    assert ["q2", "A", "x"] == [text for _, text in server.messages[3]]
    assert [("user", "y")] == server.messages[4]


def test_a_kernel_ends_and_its_conversation_goes_on(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Cells replace their restored turns; a second restore brings nothing else."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "talk.ipynb"))
    server.will(says("A1"), says("A2"), Answer((chunk("half"), NEVER)))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        kernel.run("%%chat\none", cell="c1")
        kernel.run("%%chat\ntwo", cell="c2")
        request = kernel.start("%%chat\nthree", cell="c3")
        for message in kernel.messages(request):
            if "half" in str(message["content"]):
                break
        os.kill(kernel.pid, 9)
    server.will(says("B1"), says("B3"))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        restored = kernel.run("%chat restore").printed
        again = kernel.run("%chat restore").printed
        kernel.run("%%chat\none, edited", cell="c1")
        kernel.run("%%chat\nthree", cell="c3")
        text = shown(kernel)

    # Of the last answer half a second's text may not be in the file.
    whole = r"3 turns restored, (.*); 1 was cut off in mid-answer\. Cells that run "
    less = r"2 turns and 1 question without an answer restored, (.*)\. Cells that run "
    [about] = [m[1] for each in (whole, less) for m in re.finditer(each, restored)]
    assert about.startswith("last changed today ")
    assert about.endswith(", from talk.ipynb")
    assert "There is nothing more of this notebook to restore.\n" == again
    assert [("user", "one, edited")] == server.messages[3]
    assert [
        ("user", "one, edited"),
        ("assistant", "B1"),
        ("user", "two"),
        ("assistant", "A2"),
        ("user", "three"),
    ] == server.messages[4]
    assert text.index("B1") < text.index("A2") < text.index("Stale") < text.index("B3")


@pytest.mark.parametrize("drop", ["%chat reset", "%%chat --new\nx", "%chat new main"])
def test_what_was_dropped_comes_back_first(
    kernel: Kernel, server: ScriptedServer, drop: str
) -> None:
    """Before what an earlier kernel left of this notebook; without a name, too."""
    server.will(says("A"))
    kernel.run("%%chat\nof an earlier kernel")
    kernel.run("from apertis_magic.chat import session; session.forget()")
    kernel.run("%%chat\none")
    kernel.run(drop)
    told = kernel.run("%chat restore").printed

    assert told.startswith("main: 1 turn restored")
    assert "[1] one" in shown(kernel)
    assert "of an earlier kernel" not in shown(kernel)


def restart(kernel: Kernel, notebook: str) -> None:
    """Have the kernel forget all, as one that has just begun."""
    kernel.run(
        "import os; from apertis_magic.chat import session; session.forget()\n"
        f"os.environ['JPY_SESSION_NAME'] = {notebook!r}"
    )


def test_a_notebook_gets_its_own_back(kernel: Kernel, server: ScriptedServer) -> None:
    """Another one's is listed, and comes where it is named."""
    server.will(says("A"))
    restart(kernel, "/a/one.ipynb")
    kernel.run("%%chat\none", cell="c1")
    restart(kernel, "/a/two.ipynb")
    kernel.run("%%chat\ntwo", cell="c2")
    restart(kernel, "/a/one.ipynb")
    own = kernel.run("%chat restore").printed
    restart(kernel, "/a/three.ipynb")
    none = kernel.run("%chat restore")
    kernel.run("%%chat\nthree", cell="c3")
    sent = server.messages[-1]
    restart(kernel, "/a/four.ipynb")
    kernel.run("%%chat\nfour", cell="c4")
    begun = kernel.run("%chat restore")
    named = kernel.run("%chat restore main").printed
    again = kernel.run("%chat restore main").printed

    assert "from one.ipynb." in own
    assert [("user", "three")] == sent
    for listed in (none, begun):
        assert "There is nothing more of this notebook to restore.\n" == listed.printed
        table = listed.outputs[-1]["data"]["text/plain"]
        assert "%chat restore NAME, or ID, brings one back." in table
        assert ["one.ipynb", "two.ipynb"] == re.findall(r"\w+\.ipynb", table)[-2:]
        assert {"one", "two"} <= set(table.split())
    assert "It has 2 turns now." in named
    assert "main is here, and current, with 2 turns: nothing to restore.\n" == again


def test_cells_that_ran_before_a_restore_stay(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Each turn is there once, the newer one in its place."""
    server.will(says("A"))
    restart(kernel, "/a/one.ipynb")
    for number in (1, 2, 3):
        kernel.run(f"%%chat\nq{number}", cell=f"c{number}")
    restart(kernel, "/a/one.ipynb")
    kernel.run("%%chat\nq2, edited", cell="c2")
    kernel.run("%%chat\nq4", cell="c4")
    told = kernel.run("%chat restore").printed
    kernel.run("%%chat\nq5")
    asked = [text for role, text in server.messages[-1] if role == "user"]

    assert "main: 3 turns restored" in told
    assert ["q1", "q2, edited", "q3", "q4", "q5"] == asked


READ = [row for row in COMMANDS.values() if not row.text and not row.options]


@given(
    st.sampled_from(READ),
    st.lists(
        st.one_of(
            st.sampled_from(["a", "a.md", "1", "-1", "--", "''", "'a b'", "path"]),
            st.sampled_from([flag for row in READ for flag in row.flags]),
            st.text(max_size=5),
        ),
        max_size=6,
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_command_gets_what_its_row_allows(
    shell: Shell, row: Command, words: list[str]
) -> None:
    """However many words there are: no fewer than it needs, no more than it takes."""
    preferences = ApertisMagic.of(shell)
    asker = Asker(shell, preferences)
    needed = [argument for argument in row.arguments if argument.needs]
    with suppress(UsageError):
        line = command_line.read(row, " ".join(words), asker, preferences)

        assert len(needed) <= len(line.words)
        assert all(row.argument(number) for number, _ in enumerate(line.words))
        assert line.flags <= {*row.flags}


def test_the_usage_of_a_command_is_what_its_row_says() -> None:
    """What may be left out stands in brackets, and what needs it inside them."""
    usages = {row.name: row.usage for row in COMMANDS.values()}

    assert "%chat export FILE [NAME] [--force] [--anyway]" == usages["export"]
    assert "%chat config [NAME [VALUE]]" == usages["config"]
    assert "%chat models [WORD …] [--refresh]" == usages["models"]
    assert "%chat journal [path, size, clear]" == usages["journal"]
    assert "%chat continue [-c NAME]" == usages["continue"]
    assert "%chat" == STATUS.usage
