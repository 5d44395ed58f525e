"""The journal with damaged rows and pages, refused changes and wrong clocks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import time

import pytest
from conftest import Shell
from journals import PATIENCE, after, answered, is_one_line, query, saved, talk
from turns import pieces

from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal import sweeping
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell, Turn

DAY = 86_400.0
FIRST = replace(talk("one", "two", "three", name="first"), id="a" * 32)
OTHER = replace(talk("four", "five", name="other"), id="b" * 32)
OPEN = State(id="c" * 32, name="open")
HALF = answered("", finish="interrupted")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a journal's file: two conversations, a version, an answer under way."""
    journal = Journal(tmp_path / "data" / "journal.sqlite")
    journal.keep(FIRST)
    journal.keep(replace(OTHER, history=(*OTHER.history, *talk("gone").history)))
    journal.keep(OTHER)
    journal.begin(OPEN, HALF, Placement(cell=Cell("c1", "e1")))
    journal.grow(HALF.id, pieces(text="half an "))
    journal.grow(HALF.id, pieces(text="answer"))
    journal.close()
    return journal.file


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    """Yield that journal, which is closed afterwards."""
    made = Journal(file)
    yield made
    made.close()


MARK = FIRST.turns[1].id
TURN = "UPDATE turn SET {} WHERE id = :mark"
ENTRY = "UPDATE entry SET {} WHERE id = :mark"
ROW = "UPDATE conversation SET {} WHERE name = 'first'"
PIECE = "UPDATE piece SET {} WHERE rowid = 1"
UNDER_WAY = "UPDATE turn SET {} WHERE open"

# What was done to one row, and what is told of it.
ROWS = {
    TURN.format("data = '{no'"): "1 turn of first",
    TURN.format("data = '[1]'"): "1 turn of first",
    TURN.format("data = 'null'"): "1 turn of first",
    TURN.format("data = x'80ff00'"): "1 turn of first",
    TURN.format("data = CAST(x'7b2280ff227d' AS TEXT)"): "1 turn of first",
    TURN.format("data = 7"): "1 turn of first",
    TURN.format(f"data = '{'[' * 5_000}'"): "1 turn of first",
    TURN.format(f"data = '{{\"prompt\": {'9' * 5_000}}}'"): "1 turn of first",
    "DELETE FROM turn WHERE id = :mark": "1 turn of first",
    TURN.format("started = 'noon', tokens = 'many', cost = x'00', cached = 'x'"): "",
    TURN.format("cached = 9223372036854775807, saved = 1e308, cost = -1e308"): "",
    TURN.format("id = x'00'"): "",
    ENTRY.format("position = 0"): "",
    ENTRY.format("position = 'first'"): "",
    ENTRY.format("position = 9223372036854775807"): "",
    ENTRY.format("made = 'x'"): "",
    ENTRY.format("made = 9223372036854775807"): "",
    ENTRY.format("slot = x'ff', execution = 7"): "",
    ENTRY.format("turn = 'x'"): "1 turn of first",
    ROW.format("changed = 'yesterday'"): "",
    ROW.format("changed = 9e999"): "",
    ROW.format("changed = x'00'"): "",
    ROW.format("name = x'00ff'"): "",
    ROW.format("name = 7, model = x'ff', system = 1.5, notebook = x'80'"): "",
    ROW.format("name = CAST(x'80ff' AS TEXT)"): "",
    ROW.format("dropped = 'no', revision = x'ff'"): "",
    PIECE.format("kind = 'song'"): "1 piece of an answer",
    PIECE.format("kind = 'source', data = x'5b'"): "1 piece of an answer",
    PIECE.format("kind = 'tool_call', data = CAST('[1]' AS BLOB)"): "1 piece of",
    PIECE.format("data = 'a text'"): "1 piece of an answer",
    PIECE.format("answer = 'x'"): "1 piece of an answer",
    PIECE.format("data = x'ff'"): "1 piece of an answer",
    UNDER_WAY.format("place = NULL"): "",
    UNDER_WAY.format("place = '{'"): "",
    UNDER_WAY.format("place = x'00'"): "",
    UNDER_WAY.format("""place = '{"cell": 3, "append": "x", "replaces": 1}'"""): "",
    UNDER_WAY.format("data = '[]'"): "1 turn of open",
    "UPDATE swept SET at = 'never'": "",
    "INSERT INTO conversation VALUES (x'00', 1, 2, 3, 4, 'x', 'y', 5)": "1 conv",
    "INSERT INTO conversation VALUES (NULL, '', '', '', '', 0, 0, '')": "1 conv",
}


def harm(file: Path, statement: str, mark: str = MARK) -> None:
    """Run a statement on the turn that *mark* names."""
    query(file, statement.replace(":mark", f"'{mark}'"))


@pytest.mark.parametrize("damage", ROWS, ids=range(len(ROWS)))
def test_a_damaged_row(journal: Journal, damage: str) -> None:
    """It costs no more than itself, is told once, and what comes is written."""
    harm(journal.file, damage)
    kept = {each.id: each for each in journal.conversations()}
    standing = {turn.id for turn in journal.read(FIRST.id).turns}
    versions = journal.versions(OTHER.id)
    if OPEN.id in kept:
        journal.read(OPEN.id)

    assert {FIRST.id, OTHER.id} <= kept.keys()
    assert {FIRST.turns[0].id, FIRST.turns[2].id} <= standing
    assert standing <= {turn.id for turn in FIRST.turns}
    assert saved(journal, OTHER)
    assert ["gone"] == [entry.turn.text for entry in versions]
    assert all(0 <= each.changed < 1e12 for each in kept.values())
    assert 5 <= journal.spent().turns <= 6
    assert ROWS[damage] in (news := journal.news_of_damage())
    assert bool(ROWS[damage]) == is_one_line(news)

    journal.conversations()

    assert "" == journal.news_of_damage()

    for state in (FIRST, OTHER):
        more, entry = after(state, answered("more"))
        journal.keep(more, entry)

        assert saved(journal, more)
    assert "" == journal.problem


def test_a_conversation_of_which_nothing_can_be_read(journal: Journal) -> None:
    """One line says so; the others are there."""
    query(journal.file, "UPDATE turn SET data = '{' WHERE data LIKE '%four%'")
    query(journal.file, "UPDATE turn SET data = 3 WHERE data LIKE '%five%'")

    with pytest.raises(Exception, match="cannot be read: its turns") as caught:
        journal.read(OTHER.id)

    assert is_one_line(str(caught.value))
    assert saved(journal, FIRST)


@pytest.mark.parametrize("writer", ["the same", "the next", "a salvaged one's"])
def test_the_number_of_a_turn_that_is_lost(journal: Journal, writer: str) -> None:
    """What comes next may get it, and is not taken for the turn that is lost."""
    query(journal.file, "DELETE FROM turn WHERE key >= (SELECT min(turn) FROM entry)")
    if writer != "the same":
        journal.close()
    if writer == "a salvaged one's":
        query(journal.file, "DROP INDEX entry_turn")  # and its page is another's
        query(journal.file, "DROP TABLE swept")
    news = [talk(*"abcdef", name=f"new {number}") for number in range(3)]
    for state in news:
        journal.keep(state)
    journal.flush(PATIENCE)
    new = {turn.id for state in news for turn in state.turns}
    found = {each.id: journal.read(each.id) for each in journal.conversations()}

    assert {state.id for state in news} <= found.keys()
    for state in news:
        assert state.turns == found.pop(state.id).turns
    assert not new & {turn.id for state in found.values() for turn in state.turns}
    assert 0 == journal.spent(conversation=FIRST.id).turns


@pytest.mark.parametrize(
    "lost", ["DELETE FROM conversation", "UPDATE conversation SET id = x'00'"]
)
def test_turns_whose_conversation_is_lost(journal: Journal, lost: str) -> None:
    """They are not swept away as nobody's, but are in one again, under its id."""
    query(journal.file, f"{lost} WHERE name = 'first'")
    query(journal.file, "UPDATE swept SET at = at - ?", 2 * DAY)
    journal.keep(OTHER)
    journal.flush(PATIENCE)

    assert set(_texts(FIRST.turns)) == set(_texts(journal.read(FIRST.id).turns))
    assert FIRST.id in {each.id for each in journal.conversations()}


def test_what_the_user_is_told_of_damage(shell: Shell, file: Path) -> None:
    """A line behind the command that met it, and not again."""
    kept = Path(os.environ["XDG_DATA_HOME"], "apertis_magic", "journal.sqlite")
    kept.parent.mkdir(parents=True)
    shutil.copy(file, kept)
    harm(kept, TURN.format("data = '{'"))
    harm(kept, TURN.format("data = '{'"), FIRST.turns[0].id)
    from IPython.utils.capture import capture_output

    with capture_output() as first:
        shell.run("%chat restore first")
    with capture_output() as second:
        shell.run("%chat restore first")

    assert "left out: 2 turns of first." in first.stdout
    assert "left out" not in second.stdout


def _large(file: Path) -> list[State]:
    """Fill a journal with conversations of several pages each."""
    states = [
        replace(
            talk(*[f"{n} {m} " + "x" * 1_500 for m in range(4)], name=str(n)),
            id=f"id-{n}",
        )
        for n in range(12)
    ]
    journal = Journal(file)
    for state in states:
        journal.keep(state)
    journal.close()
    return states


ROOT = "SELECT rootpage FROM sqlite_master WHERE name = 'turn'"


@pytest.mark.parametrize("writes", [False, True], ids=["read", "written"])
def test_damaged_pages(tmp_path: Path, *, writes: bool) -> None:
    """Whichever page it is, all turns but those on it are read, and go on."""
    states = _large(tmp_path / "sound" / "journal.sqlite")
    sound = (tmp_path / "sound" / "journal.sqlite").read_bytes()
    every = {turn.id for state in states for turn in state.turns}
    noise = Random(1)  # noqa: S311  anything
    # Without the root of their table turns cannot be found.
    [[root]] = query(tmp_path / "sound" / "journal.sqlite", ROOT)
    pages = [n for n in range(1, len(sound) // 4096) if n != root - 1]
    told = 0
    for page in pages[: 4 if writes else None]:
        file = tmp_path / str(page) / "journal.sqlite"
        file.parent.mkdir()
        at = page * 4096
        file.write_bytes(sound[:at] + noise.randbytes(4096) + sound[at + 4096 :])
        journal = Journal(file)
        if writes:
            for state in states:
                more, entry = after(state, answered("more"))
                journal.keep(more, entry)

                assert saved(journal, more)
            journal.close()
        kept = journal.conversations()
        found = {turn.id for each in kept for turn in journal.read(each.id).turns}
        told += bool(journal.problem)

        assert len(every - found) <= 3  # a page has two and a half of them

        journal.close()

    assert writes or told > len(pages) / 3


REFUSALS = {
    "its turn": "BEFORE INSERT ON turn WHEN new.data LIKE '%refused%'",
    "its entry": "BEFORE INSERT ON entry WHEN new.conversation = 'refused'",
    "its conversation": "BEFORE INSERT ON conversation WHEN new.id = 'refused'",
}


@pytest.mark.parametrize("when", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("how", ["ABORT", "FAIL", "ROLLBACK"])
def test_a_change_that_is_refused(journal: Journal, when: str, how: str) -> None:
    """It costs no other, is told, and is made as soon as it can be."""
    query(
        journal.file,
        f"CREATE TRIGGER no {when} BEGIN SELECT RAISE({how}, 'not this one'); END",
    )
    refused = replace(talk("fine", "refused", "fine too"), id="refused")
    others = [talk(str(number)) for number in range(5)]
    for state in (*others[:3], refused, *others[3:]):
        journal.keep(state)

    assert [True] * 5 == [saved(journal, state) for state in others]
    assert "not this one" in journal.problem
    assert is_one_line(journal.problem)
    assert not journal.flush(PATIENCE)

    query(journal.file, "DROP TRIGGER no")
    journal.keep(others[0])

    assert saved(journal, refused)
    assert "" == journal.problem
    assert journal.flush(PATIENCE)


def test_a_turn_that_is_never_taken(journal: Journal) -> None:
    """The turns around it are written, it is tried ever more seldom, and told."""
    condition = "WHEN new.data LIKE '%refused%'"
    query(
        journal.file,
        f"CREATE TRIGGER no BEFORE INSERT ON turn {condition} "
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    state = talk("first", "refused")
    journal.keep(state)
    for number in range(100):
        state, entry = after(state, answered(str(number)))
        journal.keep(state, entry)
    journal.flush(PATIENCE)
    taken = [turn for turn in state.turns if turn.text != "refused"]

    assert taken == list(journal.read(state.id).turns)
    assert "1 change is not in the journal" in journal.problem

    shorter = replace(state, history=state.history[:1])
    journal.keep(shorter)

    assert saved(journal, shorter)


def test_what_was_refused_does_not_bring_back_an_older_state(journal: Journal) -> None:
    """It is tried again after a later one, which holds."""
    query(
        journal.file,
        "CREATE TRIGGER no BEFORE INSERT ON turn WHEN new.data LIKE '%refused%' "
        "BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    first = talk("one", "refused")
    failed = answered("", finish="error", prompt="refused too")
    _, version = after(first, failed)
    then = replace(first, name="renamed", history=first.history[:1])
    journal.begin(first, replace(failed, finish="interrupted"), Placement())
    journal.grow(failed.id, pieces(text="refused"))
    journal.keep(first, version)
    journal.keep(then)
    journal.flush(PATIENCE)
    query(journal.file, "DROP TRIGGER no")
    journal.keep(talk("x"))

    assert saved(journal, then)
    assert "" == journal.problem
    assert failed.id in {entry.turn.id for entry in journal.versions(first.id)}


ONE_TOO_LARGE = """
import resource, sys
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import is_one_line, saved, talk
journal = Journal(Path(sys.argv[1]))
first = talk("first")
journal.keep(first)
assert saved(journal, first)
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, unlimited[1]))
large, small = talk("x" * 1_000_000), talk("small")
for state in (large, small):
    journal.keep(state)
assert not journal.flush(60)
assert saved(journal, small)
assert is_one_line(journal.problem), journal.problem
later = talk("later")
journal.keep(later)
assert saved(journal, later)
resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
journal.keep(small)
assert saved(journal, large)
assert journal.problem == "", journal.problem
journal.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
def test_one_change_that_the_disk_has_no_room_for(tmp_path: Path) -> None:
    """Those that fit are written, and it as soon as there is room."""
    _run(ONE_TOO_LARGE, tmp_path / "data" / "journal.sqlite")


def _run(code: str, *arguments: object) -> None:
    """Run code in a process of its own, which ends well."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)


NO_ROOM_TO_MEND = """
import resource, sys
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import PATIENCE, is_one_line, saved, talk
file = Path(sys.argv[1])
damaged = file.read_bytes()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
journal = Journal(file)
new = talk("new")
journal.keep(new)
assert not journal.flush(PATIENCE)
assert is_one_line(journal.problem) and "cannot be written" in journal.problem
assert damaged == file.read_bytes(), "it is replaced"
assert len(journal.conversations()) > 8, "nothing can be read"
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.keep(talk("more"))
assert journal.flush(PATIENCE), journal.problem
assert saved(journal, new)
assert len(journal.conversations()) > 10, "nothing is salvaged"
assert "is set aside" in journal.problem
journal.close()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limits")
@pytest.mark.parametrize("room", [40_000, 90_000])
def test_a_damaged_journal_that_the_disk_has_no_room_to_mend(
    tmp_path: Path, room: int
) -> None:
    """It stays as it is, is read, and is mended once there is room."""
    file = tmp_path / "data" / "journal.sqlite"
    _large(file)
    content = file.read_bytes()
    at = len(content) // 2 // 4096 * 4096
    file.write_bytes(content[:at] + b"\xff" * 4096 + content[at + 4096 :])

    _run(NO_ROOM_TO_MEND, file, room)


def _set_clock(file: Path, ahead: float) -> None:
    """Have the clock of whoever opens the file be so much ahead of what it holds."""
    query(file, "UPDATE conversation SET changed = changed - ?", ahead)
    query(file, "UPDATE turn SET started = started - ?", ahead)
    query(file, "UPDATE swept SET at = at - ?", ahead)


def _open(file: Path, *states: State) -> set[str]:
    """Open a journal, write to it, and return whose conversations it has then."""
    journal = Journal(file, days=90)
    for state in states or (OTHER,):
        journal.keep(state)
    journal.close()
    return {each.id for each in journal.conversations()}


JUMPS = {"2099": 73 * 365 * DAY, "a year": 365 * DAY, "1970": -56 * 365 * DAY}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_a_clock_that_is_wrong_for_some_days(file: Path, jump: float) -> None:
    """Nothing is lost, neither meanwhile nor afterwards, also of what was said then."""
    now = [turn.id for turn in FIRST.turns]
    query(file, "UPDATE turn SET started = strftime('%s', 'now')")
    meanwhile = replace(talk("meanwhile"), id="d" * 32)
    every = {FIRST.id, OTHER.id, OPEN.id, meanwhile.id}
    _set_clock(file, jump)
    found = [_open(file, meanwhile)]
    for _ in range(3):
        _set_clock(file, DAY + 60)
        found.append(_open(file, meanwhile))
    _set_clock(file, -jump)
    found.append(_open(file))
    for _ in range(3):
        _set_clock(file, DAY + 60)
        found.append(_open(file))

    assert [every] * 8 == found
    assert now == [turn.id for turn in Journal(file).read(FIRST.id).turns]

    passed = 6 * (DAY + 60)
    moments = query(file, "SELECT changed FROM conversation WHERE id = ?", FIRST.id)
    moments += query(file, "SELECT started FROM turn WHERE id = ?", now[0])

    assert [time() - passed] * 2 == pytest.approx([at for (at,) in moments], abs=3_600)


@pytest.mark.parametrize("opened", [[], [9e9], [9e9, 9e9 + DAY]])
def test_what_was_changed_in_the_future_does_not_stay_for_ever(
    file: Path, opened: list[float]
) -> None:
    """Nor does what has no time at all: both count as of today, and go in time."""
    for at in opened:
        query(file, "INSERT INTO swept VALUES (?)", at)
    query(file, "UPDATE conversation SET changed = 9e9 WHERE id LIKE 'a%'")
    query(file, "UPDATE conversation SET changed = 'x' WHERE id LIKE 'c%'")
    for _ in range(28):
        _set_clock(file, 5 * DAY)
        found = _open(file)

    assert {OTHER.id} == found


OPENED = [
    ([100.0], 90, 10.0),
    ([100.0, 99.0], 90, 10.0),
    ([100.0, 95.0, 90.0], 5, 95.0),
    ([100.0, 95.0, 90.0], 6, 94.0),
    ([40_000.0, 100.0, 99.0], 90, 11.0),
    ([40_000.0, 100.0, 99.0], 0.5, 100.5),
    ([40_001.0, 40_000.0, 100.0, 70.0, 69.0], 90, 69.0 - 86.0),
]


@pytest.mark.parametrize(("opened", "days", "expected"), OPENED)
def test_how_long_ago_a_day_of_the_journal_is(
    opened: list[float], days: float, expected: float
) -> None:
    """A gap of up to a week counts; a longer one is a day."""
    found = sweeping.oldest([day * DAY for day in opened], days)

    assert expected * DAY == pytest.approx(found)


def test_a_journal_whose_tables_are_gone(journal: Journal) -> None:
    """It is damaged: set aside with what is in it, and the rest goes on."""
    query(journal.file, "DROP TABLE piece")
    more, entry = after(FIRST, answered("more"))
    journal.keep(more, entry)

    assert saved(journal, more)
    assert saved(journal, OTHER)
    assert "set aside" in journal.problem
    assert is_one_line(journal.problem)


def _texts(turns: tuple[Turn, ...]) -> list[str]:
    return [turn.text for turn in turns]


def test_pieces_of_an_answer_around_a_damaged_one(journal: Journal) -> None:
    """The others come back."""
    query(journal.file, "UPDATE piece SET kind = 7 WHERE rowid = 1")

    assert ["answer"] == _texts(journal.read(OPEN.id).turns)
