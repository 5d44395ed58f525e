"""The journal: what is kept comes back, by whoever and whenever it was written."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)
from journals import PATIENCE, after, answered, check, is_one_line, query, saved, talk
from scale import ALL
from scripted_server import ScriptedServer, fails, says
from turns import pieces, with_text

from apertis_magic import ApertisError, AsyncApertis, Conversation
from apertis_magic.api.types import Usage
from apertis_magic.chat import history
from apertis_magic.chat.growth import Piece
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.journal import file as journal_file
from apertis_magic.chat.journal import schema
from apertis_magic.chat.journal.journal import Journal, Size, Spent
from apertis_magic.chat.parts import KINDS, Source, joined
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.clean import mend
from apertis_magic.errors import HeldBack

DAY = 86_400.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a journal will be, in a folder that is not there yet."""
    return tmp_path / "new" / "journal.sqlite"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    """Yield a journal that is closed afterwards."""
    made = Journal(file)
    yield made
    made.close()


def test_nothing_is_made_before_the_first_change(journal: Journal) -> None:
    """A journal that nobody used has nothing, and leaves no trace."""
    nothing = journal.conversations(), journal.versions("x"), journal.size()

    assert ([], (), Size()) == nothing
    assert journal.answer("r", since=0) is None
    assert Spent() == journal.spent()
    assert journal.flush(0)

    journal.clear()
    with pytest.raises(ApertisError, match="not in the journal"):
        journal.read("x")

    assert not journal.file.parent.exists()


def test_all_of_a_turn_is_kept(journal: Journal) -> None:
    """Every field comes back as it was, the odd characters included."""
    odd = "\0 \u2028 \U0001f600 ```\r\n" + "x" * 2**20
    turn = answered(
        odd,
        prompt=odd,
        reasoning=odd,
        refusal="no",
        alternatives=("b", "c"),
        sources=(Source("https://a.example", "A"),),
        model="served",
        asked_model="asked",
        fallback="it was busy",
        base_url="https://api.example/v1",
        usage=Usage(total_tokens=7, cost=0.25, raw={"cost": 0.25}),
        system="",
        options={"temperature": 0, "p": {"q": [1, None]}},
        last_turns=0,
        left_out=3,
        cell="c1",
        first_text=0.5,
        elapsed=1.5,
        malformed=1,
    )
    state = State(name="a\0\u2028b", model="m", system="", history=())
    state, entry = after(state, turn, Placement(cell=Cell("c1", "e1")))
    journal.keep(state, entry)

    assert saved(journal, state)


@pytest.mark.parametrize("system", [None, "", "Be brief."])
def test_settings_of_a_conversation_are_kept(
    journal: Journal, system: str | None
) -> None:
    """No system prompt at all is another thing than the default one."""
    state = replace(talk("a"), system=system, model=None)
    journal.keep(state)

    assert saved(journal, state)


def test_a_question_is_in_the_file_before_its_answer(journal: Journal) -> None:
    """The future tells when; without an answer it comes back as interrupted."""
    state, turn = State(name="main"), answered("", finish="interrupted")
    fault = journal.begin(state, turn, Placement()).result(PATIENCE)

    assert "" == fault
    assert (turn,) == journal.read(state.id).turns
    assert [0] == [kept.turns for kept in journal.conversations()]


def test_halves_of_a_character_in_two_pieces(journal: Journal) -> None:
    """They are joined; a half that is alone at the end is replaced."""
    state, turn = State(name="main"), answered("", finish="interrupted")
    journal.begin(state, turn, Placement())
    journal.grow(turn.id, pieces(reasoning="\0", text="a\ud83d"))
    journal.grow(turn.id, pieces(text="\ude00b"))
    journal.grow(turn.id, [*pieces(2, text="second"), *pieces(10, text="tenth")])
    journal.grow(turn.id, [*pieces(text="\ud83d"), *pieces(1, text="first")])
    journal.grow(turn.id, pieces(refusal="no"))
    journal.flush(PATIENCE)
    [found] = journal.read(state.id).turns

    assert ("a\U0001f600b\ufffd", "\0", "no") == (
        found.text,
        found.reasoning,
        found.refusal,
    )
    assert ("first", "second", "tenth") == found.alternatives


def test_a_cell_that_died_in_a_rerun(journal: Journal) -> None:
    """What it had begun stands in its place; the former answer is a version."""
    first = answered("a", cell="c")
    state, _ = after(State(name="main"), first, Placement(cell=Cell("c", "1")))
    journal.keep(state)
    again = answered("", cell="c", finish="interrupted")
    journal.begin(state, again, Placement(cell=Cell("c", "2")))
    journal.flush(PATIENCE)

    assert state.turns == journal.read(state.id).turns
    assert (again,) == tuple(e.turn for e in journal.versions(state.id))

    journal.grow(again.id, pieces(text="half"))
    journal.flush(PATIENCE)

    assert ["half"] == [turn.text for turn in journal.read(state.id).turns]
    assert state.history == journal.versions(state.id)


def test_a_rerun_that_failed(journal: Journal) -> None:
    """The answer stays in its place, and what failed is a version of it."""
    first = answered("a", cell="c")
    state, _ = after(State(name="main"), first, Placement(cell=Cell("c", "1")))
    journal.keep(state)
    failed = answered("", cell="c", finish="error", error="no")
    state, entry = after(state, failed, Placement(cell=Cell("c", "2")))
    journal.keep(state, entry)

    assert saved(journal, state)
    assert state.turns == (first,)
    assert (entry,) == journal.versions(state.id)


def test_an_answer_that_died_as_it_went_on(journal: Journal) -> None:
    """What there was stays, with what more had come; then it can go on."""
    state = talk("a", "half")
    journal.keep(state)
    half = replace(state.turns[1], finish="interrupted")
    journal.begin(state, half, Placement(replaces=half.id))
    journal.flush(PATIENCE)

    assert (state.turns[0], half) == journal.read(state.id).turns

    journal.grow(half.id, pieces(text=" and half"))
    journal.flush(PATIENCE)

    assert "half and half" == journal.read(state.id).turns[1].text
    assert () == journal.versions(state.id)

    journal.keep(state, replace(state.history[1], turn=half))

    assert saved(journal, state)


def test_starting_over_that_was_cut_short(journal: Journal) -> None:
    """The turns before it are versions: they must not be out of reach."""
    state, turn = talk("a", "b"), answered("", finish="interrupted")
    journal.keep(state)
    journal.begin(state, turn, Placement(start_over=True))
    journal.grow(turn.id, pieces(text="c"))
    journal.flush(PATIENCE)

    assert ["c"] == [turn.text for turn in journal.read(state.id).turns]
    assert state.history == journal.versions(state.id)
    assert [1] == [kept.turns for kept in journal.conversations()]


def test_branches_go_on_with_the_same_half_answer(journal: Journal) -> None:
    """Each has its own rest of it; neither is written over the other."""
    state, _ = after(State(name="main"), answered("half", finish="length"))
    fork = replace(state, id="fork", name="fork")
    journal.keep(state)
    journal.keep(fork)
    [half] = state.turns
    longer = []
    for rest, branch in (("-one", state), ("-two", fork)):
        whole = with_text(half, half.text + rest, finish="stop")
        longer.append(replace(branch, history=history.swap(branch.history, whole)))
        journal.begin(branch, replace(half, finish="interrupted"), Placement())
        journal.keep(longer[-1], longer[-1].history[0])

        assert saved(journal, longer[0])
        assert saved(journal, longer[-1] if branch is fork else fork)

    assert () == journal.versions(state.id)
    assert 1 == journal.spent().turns


def test_what_a_server_counts_beyond_reason(journal: Journal) -> None:
    """Such a turn is kept as far as it can be read, and costs no other turn."""
    huge = Usage(total_tokens=2**62, cost=1e300, raw={"a": "b"})
    state, _ = after(talk("a"), answered("b", usage=huge + huge))
    state, _ = after(state, answered("c", usage=huge))
    journal.keep(state)
    journal.flush(PATIENCE)
    journal.spent()

    assert ["a", "b", "c"] == [turn.text for turn in journal.read(state.id).turns]
    assert "" == journal.problem


def test_what_cannot_be_kept_costs_nothing_else(journal: Journal) -> None:
    """One line about it, and all that was handed over with it is written."""
    first, last = talk("a"), talk("b")
    cannot = answered("c", options={"x": {(1, 2): 3}})
    journal.begin(None, answered("", finish="interrupted"), Placement()).result(
        PATIENCE
    )
    journal.keep(first)
    fault = journal.begin(None, cannot, Placement())
    journal.keep(last)

    assert saved(journal, last)
    assert saved(journal, first)
    assert is_one_line(fault.result())


def test_drop_and_the_order_of_conversations(journal: Journal) -> None:
    """The latest comes first; one that goes on is over no more."""
    journal.notebook = "/a.ipynb"
    old, new, empty = talk("a", name="old"), talk("b", "c", name="new"), talk()
    for state in (old, new, empty):
        journal.keep(state)
    journal.drop(old.id)
    journal.flush(PATIENCE)
    kept = journal.conversations()

    assert [("new", 2, False), ("old", 1, True)] == [
        (each.name, each.turns, each.dropped) for each in kept
    ]
    assert {"/a.ipynb"} == {each.notebook for each in kept}
    assert [old.id] == [each.id for each in journal.conversations(without=[new.id])]

    journal.keep(old)
    journal.flush(PATIENCE)

    assert ["old", "new"] == [each.name for each in journal.conversations()]
    assert not journal.conversations()[0].dropped


NOT_WHOLE: list[dict[str, Any]] = [
    {"finish": "error"},
    {"finish": "interrupted"},
    {"finish": "content_filter"},
    {"finish": None},
    {"error": "no"},
    {"malformed": 1},
    {"fallback": "busy"},
    {"cached": True},
    {"text": ""},
    {"text": "x" * 1_000_001},
]


@pytest.mark.parametrize("fields", NOT_WHOLE, ids=lambda each: str(each)[:30])
def test_only_whole_answers_are_given_again(
    journal: Journal, fields: dict[str, Any]
) -> None:
    """Nobody wants the half of one, or another model's, for good."""
    state, entry = after(State(name="main"), answered(**fields))
    journal.keep(state, entry, fingerprint="r")
    journal.keep(None, replace(entry, turn=answered(**fields)), fingerprint="r")
    journal.flush(PATIENCE)

    assert journal.answer("r", since=0) is None


def test_the_newest_answer_to_a_request(journal: Journal) -> None:
    """Of those that are new enough, in whichever conversation, or in none."""
    state, first = after(State(name="main"), answered("a", finish="length"))
    then = answered("b")
    journal.keep(state, first, fingerprint="r")
    journal.keep(None, Entry(then, 0, None, then.id), fingerprint="r")
    journal.flush(PATIENCE)

    assert then == journal.answer("r", since=0)
    assert then == journal.answer("r", since=then.started)
    assert journal.answer("r", since=then.started + 1) is None
    assert journal.answer("q", since=0) is None

    longer = with_text(first.turn, "a and more")
    state = replace(state, history=history.swap(state.history, longer))
    journal.keep(state, state.history[0])
    query(journal.file, "DELETE FROM turn WHERE id = ?", then.id)

    assert saved(journal, state)
    assert first.turn == journal.answer("r", since=0)


def test_what_turns_took(journal: Journal) -> None:
    """Tokens and costs of all that was asked, the versions included."""
    usage = Usage(total_tokens=10, cost=0.5)
    state, first = after(talk("free"), answered(usage=usage))
    journal.keep(state, first)
    state, _ = after(state, answered(usage=usage), Placement(replaces=first.turn.id))
    journal.keep(state)
    cached = answered(usage=usage, cached=True)
    journal.keep(None, Entry(cached, 0))
    journal.begin(state, answered("", finish="interrupted"), Placement())
    journal.flush(PATIENCE)

    assert Spent(turns=4, tokens=20, cost=1.0, cached=1, saved=0.5) == journal.spent()
    assert Spent(turns=3, tokens=20, cost=1.0) == journal.spent(conversation=state.id)
    assert 1 == journal.spent(cached.started).turns


def test_clear_leaves_nothing_to_be_read(journal: Journal) -> None:
    """No byte of what was said; a conversation that goes on is kept again."""
    state = talk("remarkable" * 1_000, "words")
    journal.keep(state)
    journal.flush(PATIENCE)
    other = Journal(journal.file)
    other.clear()
    remains = b"".join(f.read_bytes() for f in journal.file.parent.iterdir())

    with pytest.raises(ApertisError, match="not in the journal"):
        journal.read(state.id)

    assert b"remarkable" not in remains
    assert (0, 0) == (other.size().conversations, other.size().turns)
    assert other.size().bytes == sum(
        f.stat().st_size for f in journal.file.parent.iterdir()
    )

    state, entry = after(state, answered("more"))
    journal.keep(state, entry)

    assert saved(journal, state)
    assert "" == journal.problem + other.problem
    other.close()


def test_days_without_a_change(file: Path) -> None:
    """An old conversation goes, but for what a younger one shares with it."""
    old = replace(talk("shared", "old"), name="old")
    fork = replace(old, id="fork", history=old.history[:1])
    alone = answered("alone")
    journal = Journal(file)
    journal.keep(old)
    journal.keep(fork)
    journal.keep(None, Entry(alone, 0), fingerprint="r")
    journal.begin(old, answered("", finish="interrupted"), Placement())
    journal.close()
    query(file, "UPDATE conversation SET changed = changed - ?", 91 * DAY)
    query(file, "UPDATE conversation SET changed = changed + 2e6 WHERE id = 'fork'")
    journal = Journal(file, days=90)
    young = talk("young")
    journal.keep(young)
    journal.flush(PATIENCE)
    is_swept_once_a_day = {each.id for each in journal.conversations()}

    assert {old.id, fork.id, young.id} == is_swept_once_a_day

    journal.close()
    query(file, "UPDATE swept SET at = at - ?", DAY + 1)
    journal.keep(young)
    journal.flush(PATIENCE)

    assert {fork.id, young.id} == {each.id for each in journal.conversations()}
    assert saved(journal, fork)
    assert saved(journal, young)
    assert 2 == journal.size().turns
    assert journal.answer("r", since=0) is None

    journal.close()


@pytest.mark.parametrize("days", [0, 90])
def test_a_clock_that_was_ahead(file: Path, days: int) -> None:
    """It ends the sweeping neither for good, nor is anything young removed."""
    journal = Journal(file, days=days)
    journal.keep(talk("a"))
    journal.close()
    query(file, "UPDATE conversation SET changed = 0")
    query(file, "DELETE FROM swept")
    query(file, "INSERT INTO swept VALUES (?)", time.time() + 1_000 * DAY)
    for day in range(7, 0, -1):  # a week since then
        query(file, "INSERT INTO swept VALUES (?)", time.time() - day * DAY - 60)
    young = talk("b")
    journal.keep(young)
    journal.flush(PATIENCE)

    assert (1 if days else 2) == len(journal.conversations())

    journal.close()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_may_read_it(journal: Journal, umask: int) -> None:
    """Folder and files are their owner's from the start, whatever the umask."""
    before = os.umask(umask)
    try:
        journal.keep(talk("a"))
        journal.flush(PATIENCE)
    finally:
        os.umask(before)
    folder = journal.file.parent
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {"journal.sqlite", "journal.sqlite-shm", "journal.sqlite-wal"} == set(modes)
    assert {0o600} == set(modes.values())


def test_rights_that_others_were_given_are_taken_back(file: Path) -> None:
    """Whoever changed them."""
    journal = Journal(file)
    journal.keep(talk("a"))
    journal.close()
    file.chmod(0o666)
    journal.keep(talk("b"))
    journal.flush(PATIENCE)

    assert {0o600} == {stat.S_IMODE(f.stat().st_mode) for f in file.parent.iterdir()}

    journal.close()


MORE = (*schema.MIGRATIONS, ("ALTER TABLE turn ADD COLUMN more TEXT",))


@pytest.mark.parametrize("reads", [False, True])
def test_an_older_schema_is_led_to_the_newest(file: Path, *, reads: bool) -> None:
    """With all that it holds, by who writes or who reads first."""
    journal = Journal(file)
    journal.keep(talk("a"))
    journal.close()
    if reads:
        with journal_file.reading(file, MORE) as db:
            assert db is not None
            assert [(None,)] == db.execute("SELECT more FROM turn").fetchall()
    else:
        journal_file.open_to_write(file, MORE).close()

    assert [(3,)] == query(file, "PRAGMA user_version")
    assert [(1,)] == query(file, "SELECT count(*) FROM turn WHERE more IS NULL")


def test_a_migration_is_made_whole_or_not_at_all(file: Path) -> None:
    """One that fails leaves the schema as it was."""
    Journal(file).clear()
    wrong = (*MORE, ("CREATE TABLE half (x)", "nonsense"))
    with pytest.raises(sqlite3.OperationalError, match="nonsense"):
        journal_file.open_to_write(file, wrong)

    assert [(0,)] == query(file, "PRAGMA user_version")

    journal_file.open_to_write(file, MORE).close()

    assert [(3,)] == query(file, "PRAGMA user_version")
    assert "ok" == check(file)


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_newer_schema_is_left_alone(file: Path, mode: str) -> None:
    """Not a byte is changed, and one line tells why nothing is kept."""
    journal = Journal(file)
    journal.keep(talk("a"))
    journal.close()
    query(file, f"PRAGMA journal_mode = {mode}")
    query(file, "PRAGMA user_version = 99")
    before = file.read_bytes()
    journal.keep(talk("b"))
    journal.flush(PATIENCE)

    assert "newer version of apertis_magic" in journal.problem
    assert is_one_line(journal.problem)

    with pytest.raises(ApertisError, match="newer version") as caught:
        journal.conversations()

    assert is_one_line(str(caught.value))

    journal.close()

    assert before == file.read_bytes()
    assert [file] == list(file.parent.iterdir())


FORKS = """
import os, sys, threading, warnings
from dataclasses import replace
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import after, answered, saved, talk
warnings.simplefilter("ignore")  # a fork where there are threads
file, other = map(Path, sys.argv[1:])
journal, mine, own = Journal(file), talk("a"), talk("b")
journal.keep(mine)
assert saved(journal, mine)
shared, stop = talk("c"), threading.Event()

def busy():
    while not stop.is_set():
        journal.keep(mine)
        journal.read(mine.id)

threads = [threading.Thread(target=busy) for _ in range(2)]
[thread.start() for thread in threads]
children = []
for number in range(20):
    child = os.fork()
    if not child:
        own = replace(own, id=f"child-{number}")
        journal.keep(own)
        assert saved(journal, own)
        state, entry = after(shared, answered(str(number)))
        journal.keep(state, entry)
        assert journal.flush(60)
        os._exit(bool(journal.problem))
    children.append(child)
stop.set()
[thread.join() for thread in threads]
first, then = os.pipe(), os.pipe()
child = os.fork()
if not child:
    journal.keep(replace(own, id="before"))
    assert journal.flush(60)
    os.write(first[1], b"x")
    os.read(then[0], 1)
    journal.keep(replace(own, id="after"))
    assert journal.flush(60)
    os._exit(bool(journal.problem))
os.read(first[0], 1)
children.append(child)
mine, entry = after(mine, answered("d"))
journal.keep(mine, entry)
assert saved(journal, mine)
journal.close()  # nor may that take the file from under the child
third = Journal(file)
third.keep(talk("e"))
third.close()
os.write(then[1], b"x")
assert {0} == {os.waitpid(child, 0)[1] for child in children}
journal.keep(shared)
assert saved(journal, shared)
assert 20 == len(journal.versions(shared.id))
names = {kept.id for kept in journal.conversations()}
assert {f"child-{n}" for n in range(20)} | {"before", "after", mine.id} <= names
assert not journal.problem
"""


def run_python(program: str, *arguments: object) -> str:
    """Run a program in an interpreter of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)

    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on Windows")
def test_forks_of_the_process(file: Path) -> None:
    """Parent and children go on, none hangs, and all of it is in the file."""
    run_python(FORKS, file, file)

    assert "ok" == check(file)


ENDS = """
import sys
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import talk
journal = Journal(Path(sys.argv[1]))
for number in range(500):
    journal.keep(talk("x" * 1000, name=str(number)))
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit", "sys.exit()"])
def test_the_end_of_an_interpreter_writes_what_is_left(file: Path, end: str) -> None:
    """And closes the file, so that it is one again."""
    run_python(ENDS + end, file)

    assert 500 == len(Journal(file).conversations())
    assert [file] == list(file.parent.iterdir())


def test_what_a_dead_process_left_beside_the_file(file: Path) -> None:
    """Its changes may not be in the file itself yet; they are taken in."""
    run_python(ENDS + "journal.flush(60)\nimport os\nos._exit(0)", file)

    assert file.with_name(file.name + "-wal").exists()

    journal = Journal(file)
    state = talk("more")
    journal.keep(state)

    assert saved(journal, state)
    assert 501 == len(journal.conversations())

    journal.close()


def test_a_writer_that_was_closed_can_go_on(journal: Journal) -> None:
    """Closing twice, and closing what was never open, does nothing."""
    Journal(journal.file).close()
    state = talk("a")
    for _ in range(2):
        journal.keep(state)
        journal.close()
        journal.close()

        assert journal.read(state.id) == state

    journal.keep(talk("b"))

    assert saved(journal, state)


THREADS = """
import sys, threading
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import is_one_line, saved, talk
journal, state = Journal(Path(sys.argv[1])), talk("a")
threading.stack_size(2**46)
journal.keep(state)
assert is_one_line(journal.problem)
assert not journal.flush(60)
threading.stack_size(0)
journal.keep(state)
assert saved(journal, state)
assert not journal.problem
"""


def test_a_process_that_can_have_no_more_threads(file: Path) -> None:
    """It is told, once there can be one again the journal is kept."""
    run_python(THREADS, file)


def test_readers_in_the_midst_of_writing(journal: Journal) -> None:
    """Each sees a whole conversation of one moment."""
    state = State(name="main")
    for number in range(50):
        state, entry = after(state, answered(str(number)))
        journal.keep(state, entry)
        for kept in journal.conversations():
            found = journal.read(kept.id)

            assert state.turns[: len(found.turns)] == found.turns


KEY = "sk-Q7wE4rT9yU2iO5pA8sD3fG6hJ1kL0zXc"


def test_no_key_is_in_the_file(server: ScriptedServer, journal: Journal) -> None:
    """Neither the client's nor one that was given with a question."""
    server.will(fails(401, f"{KEY} is wrong"), says("fine"))
    client = AsyncApertis(KEY, default_headers={"X-Other": KEY + "other"})
    chat = Conversation(client=client, journal=journal)
    headers = {"Authorization": f"Bearer {KEY}extra", "X-Key": KEY}
    with pytest.raises(ApertisError):
        chat.ask("zero").result()
    chat.ask("one", extra_headers=headers, temperature=0).result()
    chat.ask("two", once=True, extra_headers=headers, timeout=5).result()
    chat.retry(extra_headers=headers).result()
    journal.flush(PATIENCE)
    content = b"".join(f.read_bytes() for f in journal.file.parent.iterdir())

    assert KEY in server.requests[0].headers["authorization"]
    assert KEY == server.requests[1].headers["x-key"]
    assert b"temperature" in content
    assert KEY[:12].encode() not in content
    assert b"uthorization" not in content


def test_no_secret_of_a_field_is_in_the_file(
    server: ScriptedServer, journal: Journal
) -> None:
    """What its name says is one is sent, and not restored."""
    server.will(says("fine"))
    body = {"api_key": "its-own-kind", "tools": [{"Authorization": "Bearer abc12"}]}
    chat = Conversation(journal=journal)
    chat.ask("Why?", extra_body=body).result()
    journal.flush(PATIENCE)
    content = b"".join(f.read_bytes() for f in journal.file.parent.iterdir())
    [restored] = journal.read(chat.state.id).turns

    assert "its-own-kind" == server.requests[0].body["api_key"]
    assert [] == [each for each in (b"its-own-kind", b"abc12") if each in content]
    assert {"api_key": "[key]", "tools": [{"Authorization": "[key]"}]} == (
        restored.options["extra_body"]
    )


def test_what_was_sent_anyway_is_in_the_file(
    server: ScriptedServer, journal: Journal
) -> None:
    """Just as it was sent; what was held back is not, nor was it sent."""
    server.will(says("fine"))
    chat = Conversation(system=f"Use {KEY} now", journal=journal)
    with pytest.raises(HeldBack) as caught:
        chat.ask(f"Is {KEY} a key?")
    journal.flush(PATIENCE)
    before = b"".join(f.read_bytes() for f in journal.file.parent.glob("*"))
    chat.ask(f"Is {KEY} a key?", user=KEY, anyway=True).result()
    journal.flush(PATIENCE)
    state = journal.read(chat.state.id)

    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert KEY.encode() not in before
    assert [[("system", f"Use {KEY} now"), ("user", f"Is {KEY} a key?")]] == (
        server.messages
    )
    assert list(chat.turns) == list(state.turns)
    assert f"Use {KEY} now" == state.system


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
# Halves of characters, in pieces of their own.
PIECES = st.text(
    st.sampled_from(["a", "\0", "\U0001f600", "\ud83d", "\ude00", "\n"]), max_size=4
)
CELLS = st.builds(Cell, st.sampled_from("abc"), st.sampled_from("123"))
NUMBERS = st.integers(0, 20)


class Talk:
    """What is to come back of one conversation: the model, without any file."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.seen = {entry.turn.id: entry for entry in state.history}
        self.open: tuple[Turn, Placement] | None = None
        self.grown: list[Piece] = []

    def become(self, state: State, ended: Entry | None = None) -> None:
        """Be *state* from now on; *ended* need not be in it."""
        self.state, ids = state, {turn.id for turn in state.turns}
        self.seen |= {entry.turn.id: entry for entry in state.history}
        if ended is not None:
            self.open, self.grown = None, []
            if ended.turn.id not in ids:
                self.seen[ended.turn.id] = ended

    @property
    def so_far(self) -> Turn:
        """The turn that is under way, as it would be restored."""
        assert self.open is not None

        turn, _ = self.open
        runs: dict[int, list[tuple[str, str]]] = {}
        for answer, kind, text in self.grown:
            before = runs.setdefault(answer, [])
            if before and before[-1][0] == kind:
                before.append((kind, before.pop()[1] + text))
            else:
                before.append((kind, text))
        found = {
            answer: joined((), [KINDS[kind](mend(text)) for kind, text in each if text])
            for answer, each in runs.items()
        }
        own = joined(turn.parts, found.pop(0, ()))
        others = tuple(found[answer] for answer in sorted(found))
        later = turn.answers[1:] or others
        answers = (own, *later) if own or later else ()
        return replace(turn, finish="interrupted", answers=answers)

    @property
    def expected(self) -> tuple[State, dict[str, Entry]]:
        """What is to be read: the conversation, and its versions by their turns."""
        state, seen = self.state, dict(self.seen)
        if self.open is not None:
            turn, placement = self.so_far, self.open[1]
            if turn.id in {each.id for each in state.turns}:
                state = replace(state, history=history.swap(state.history, turn))
            else:
                state, entry = after(state, turn, placement)
                seen[turn.id] = entry
        ids = {turn.id for turn in state.turns}
        return state, {name: entry for name, entry in seen.items() if name not in ids}


class Machine(RuleBasedStateMachine):
    """Conversations that go on in any order, written by two journals to one file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        file = Path(self.folder.name) / "journal.sqlite"
        self.journals = [Journal(file), Journal(file)]
        self.talks = [Talk(State(name="main"))]
        self.answers: dict[str, Turn] = {}
        self.writer = self.journals[0]

    def teardown(self) -> None:
        """Remove the file."""
        for journal in self.journals:
            journal.close()
        self.folder.cleanup()

    def talk(self, number: int) -> Talk:
        """Return one of the conversations."""
        return self.talks[number % len(self.talks)]

    @rule(number=NUMBERS)
    def another_process(self, number: int) -> None:
        """From now on another journal writes."""
        self.writer.flush(PATIENCE)
        self.writer = self.journals[number % 2]

    @rule()
    def reopen(self) -> None:
        """A process ends."""
        self.writer.close()

    @rule(name=WORDS, model=WORDS | st.none(), system=WORDS | st.none())
    def new(self, name: str, model: str | None, system: str | None) -> None:
        """Another conversation begins."""
        self.talks.append(Talk(State(name=name, model=model, system=system)))
        self.writer.keep(self.talks[-1].state)

    @rule(
        number=NUMBERS,
        old=NUMBERS,
        cell=CELLS | st.none(),
        kind=st.sampled_from(["", "append", "replaces", "fresh"]),
    )
    def begin(self, number: int, old: int, cell: Cell | None, kind: str) -> None:
        """Ask, anywhere in a conversation; one that was under way is forgotten."""
        talk = self.talk(number)
        if talk.open is not None:
            return
        turns = talk.state.turns
        placement = Placement(
            cell=cell,
            append=kind == "append",
            replaces=turns[old % len(turns)].id
            if turns and kind == "replaces"
            else None,
            start_over=kind == "fresh",
        )
        turn = answered("", finish="interrupted", cell=cell.id if cell else None)
        talk.open = turn, placement
        self.writer.begin(talk.state, turn, placement)

    @rule(number=NUMBERS, cell=CELLS, text=PIECES)
    def run_cell(self, number: int, cell: Cell, text: str) -> None:
        """A cell is run to its end; it fails where nothing comes."""
        if self.talk(number).open is None:
            self.begin(number, 0, cell, "")
            self.grow(number, pieces(text=text))
            self.keep(number, "stop" if text else "error", None)

    @rule(number=NUMBERS, old=NUMBERS)
    def resume(self, number: int, old: int) -> None:
        """Go on with an answer that is there, and that nobody else goes on with."""
        talk = self.talk(number)
        ids = {each.open[0].id for each in self.talks if each.open is not None}
        free = [turn for turn in talk.state.turns if turn.id not in ids]
        if talk.open is None and free:
            turn = free[old % len(free)]
            talk.open = turn, Placement(replaces=turn.id)
            begun = replace(turn, finish="interrupted")
            self.writer.begin(talk.state, begun, talk.open[1])

    @rule(
        number=NUMBERS,
        grown=st.lists(
            st.builds(
                Piece,
                st.sampled_from([0, 0, 0, 1, 2]),
                st.sampled_from(["text", "reasoning", "refusal"]),
                PIECES,
            ),
            min_size=1,
        ),
    )
    def grow(self, number: int, grown: list[Piece]) -> None:
        """More of an answer comes."""
        talk = self.talk(number)
        if talk.open is not None:
            talk.grown += grown
            self.writer.grow(talk.open[0].id, grown)

    @rule(
        number=NUMBERS,
        finish=st.sampled_from(["stop", "length", "error", "interrupted", None]),
        request=st.sampled_from(["r", "q", None]),
    )
    def keep(self, number: int, finish: str | None, request: str | None) -> None:
        """An answer ends."""
        talk = self.talk(number)
        if talk.open is None:
            return
        turn, (begun, placement) = replace(talk.so_far, finish=finish), talk.open
        if begun.id not in {each.id for each in talk.state.turns}:
            state, entry = after(talk.state, turn, placement)
        elif turn.text == begun.text:  # nothing more came
            state, request = talk.state, None
            entry = replace(state.history[0], turn=turn)
        else:
            swapped = history.swap(talk.state.history, turn)
            state, request = replace(talk.state, history=swapped), None
            [entry] = [each for each in swapped if each.turn.id == turn.id]
        if request and finish in ("stop", "length") and turn.text:
            newest = self.answers.get(request)
            if newest is None or newest.started < turn.started:
                self.answers[request] = entry.turn
        talk.become(state, entry)
        self.writer.keep(state, entry, fingerprint=request)

    @rule(number=NUMBERS, kept=NUMBERS)
    def undo(self, number: int, kept: int) -> None:
        """Turns are taken back."""
        talk = self.talk(number)
        talk.become(replace(talk.state, history=talk.state.history[:kept]))
        self.writer.keep(talk.state)

    @rule(number=NUMBERS, cell=st.sampled_from("abc"), execution=st.sampled_from("123"))
    def end_execution(self, number: int, cell: str, execution: str) -> None:
        """A cell has made fewer turns than it did before."""
        talk = self.talk(number)
        if cell in {turn.cell for turn in talk.state.turns}:
            left = history.end_execution(talk.state.history, execution)
            talk.become(replace(talk.state, history=left))
            self.writer.keep(talk.state)

    @rule(number=NUMBERS, name=WORDS)
    def fork(self, number: int, name: str) -> None:
        """A conversation goes on in two."""
        old = self.talk(number).state
        state = replace(old, id=f"{old.id}+{len(self.talks)}", name=name)
        self.talks.append(Talk(state))
        self.writer.keep(state)

    @rule(number=NUMBERS)
    def restore(self, number: int) -> None:
        """A conversation is read, and goes on under another id."""
        talk = self.talk(number)
        if talk.state.history:
            self.writer.keep(talk.state)
            self.writer.flush(PATIENCE)
            found = self.writer.read(talk.state.id)
            state = replace(found, id=f"{found.id}+{len(self.talks)}")
            self.talks.append(Talk(state))
            self.writer.keep(state)

    @rule(number=NUMBERS)
    def drop(self, number: int) -> None:
        """A conversation is over, which changes nothing of it."""
        self.writer.drop(self.talk(number).state.id)

    @precondition(lambda self: self.talks)
    @invariant()
    def all_is_there(self) -> None:
        """Everything that was handed over can be read, and nothing else."""
        assert self.writer.flush(PATIENCE)

        for each in self.talks:
            state, others = each.expected
            if state.history or others:
                versions = self.writer.versions(state.id)

                assert state == self.writer.read(state.id)
                assert others == {entry.turn.id: entry for entry in versions}

        for request in ("r", "q"):
            found = self.writer.answer(request, since=0)

            assert self.answers.get(request) == found


Machine.TestCase.settings = settings(
    max_examples=50 if ALL else 20, stateful_step_count=30
)
TestMachine = Machine.TestCase
