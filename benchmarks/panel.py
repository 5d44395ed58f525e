"""What the panel costs in JupyterLab: first words, long answers, long conversations.

A real kernel, JupyterLab and Chromium on one side, a server in another process on the
other. The bytes are those of the frames that reach the page by its web sockets, so all
of Jupyter's messages around an answer count. None of the peers has a panel in the
kernel; the floor is one button of ipywidgets.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from answers import BEGIN, END
from figures import FLOOR, Figure, exponent, middle
from lab_driver import Lab, Notebook, browsing, running
from report import show
from sse_server import Script, visits

TRIES = 5
TURNS = (10, 100, 1_000)
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
  && document.querySelector('.ap-message')?.disabled === false"""
_TURNS = """
from apertis_magic.chat import session
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.question import Question
from apertis_magic.chat.parts import Text
from apertis_magic.chat.turn import Turn
text = {text!r}
turns = [Turn(question=Question(f"Question {{n}}?"),
              answers=((Text(text),),), finish="stop", model="m")
         for n in range({number})]
session.current().adopt(State(name="long", history=history_of(turns)));
"""


def figures(url: str) -> Iterator[Figure]:
    """Measure first words, long answers and long conversations."""
    with (
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
        yield from _first_words(lab, url)
        for what, script in LONG.items():
            yield from _long(lab, url, what, script, received)
        yield from _conversations(lab, url)


def _first_words(lab: Lab, url: str) -> Iterator[Figure]:
    notebook = _panel(lab, url, Script(size=200, chunks=20, seed=1))
    seen = [_asked(lab, url) for _ in range(TRIES)]
    notebook.close()
    after_key = [each["first"] - each["asked"] for each in seen]
    after_chunk = [each["first"] - 1000 * each["sent"] for each in seen]
    name = "panel: first words on the page after "
    yield middle(after_key, name + "Enter", unit=" ms")
    yield middle(after_chunk, name + "they left the server", unit=" ms")


def _long(
    lab: Lab, url: str, what: str, script: Script, received: list[int]
) -> Iterator[Figure]:
    notebook = _panel(lab, url, script)
    before = received[0]
    seen = _asked(lab, url)
    lab.page.wait_for_timeout(500)
    cost = (received[0] - before) / script.size
    notebook.close()
    late = seen["last"] / 1000 - seen["ended"]
    name = f"panel, {what}: "
    yield Figure(what=name + "last word after the end", value=late, unit=" s")
    yield Figure(what=name + "bytes to the page per byte", value=cost)
    yield Figure(
        what=name + "longest task of the page", value=seen["longest"], unit=" ms"
    )


def _conversations(lab: Lab, url: str) -> Iterator[Figure]:
    """Open conversations of answers of 1 KB each."""
    text = "Some **words** and `code` of an answer, again and again. " * 18
    setup = f"%env APERTIS_BASE_URL={url}\n%load_ext apertis_magic"
    lowest = []
    for number in TURNS:
        cells = (setup, _TURNS.format(text=text, number=number), "%chat panel")
        took = [_opening(lab, cells, min(number, 20)) for _ in range(TRIES)]
        lowest.append(min(took))
        what = f"panel: time to interactive, {number:,} turns"
        yield middle(took, what, unit=" s", most=1)
    button = ("import ipywidgets", "ipywidgets.Button(description='Send')")
    took = [_opening(lab, button, 0) for _ in range(TRIES)]
    yield middle(took, "panel: time to interactive, 10 turns", FLOOR, unit=" s")
    what = "growth with the turns, panel: time to interactive (10 / 100 / 1,000)"
    yield Figure(what=what, value=exponent(TURNS, lowest))


def _opening(lab: Lab, cells: Sequence[str], turns: int) -> float:
    """Return the seconds from the last cell's start until its widget can be used."""
    notebook = lab.notebook(f"opens {turns}", *cells)
    last = len(cells) - 1
    for cell in range(last):
        notebook.run_cell(cell)
    began = lab.page.evaluate("performance.now()")
    notebook.start_cell(last)
    if "ipywidgets" in cells[-1]:
        notebook.output(last).get_by_role("button", name="Send").wait_for()
    else:
        lab.page.wait_for_function(_OPENED, arg=turns)
    took: float = lab.page.evaluate("performance.now()") - began
    notebook.close()
    return took / 1000


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
    show(figures)
