"""What the journal costs, with one process and with twenty at once.

Each process asks 200 times as a conversation does it: it notes the question, waits
until that is in the file (as a request does, though that waits for 50 ms at the most),
notes one growth and the end. The floor is what SQLite takes to commit one row of the
same size on the caller's thread.
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from figures import FLOOR, Figure, slowest
from journals import after, answered
from report import show
from turns import pieces, with_text

from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State

PROCESSES = 20
TURNS = 200
KEEPS = 100
PATIENCE = 60.0
BETWEEN = 0.02
"""Seconds between two turns: twenty people, each of whom is very fast."""


def figures(_url: str = "") -> Iterator[Figure]:
    """Measure turns alone and at once, the file's size, and long conversations."""
    yield from _turns(1)
    yield _bare()
    yield from _turns(PROCESSES)
    yield from _sizes()
    yield from _keeps()


def _turns(count: int) -> Iterator[Figure]:
    """Measure turns in *count* processes that write to one file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "journal.sqlite"
        command = [sys.executable, __file__, str(file)]
        started = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None

            process.stdin.write("go\n")
            process.stdin.flush()
        found = [json.loads(process.communicate()[0]) for process in started]
        assert Journal(file).size().turns == count * TURNS

    called = [time for calls, _ in found for time in calls]
    written = [time for _, waits in found for time in waits]
    who = "one process" if count == 1 else f"{count} processes at once"
    yield slowest(called, f"journal: a turn on the caller's thread, {who}", 10)
    yield slowest(written, f"journal: until a question is in the file, {who}")


def _bare() -> Figure:
    """Commit rows by SQLite alone, in the journal's mode."""
    with TemporaryDirectory() as folder:
        file = sqlite3.connect(Path(folder) / "bare.sqlite", isolation_level=None)
        file.execute("PRAGMA journal_mode = wal")
        file.execute("CREATE TABLE turns (text)")
        took = []
        for _ in range(TURNS):
            begun = perf_counter()
            file.execute("INSERT INTO turns VALUES (?)", ("x" * 1_000,))
            took.append((perf_counter() - begun) * 1_000)
        file.close()
    what = "journal: a turn on the caller's thread, one process"
    return replace(slowest(took, what), who=FLOOR)


def _ask(file: Path) -> tuple[list[float], list[float]]:
    """Ask, and return the ms that each turn took of the caller, and to be written."""
    journal, state, placement = Journal(file), State(name="main"), Placement()
    called, written = [], []
    for _ in range(TURNS):
        turn = answered("x" * 1_000, prompt="y" * 100)
        half = with_text(turn, "", finish="interrupted")
        begun = perf_counter()
        known = journal.begin(state, half, placement)
        first = perf_counter()
        known.result(PATIENCE)
        known_at = perf_counter()
        journal.grow(turn.id, pieces(text=turn.text[:500]))
        state, entry = after(state, turn, placement)
        journal.keep(state, entry)
        ended = perf_counter()
        called.append((first - begun + ended - known_at) * 1_000)
        written.append((known_at - begun) * 1_000)
        sleep(BETWEEN)
    assert journal.flush(PATIENCE)
    assert journal.problem == ""

    return called, written


def _sizes() -> Iterator[Figure]:
    for size in (1_000, 4_000):
        with TemporaryDirectory() as folder:
            journal = Journal(Path(folder) / "journal.sqlite")
            state = State(name="main")
            for _ in range(TURNS):
                turn = answered("x" * size, prompt="y" * 100)
                state, entry = after(state, turn)
                journal.keep(state, entry)
            journal.close()
            used = journal.size().bytes / TURNS
        yield Figure(
            what=f"journal: disk, per turn with an answer of {size / 1_000:g} KB",
            value=used / 1_000,
            unit=" KB",
        )


def _keeps() -> Iterator[Figure]:
    """Measure how long one more turn takes to be written, in short and long talks."""
    for length in (10, 1_000):
        with TemporaryDirectory() as folder:
            journal = Journal(Path(folder) / "journal.sqlite")
            state = State(name="main")
            for _ in range(length):
                state, _ = after(state, answered("x" * 1_000))
            journal.keep(state)
            assert journal.flush(PATIENCE)

            found = []
            for _ in range(KEEPS):
                changed, entry = after(state, answered("x" * 1_000))
                begun = perf_counter()
                journal.keep(changed, entry)
                assert journal.flush(PATIENCE)

                found.append((perf_counter() - begun) * 1_000)
            journal.close()
        what = f"journal: until a turn is in the file, after {length:,} others"
        yield slowest(found, what)


def _process() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_ask(Path(sys.argv[1]))))


if __name__ == "__main__":
    _process() if len(sys.argv) > 1 else show(figures)
