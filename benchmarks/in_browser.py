"""What a reader sees of a long answer in JupyterLab, if there is a Chromium for it."""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from answers import END
from sse_server import Script, visits
from table import Row

if TYPE_CHECKING:
    from lab_driver import Lab

_SCRIPTS = {
    "40 KB at 3.6 KB/s": (Script(size=40_000, seed=1, rate=3_600), 1.5),
    "120 KB flat out": (Script(size=120_000, seed=1), None),
}

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


def rows(url: str) -> Iterator[Row | str]:
    """Show answers in JupyterLab, or say what is missing for it."""
    missing = [name for name in ("playwright", "jupyterlab") if not find_spec(name)]
    if missing:
        yield f"\nNOT MEASURED IN A BROWSER: there is no {', no '.join(missing)}"
        return
    from lab_driver import browsing, chromium, running  # noqa: PLC0415  needs playwright

    if chromium() is None:
        yield "\nNOT MEASURED IN A BROWSER: there is no chromium"
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        browsing() as browser,
        running(browser, Path(folder)) as lab,
    ):
        for what, (script, most) in _SCRIPTS.items():
            yield from _seen(what, watch(lab, url, script), most)


def watch(lab: "Lab", url: str, script: Script) -> dict[str, Any]:
    """Return what a reader saw who scrolled into an answer while it came."""
    setup = f"%env APERTIS_BASE_URL={url}\n%load_ext apertis_magic"
    notebook = lab.notebook(str(script), setup, f"%%chat -m {script}\nGo on.")
    lab.page.evaluate(_WATCH, END)
    notebook.run()
    lab.page.wait_for_function("seen.ended && seen.at !== null")
    notebook.output(1).locator(".apertis-footer").wait_for(state="attached")
    lab.page.wait_for_timeout(1_000)  # what the last display still moves
    seen: dict[str, Any] = lab.page.evaluate("seen")
    notebook.close()
    return seen | {"late": seen["ended"] - visits(url)[-1].ended}


def _seen(what: str, seen: dict[str, Any], most: float | None) -> Iterator[Row]:
    name = f"browser, {what}: "
    late, longest = seen["late"], seen["longest"]
    yield Row(what=name + "last word after the end", figure=late, most=most, unit=" s")
    yield Row(what=name + "longest task of the page", figure=longest, unit=" ms")
    yield Row(what=name + "moves of the reader", figure=seen["moves"], most=0)
