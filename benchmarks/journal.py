"""What the journal costs, with one process and with twenty at once.

Each process asks 200 times as a conversation does it: it notes the question, waits
until that is in the file (as a request does, though that waits for 50 ms at the most),
notes one growth and the end. The table goes to standard output and to
``build/bench/journal.md``. Linux.

    PYTHONPATH=tests python benchmarks/journal.py
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

from journals import after, answered
from table import HEAD, Row, percentile

from apertis_magic.chat.history import Where
from apertis_magic.chat.journal import Journal
from apertis_magic.chat.state import State

REPORT = Path("build/bench/journal.md")
PROCESSES = 20
TURNS = 200
KEEPS = 100
PATIENCE = 60.0
BETWEEN = 0.02
"""Seconds between two turns: twenty people, each of whom is very fast."""


def main() -> None:
    """Measure, and print each row as it is known."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with REPORT.open("w") as report:
        for line in _lines():
            print(line, flush=True)
            report.write(line + "\n")


def _lines() -> Iterator[str]:
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {_load()}\n"
    yield HEAD
    for count in (1, PROCESSES):
        yield from map(str, _turns(count))
    yield from map(str, _sizes())
    yield from map(str, _keeps())
    yield f"\nload average at the end {_load()}"


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def _turns(count: int) -> Iterator[Row]:
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
    yield _times(f"a turn on the caller's thread, {who}", called, 10)
    yield _times(f"until a question is in the file, {who}", written, None)


def _ask(file: Path) -> tuple[list[float], list[float]]:
    """Ask, and return the ms that each turn took of the caller, and to be written."""
    journal, state, where = Journal(file), State(name="main"), Where()
    called, written = [], []
    for _ in range(TURNS):
        turn = answered("x" * 1_000, prompt="y" * 100)
        half = replace(turn, text="", finish="interrupted")
        begun = perf_counter()
        known = journal.begin(state, half, where)
        first = perf_counter()
        known.result(PATIENCE)
        known_at = perf_counter()
        journal.grow(turn.id, {"text": turn.text[:500]})
        state, entry = after(state, turn, where)
        journal.keep(state, entry)
        ended = perf_counter()
        called.append((first - begun + ended - known_at) * 1_000)
        written.append((known_at - begun) * 1_000)
        sleep(BETWEEN)
    assert journal.flush(PATIENCE)
    assert journal.problem == ""

    return called, written


def _sizes() -> Iterator[Row]:
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
        yield Row(
            what=f"disk, per turn with an answer of {size / 1_000:g} KB",
            figure=used / 1_000,
            unit=" KB",
        )


def _keeps() -> Iterator[Row]:
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
        yield _times(f"until a turn is in a talk of {length}", found, None)


def _times(what: str, found: Sequence[float], most: float | None) -> Row:
    """Return the 95th percentile of some milliseconds."""
    return Row(
        what=f"{what}, 95th percentile of {len(found)}",
        figure=percentile(found, 0.95),
        most=most,
        unit=" ms",
        note=f"median {median(found):.2f} ms, worst {max(found):.0f} ms",
    )


def _process() -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_ask(Path(sys.argv[1]))))


if __name__ == "__main__":
    _process() if len(sys.argv) > 1 else main()
