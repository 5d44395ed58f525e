"""Journals damaged in thousands of ways: what can be read is, and the chat goes on."""

import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from journals import PATIENCE, after, answered, is_one_line, talk
from scale import ALL
from turns import pieces

from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell
from apertis_magic.errors import ApertisError

ROUNDS = 2_000 if ALL else 25
PAGE = 4_096
VALUES: list[Any] = [
    None,
    -1,
    0,
    2**63 - 1,
    -(2**63),
    1e308,
    float("inf"),
    "",
    "x",
    "{",
    "[]",
    '{"prompt": 1}',
    '{"cell": []}',
    "[" * 3_000,
    "\0",
    b"",
    b"\xff\x00",
    b"\xed\xa0\x80",
    "2026-01-01",
]
TABLES = {
    "conversation": "id name notebook model system changed dropped revision".split(),
    "turn": (
        "id started open conversation place request tokens cost saved cached data"
    ).split(),
    "entry": "conversation id turn slot position made execution".split(),
    "piece": "turn answer kind data".split(),
    "swept": ["at"],
}


def filled(file: Path, *, is_left_open: bool) -> list[State]:
    """Make a journal with all that can be in one; return its conversations."""
    states = [talk("a" * 2_000, "b", name=f"talk {n}") for n in range(8)]
    journal = Journal(file)
    for state in states:
        journal.keep(state, state.history[-1], fingerprint="r")
        more, entry = after(state, answered("more"))
        journal.keep(more, entry)
        journal.keep(state)
    half = answered("", finish="interrupted")
    journal.begin(State(name="open"), half, Placement(cell=Cell("c", "e")))
    journal.grow(half.id, pieces(text="half", reasoning="hm"))
    journal.flush(PATIENCE)
    if is_left_open:  # as a kernel leaves it that is killed
        shutil.copytree(file.parent, file.parent.with_name("killed"))
    journal.close()
    return states


def damage_bytes(file: Path, random: Random) -> None:
    """Turn bytes, swap, empty or cut pages of a file, or of its log."""
    log = file.with_name(file.name + "-wal")
    if log.exists() and random.random() < 0.3:
        file = log
    content = bytearray(file.read_bytes())
    pages = max(len(content) // PAGE, 1)
    match random.randrange(6):
        case 0 | 1:
            for _ in range(random.choice([1, 5, 50])):
                content[random.randrange(len(content))] = random.randrange(256)
        case 2:
            at = random.randrange(pages) * PAGE
            content[at : at + PAGE] = random.randbytes(PAGE)
        case 3:
            at = random.randrange(pages) * PAGE
            content[at : at + PAGE] = bytes(PAGE)
        case 4:
            del content[random.randrange(len(content)) :]
        case _:
            at, other = (random.randrange(pages) * PAGE for _ in range(2))
            content[at : at + PAGE] = content[other : other + PAGE]
    file.write_bytes(content)


def damage_rows(file: Path, random: Random) -> None:
    """Put into some columns what does not belong there, or take rows away."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        for _ in range(random.choice([1, 1, 3, 20])):
            table = random.choice([*TABLES])
            column = random.choice(TABLES[table])
            with suppress(sqlite3.Error, OverflowError):
                some = random.choice(["", *[" WHERE abs(random()) % 4 = 0"] * 9])
                if random.random() < 0.1:
                    db.execute(f"DELETE FROM {table}{some}")  # noqa: S608  names of ours
                else:
                    change = f"UPDATE OR REPLACE {table} SET {column} = ?{some}"  # noqa: S608  names of ours
                    db.execute(change, [random.choice(VALUES)])


def looked_at(journal: Journal) -> set[str]:
    """Read all of a journal; return the ids of the turns that are there."""
    found: set[str] = set()
    for kept in journal.conversations():
        assert 0 <= kept.changed < 1e12

        try:
            found |= {turn.id for turn in journal.read(kept.id).turns}
            journal.versions(kept.id)
        except ApertisError as error:
            if "damaged" not in str(error) and "not in the journal" not in str(error):
                raise
    journal.answer("r", since=0)
    journal.spent()
    journal.size()
    news = journal.news_of_damage()

    assert not news or is_one_line(news)

    return found


def outlives(file: Path, states: list[State]) -> str:
    """Use a damaged journal; return in a word what became of what it held."""
    journal = Journal(file, days=90)
    try:
        found = looked_at(journal)
    except ApertisError as error:
        if not is_one_line(str(error)):
            pytest.fail(repr(str(error)))
        found = set()
    new = talk("new", name="new")
    journal.keep(new)
    gone_on, entry = after(states[0], answered("gone on"))
    journal.keep(gone_on, entry)
    journal.flush(PATIENCE)
    if "newer version" in journal.problem:  # its number was turned
        journal.close()
        return "nothing"
    if journal.problem:
        assert is_one_line(journal.problem)

    assert new == journal.read(new.id)
    assert gone_on.turns == journal.read(gone_on.id).turns

    looked_at(journal)
    journal.close()
    again = Journal(file)

    assert {new.id, gone_on.id} <= {each.id for each in again.conversations()}

    again.keep(replace(new, name="renamed"))
    again.close()
    every = {turn.id for state in states for turn in state.turns}
    lost = len(every - found)
    return "all" if not lost else "nothing" if lost == len(every) else "a part"


@pytest.mark.parametrize("kind", [damage_bytes, damage_rows])
def test_damaged_journals(tmp_path: Path, kind: Any) -> None:
    """No error but ours, all that comes is written, and much of the old is there."""
    random = Random(11)  # noqa: S311  anything
    sound = tmp_path / "sound" / "journal.sqlite"
    states = filled(sound, is_left_open=True)
    outcomes = Counter[str]()
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        origin = random.choice([sound.parent, tmp_path / "killed"])
        shutil.copytree(origin, folder)
        file = folder / "journal.sqlite"
        kind(file, random)
        outcomes[outlives(file, states)] += 1
        shutil.rmtree(folder)
    print(f"\n{ROUNDS} journals, found of what they held: {dict(outcomes)}")  # noqa: T201  for a person, with -s

    # Without the first page, or the half of the file, nothing is to be found.
    assert outcomes["nothing"] < ROUNDS / 2
