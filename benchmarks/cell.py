"""What a ``%%chat`` cell costs, beside the bounds that it is to hold.

A real kernel on one side, a server in another process on the other. The table goes to
standard output and to ``build/bench/cell.md``. Other work on the machine shows in the
times, so the load average stands above them; bytes and counts hardly change. Linux.

    PYTHONPATH=tests python benchmarks/cell.py [--long]
"""

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import in_browser
import loading
import moments
import streaming
from asking import cell, private, ready_kernel, run
from sse_server import Script, start, visits
from table import HEAD, Row

REPORT = Path("build/bench/cell.md")
CELLS = 100


def main() -> None:
    """Measure, and print each row as it is known."""
    parser = argparse.ArgumentParser(description="measure a %%chat cell")
    parser.add_argument("--long", action="store_true", help="also 400 KB at 3.6 KB/s")
    long = parser.parse_args().long
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with REPORT.open("w") as report, private(), start() as url:
        for line in _lines(url, long=long):
            print(line, flush=True)
            report.write(line + "\n")


def _lines(url: str, *, long: bool) -> Iterator[str]:
    yield f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {_load()}\n"
    yield HEAD
    yield from map(str, loading.rows())
    yield from map(str, streaming.rows(url, long=long))
    yield from map(str, moments.rows(url))
    yield str(_connections(url))
    yield from map(str, in_browser.rows(url))
    yield f"\nload average at the end {_load()}"


def _load() -> str:
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def _connections(url: str) -> Row:
    before = len(visits(url))
    with ready_kernel(url) as kernel:
        for _ in range(CELLS):
            run(kernel, cell(Script(size=100, seed=1)))
    used = {visit.connection for visit in visits(url)[before:]}
    return Row(what=f"connections opened by {CELLS} cells", figure=len(used), most=1)


if __name__ == "__main__":
    main()
