"""What the panel costs in JupyterLab: first words, long answers, long conversations.

A real kernel, JupyterLab and Chromium on one side, a server in another process on the
other. The bytes are those of the frames that reach the page by its web sockets, so all
of Jupyter's messages around an answer count. The table goes to standard output and to
``build/bench/panel.md``.

    PYTHONPATH=tests python benchmarks/panel.py
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from answers import BEGIN, END
from asking import private
from lab_driver import Lab, Notebook, browsing, running
from sse_server import Script, start, visits
from table import HEAD, Row

REPORT = Path("build/bench/panel.md")
TRIES = 5
LONG = {
    "4 KB at 3.6 KB/s": Script(size=4_000, seed=1, rate=3_600),
    "40 KB at 3.6 KB/s": Script(size=40_000, seed=1, rate=3_600),
    "40 KB flat out": Script(size=40_000, seed=1),
    "400 KB flat out": Script(size=400_000, chunks=50_000, seed=1),
}

_WATCH = """([begin, end]) => {
  const seen = window.seen = {asked: 0, first: 0, last: 0, longest: 0};
  const log = document.querySelector('.ap-log');
  new PerformanceObserver(list => {
    for (const task of list.getEntries())
      seen.longest = Math.max(seen.longest, task.duration);
  }).observe({type: 'longtask'});
  document.querySelector('.ap-message').addEventListener(
    'keydown', () => { seen.asked = Date.now() }, {capture: true});
  const before = log.textContent.split(begin).length;
  new MutationObserver(() => {
    if (!seen.asked || seen.last) return;
    if (!seen.first && log.textContent.split(begin).length > before)
      seen.first = Date.now();
    const tail = log.lastElementChild.previousElementSibling.lastElementChild;
    if (tail.textContent.includes(end)) seen.last = Date.now();
  }).observe(log, {childList: true, characterData: true, subtree: true});
}"""
_OPENED = """number => document.querySelectorAll('.ap-turn').length >= number
  && !document.querySelector('.ap-message').disabled"""
_TURNS = """
from apertis_magic.chat import session
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
text = {text!r}
turns = [Turn(prompt=f"Question {{n}}?", text=text, finish="stop", model="m")
         for n in range({number})]
session.current().adopt(State(name="long", history=history_of(turns)));
"""


def main() -> None:
    """Measure, and print each row as it is known."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with (
        REPORT.open("w") as report,
        private(),
        start() as url,
        tempfile.TemporaryDirectory() as folder,
        browsing() as browser,
        running(browser, Path(folder)) as lab,
    ):
        received = [0]
        lab.page.on(
            "websocket",
            lambda socket: socket.on(
                "framereceived", lambda frame: _count(received, frame)
            ),
        )
        for line in _lines(lab, url, received):
            print(line, flush=True)
            report.write(line + "\n")


def _lines(lab: Lab, url: str, received: list[int]) -> Iterator[str]:
    yield f"load average {os.getloadavg()[0]:.1f}\n"
    yield HEAD
    yield from map(str, _first_words(lab, url))
    for what, script in LONG.items():
        yield from map(str, _long(lab, url, what, script, received))
    yield from map(str, _conversations(lab, url))


def _first_words(lab: Lab, url: str) -> Iterator[Row]:
    notebook = _panel(lab, url, Script(size=200, chunks=20, seed=1))
    seen = [_asked(lab, url) for _ in range(TRIES)]
    notebook.close()
    after_key = median(each["first"] - each["asked"] for each in seen)
    after_chunk = median(each["first"] - 1000 * each["sent"] for each in seen)
    name = "panel: first words on the page after "
    yield Row(what=name + "Enter", figure=after_key, unit=" ms")
    yield Row(what=name + "they left the server", figure=after_chunk, unit=" ms")


def _long(
    lab: Lab, url: str, what: str, script: Script, received: list[int]
) -> Iterator[Row]:
    notebook = _panel(lab, url, script)
    before = received[0]
    seen = _asked(lab, url)
    lab.page.wait_for_timeout(500)
    cost = (received[0] - before) / script.size
    notebook.close()
    late = seen["last"] / 1000 - seen["ended"]
    name = f"panel, {what}: "
    yield Row(what=name + "last word after the end", figure=late, unit=" s")
    yield Row(what=name + "bytes to the page per byte", figure=cost)
    yield Row(
        what=name + "longest task of the page", figure=seen["longest"], unit=" ms"
    )


def _conversations(lab: Lab, url: str) -> Iterator[Row]:
    """Open conversations of answers of 1 KB each."""
    text = "Some **words** and `code` of an answer, again and again. " * 18
    for number in (10, 100, 1_000):
        took = []
        for _ in range(TRIES):
            notebook = lab.notebook(
                f"opens {number}",
                f"%env APERTIS_BASE_URL={url}\n%load_ext apertis_magic",
                _TURNS.format(text=text, number=number),
                "%chat panel",
            )
            for cell in range(2):
                notebook.run_cell(cell)
            began = lab.page.evaluate("performance.now()")
            notebook.start_cell(2)
            lab.page.wait_for_function(_OPENED, arg=min(number, 20))
            took.append(lab.page.evaluate("performance.now()") - began)
            notebook.close()
        yield Row(
            what=f"panel: time to interactive, {number} turns",
            figure=median(took) / 1000,
            most=1,
            unit=" s",
        )


def _panel(lab: Lab, url: str, script: Script) -> Notebook:
    notebook = lab.notebook(
        str(script),
        f"%env APERTIS_BASE_URL={url}\n%load_ext apertis_magic",
        f"%chat model {script}\n%chat panel",
    )
    for cell in range(2):
        notebook.run_cell(cell)
    lab.page.wait_for_function(_OPENED, arg=0)
    return notebook


def _asked(lab: Lab, url: str) -> dict[str, Any]:
    """Ask in the panel as a person does, and return what was seen."""
    lab.page.evaluate(_WATCH, [BEGIN, END])
    box = lab.page.get_by_role("textbox", name="Message")
    box.fill("Go on.")
    box.press("Enter")
    lab.page.wait_for_function("seen.last")
    visit = visits(url)[-1]
    seen: dict[str, Any] = lab.page.evaluate("seen")
    return seen | {"sent": visit.first, "ended": visit.ended}


def _count(received: list[int], frame: str | bytes) -> None:
    received[0] += len(frame)


if __name__ == "__main__":
    main()
