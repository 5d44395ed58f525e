"""What a reader sees of a long answer in JupyterLab, and what it costs the page."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peers
from answers import END
from contestants import (
    Contestant,
    apertis,
    bare,
    chatlab,
    filled,
    openai,
    ours,
)
from figures import OURS, Figure
from report import show
from sse_server import Script, visits

if TYPE_CHECKING:
    from lab_driver import Lab

_SHORT = "10 KB at 3.6 KB/s"
"""Of 40 KB the peers' pages show the last word minutes later."""

_PACED = "40 KB at 3.6 KB/s"
_LONG = "120 KB flat out"
_SCRIPTS = {
    _SHORT: Script(size=10_000, seed=1, rate=3_600),
    _PACED: Script(size=40_000, seed=1, rate=3_600),
    _LONG: Script(size=120_000, seed=1),
}
_MOST_LATE = {_PACED: 1.5}

_PATIENCE = 60
"""Seconds after the question when a page that still lags behind is given up."""

_WATCH = """end => {
  const seen = window.seen = {ended: 0, longest: 0, moves: 0, at: null};
  const panel = [...document.querySelectorAll('.jp-WindowedPanel-outer')]
    .filter(each => each.offsetParent).pop();
  new PerformanceObserver(list => {
    for (const task of list.getEntries())
      seen.longest = Math.max(seen.longest, task.duration);
  }).observe({type: 'longtask'});
  const look = () => {
    if (seen.at === null && panel.scrollHeight > 3 * panel.clientHeight)
      seen.at = panel.scrollTop = panel.clientHeight;
    if (seen.at !== null && panel.scrollTop !== seen.at) {
      seen.moves += 1;
      seen.at = panel.scrollTop;
    }
    if (!seen.ended && panel.textContent.includes(end)) seen.ended = Date.now() / 1000;
    requestAnimationFrame(look);
  };
  look();
}"""


def figures(url: str) -> Iterator[Figure]:
    """Show answers in JupyterLab, or say what is missing for it."""
    missing = [name for name in ("playwright", "jupyterlab") if not find_spec(name)]
    if missing:
        yield from _not_measured(OURS, f"there is no {', no '.join(missing)}")
        return
    from lab_driver import chromium

    if chromium() is None:
        yield from _not_measured(OURS, "there is no chromium")
        return
    yield from _seen(_LONG, ours, url)
    for contestant in (ours, bare):
        yield from _seen(_PACED, contestant, url)
    for contestant in (ours, bare, openai, chatlab):
        yield from _seen(_SHORT, contestant, url)
    yield from _not_measured(apertis.name, f"the same loop as with the {openai.name}")


def _not_measured(who: str, why: str) -> Iterator[Figure]:
    for seen in (_LATE, _LONGEST, _CPU, _MOVES):
        what = f"browser, {_SHORT}: {seen}"
        yield Figure(what=what, who=who, value=None, note=why)


@contextmanager
def _lab() -> Iterator["Lab"]:
    from lab_driver import browsing, running

    with (
        tempfile.TemporaryDirectory() as folder,
        browsing() as browser,
        running(browser, Path(folder)) as lab,
    ):
        yield lab


def watch(
    lab: "Lab", url: str, contestant: Contestant, script: Script
) -> dict[str, Any] | None:
    """Return what a reader saw who scrolled into an answer while it came.

    None stands for a page that was not there in time.
    """
    setup = filled(contestant.setup, url, script)
    asking = contestant.asking(url, script)
    name = f"{contestant.name} {script}"
    notebook = lab.notebook(name, setup, asking, kernel=contestant.kernel)
    notebook.run_cell(0)
    lab.page.evaluate(_WATCH, END)
    used = _renderers(lab)
    notebook.start_cell(1)
    is_there = "() => seen.ended && seen.at !== null"
    if not _comes_true(lab, is_there):
        return None
    used = _renderers(lab) - used
    lab.page.wait_for_timeout(1_000)  # what the last display still moves
    seen: dict[str, Any] = lab.page.evaluate("seen")
    late = seen["ended"] - visits(url)[-1].ended
    return seen | {"late": late, "cpu": used}


def _comes_true(lab: "Lab", condition: str) -> bool:
    from playwright.sync_api import TimeoutError as TooLate

    try:
        lab.page.wait_for_function(condition, timeout=1000 * _PATIENCE)
    except TooLate:
        return False
    return True


def _renderers(lab: "Lab") -> float:
    """Return the seconds of processor time that the browser's pages have used."""
    assert lab.page.context.browser is not None

    session = lab.page.context.browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(p["cpuTime"] for p in found if p["type"] == "renderer"))


_LATE = "last word after the end"
_LONGEST = "longest task of the page"
_CPU = "CPU of the page"
_MOVES = "moves of the reader"


def _seen(what: str, contestant: Contestant, url: str) -> Iterator[Figure]:
    """Watch somebody in a JupyterLab of its own, since a page may be stuck after it."""
    who, name = contestant.name, f"browser, {what}: "
    if contestant.kernel != "python3" and (why := peers.missing(contestant.kernel)):
        yield from _not_measured(who, why)
        return
    script = _SCRIPTS[what]
    with _lab() as lab:
        seen = watch(lab, url, contestant, script)
    if seen is None:
        late = _PATIENCE - script.size / script.rate
        yield from _not_measured(who, f"not there {late:.0f} s after the end: given up")
        return
    most_late = _MOST_LATE.get(what) if who == OURS else None
    yield Figure(
        what=name + _LATE, who=who, value=seen["late"], unit=" s", most=most_late
    )
    yield Figure(
        what=name + _LONGEST,
        who=who,
        value=seen["longest"],
        unit=" ms",
    )
    yield Figure(what=name + _CPU, who=who, value=seen["cpu"], unit=" s")
    yield Figure(
        what=name + _MOVES,
        who=who,
        value=seen["moves"],
        most=0 if who == OURS else None,
    )


if __name__ == "__main__":
    show(figures)
