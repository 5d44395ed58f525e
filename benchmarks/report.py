"""What was measured, as tables that people read and one chart."""

import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import peers
from asking import private
from contestants import WITHOUT
from figures import FLOOR, OURS, Figure
from sse_server import start

Measure = Callable[[str], Iterator[Figure]]

_VERSIONS = (
    "apertis-magic",
    "ipython",
    "ipykernel",
    "jupyterlab",
    "httpx",
    "anywidget",
)


def show(measure: Measure) -> None:
    """Measure beside a server, and print each figure as it is known."""
    with private(), start() as url:
        for figure in measure(url):
            print(line(figure), flush=True)


def line(figure: Figure) -> str:
    """Return a figure as one line of a terminal."""
    bound = "" if figure.most is None else f" [bound {figure.most:g}{figure.unit}]"
    missed = " MISSED" if figure.holds is False else ""
    note = f" ({figure.note})" if figure.note else ""
    return f"{figure.what} | {figure.who}: {figure.shown}{bound}{missed}{note}"


def page(found: Sequence[Figure], chart: str) -> str:
    """Return all that was measured as a Markdown page.

    Args:
        found: the figures, in their order.
        chart: the picture's file name.
    """
    return "\n\n".join(
        [
            f"Measured on {_machine()}",
            f"![Four figures of each, as bars]({chart})",
            "## Bounds",
            _bounds(found),
            "## Beside the others",
            _beside(found),
            "## Without a bound",
            _told(found),
        ]
    )


def _machine() -> str:
    known = Path("/proc/cpuinfo")
    told = known.read_text() if known.exists() else ""
    model = re.search(r"model name\s*: (.*)", told)
    cpu = model[1] if model else platform.machine()
    ours = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    theirs = ", ".join(each for wanted in peers.WANTED.values() for each in wanted)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {cpu}, load average "
        f"{os.getloadavg()[1]:.1f}, {platform.system()}, Python "
        f"{platform.python_version()}, {ours}. The others: "
        f"{theirs.replace('==', ' ')}."
    )


def _bounds(found: Sequence[Figure]) -> str:
    floors = {f.what: f.shown for f in found if f.who == FLOOR}
    lines = [
        (
            f.what,
            f.shown,
            f"{f.most:g}{f.unit}",
            _verdict(f),
            floors.get(f.what, ""),
            f.note,
        )
        for f in found
        if f.most is not None
    ]
    return _table(("what", "figure", "bound", "holds", FLOOR, ""), lines)


def _verdict(figure: Figure) -> str:
    return {True: "yes", False: "**no**", None: "not measured"}[figure.holds]


def _beside(found: Sequence[Figure]) -> str:
    """Return a line for each thing that others were measured at too."""
    compared = _compared(found)
    names = sorted(dict.fromkeys(f.who for f in found), key=_place)
    notes: dict[str, int] = {}
    lines = []
    for what in compared:
        figures = {f.who: f for f in found if f.what == what}
        cells = [_cell(figures.get(name), name, notes) for name in names]
        lines.append((what, *cells))
    told = "\n".join(f"{number}. {note}" for note, number in notes.items())
    return f"{_table(('what', *names), lines)}\n\n{told}"


def _compared(found: Sequence[Figure]) -> list[str]:
    return list(dict.fromkeys(f.what for f in found if f.who not in (OURS, FLOOR)))


def _place(name: str) -> tuple[bool, bool, bool]:
    return name != OURS, name != FLOOR, name not in WITHOUT


def _cell(figure: Figure | None, name: str, notes: dict[str, int]) -> str:
    if figure is not None and figure.value is not None:
        return figure.shown
    why = figure.note if figure is not None else WITHOUT.get(name, "")
    return f"- ({notes.setdefault(why, len(notes) + 1)})" if why else ""


def _told(found: Sequence[Figure]) -> str:
    compared = _compared(found)
    bounded = {f.what for f in found if f.most is not None}
    lines = [
        (f.what if f.who == OURS else f"{f.what}, {f.who}", f.shown, f.note)
        for f in found
        if f.what not in compared and f.what not in bounded
    ]
    return _table(("what", "figure", ""), lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    numbers = ["--:" if name else "---" for name in head]
    rows = [head, ["---", *numbers[1:]], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
