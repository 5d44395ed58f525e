"""All that is measured, into ``build/bench``: a page, a chart and the figures.

    PYTHONPATH=tests python benchmarks/everything.py [--docs]

Each part can be run by itself, as in ``PYTHONPATH=tests python benchmarks/loading.py``.
Other work on the machine shows in the times; bytes and counts hardly change. Linux.
"""

import argparse
import json
import shutil
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from time import monotonic

import chart
import connections
import decode
import first_text
import flat_out
import growth
import in_browser
import interrupts
import journal
import loading
import paced
import panel  # noqa: ICN001  ours
from asking import private
from figures import Figure
from report import Measure, line, page
from sse_server import start

FOLDER = Path("build/bench")
DOCS = Path("docs")
PARTS = (
    loading,
    flat_out,
    in_browser,
    first_text,
    interrupts,
    journal,
    panel,
    growth,
    decode,
)
COUNTED = (paced, connections)
"""Counts and bytes, which may be had at the same time."""


def main() -> int:
    """Measure all and write the report; return 1 if a part failed, else 0."""
    parser = argparse.ArgumentParser(description="measure apertis_magic and its peers")
    parser.add_argument(
        "--docs", action="store_true", help="also renew the page in docs"
    )
    given = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with private():
        found = list(_measured())
    chart.draw(found, FOLDER / "benchmarks.svg")
    (FOLDER / "benchmarks.md").write_text(page(found, "benchmarks.svg") + "\n")
    figures = [asdict(figure) for figure in found]
    (FOLDER / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written: {FOLDER}/benchmarks.md, benchmarks.svg, figures.json")
    if given.docs:
        _renew(DOCS / "benchmarks.md")
    missed = [figure.what for figure in found if figure.holds is False]
    print(f"bounds missed: {', '.join(missed) or 'none'}")
    return int(any(f.most is not None and f.value is None for f in found))


def _measured() -> Iterator[Figure]:
    for part in PARTS:
        yield from _part(part.figures)
    with ThreadPoolExecutor(len(COUNTED)) as pool:
        measures = [part.figures for part in COUNTED]
        for found in pool.map(lambda measure: list(_part(measure)), measures):
            yield from found


def _part(measure: Measure) -> Iterator[Figure]:
    """Measure one part; where it fails, the others must not have been for nothing."""
    begun = monotonic()
    try:
        with start() as url:
            for figure in measure(url):
                print(line(figure), flush=True)
                yield figure
    except Exception as error:  # noqa: BLE001  see above
        traceback.print_exc()
        why = f"{measure.__module__} failed: {error!r:.200}"
        yield Figure(what=measure.__module__, value=None, most=0, note=why)
    took = f"{measure.__module__} took {monotonic() - begun:.0f} s"
    print(took, file=sys.stderr, flush=True)


_MARK = "<!-- what follows is written by benchmarks/everything.py --docs -->\n"


def _renew(file: Path) -> None:
    """Put the report below the mark of the page that people read."""
    above = file.read_text().partition(_MARK)[0]
    file.write_text(above + _MARK + "\n" + (FOLDER / "benchmarks.md").read_text())
    shutil.copy(FOLDER / "benchmarks.svg", file.with_suffix(".svg"))


if __name__ == "__main__":
    sys.exit(main())
