"""Takes the README's pictures: a real JupyterLab, and answers that are scripted.

PYTHONPATH=tests python docs/pictures.py

It writes ``chat.gif``, where two answers stream in, ``cell.png`` and ``panel.png``
beside this file, each also for dark pages. Nothing leaves this machine.
"""

import io
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab_driver import Lab, Notebook, browsing, chromium, running
from PIL import Image
from playwright.sync_api import FloatRect, Locator, expect
from scripted_server import DONE, Answer, ScriptedServer, Wait, event

HERE = Path(__file__).parent
MODEL = "gpt-4.1-mini"

_SCALE = 2
"""Pixels of a picture for each pixel of the page, for screens that show both."""

_WIDTH = 800
_MARGIN = 3
_COLOURS = 256
_REST = 900  # ms that an answer is shown before the next question
_LAST = 4_000  # ms that a film's end is shown
_PACE = 0.04  # s between two pieces of an answer that nobody films

_THEMES = {"Dark": "-dark", "Light": ""}
"""JupyterLab's themes, and what the names of their pictures end with."""

_FILM = (
    (
        31,
        "%%chat -t 0",
        "Which rows of a table have a price above the median?",
        """\
Compare the column with its own **median**:

```python
import pandas as pd

sales = pd.read_csv("sales.csv")
high = sales[sales["price"] > sales["price"].median()]
```

1. `sales["price"] > …` is true or false for *each row*.
2. The brackets keep the rows for which it is true.
""",
    ),
    (
        112,
        "%%chat",
        "Can that be shorter?",
        """Yes: `high = sales.query("price > price.median()")`.""",
    ),
)
_CELL = (
    "%%chat -m deepseek-reasoner",
    "Mean or median, when there are outliers?",
    "One outlier moves the mean as far as you like. The median stays.",
    """\
The **median**. With \\(n\\) numbers \\(x_i\\), one of which is far too large:

| | how it is made | what one outlier does |
|---|---|---|
| mean | \\(\\bar{x} = \\frac{1}{n}\\sum x_i\\) | moves it without limit |
| median | the middle of the sorted numbers | moves it by one place |

```python
from statistics import mean, median

prices = [2, 3, 3, 4, 900]
print(mean(prices), median(prices))  # 182.4 3
```
""",
)
_PANEL = (
    (
        0.00012,
        "How do I read a CSV file and plot one column?",
        """\
With **pandas**, in three lines:

```python
import pandas as pd

data = pd.read_csv("weather.csv", parse_dates=["day"])
data.plot(x="day", y="temperature")
```

| column | type | meaning |
|---|---|---|
| `day` | date | when it was measured |
| `temperature` | number | in °C, at noon |
""",
    ),
    (
        0.00009,
        "Can I have weekly means?",
        """\
Yes: `data.resample("W", on="day").mean()`, where the mean of a week is
\\(\\bar{x} = \\frac{1}{7}\\sum x_i\\).
""",
    ),
)
# The server poses as a proxy, so that it answers as one elsewhere does. What the first
# answer in a page has it load is loaded, and the next cell is the first again.
_HIDDEN = """\
import os
os.environ |= {{"APERTIS_BASE_URL": "http://api.example/v1", "HTTP_PROXY": "{proxy}"}}
from apertis_magic.render.markdown import to_html
from IPython.display import HTML, display
display(HTML(to_html("\\\\(x\\\\)\\n\\n```python\\nx = 1\\n```")))
get_ipython().history_manager.enabled = False
get_ipython().execution_count = 1
"""
_LOAD = "%load_ext apertis_magic"
_PLAIN = ".jp-Notebook-footer, .jp-cell-toolbar { visibility: hidden }"
_TYPESET = """() => document.fonts.status === 'loaded'
  && ![...document.querySelectorAll('.jp-RenderedHTML, .ap-answer')]
    .some(e => e.offsetParent && /\\\\[()]/.test(e.innerText))"""
_WHOLE = "e => { e.style.height = e.scrollHeight + 4 + 'px'; e.scrollTop = 0 }"


@dataclass
class Film:
    """The frames of a moving picture, shown at the speed at which they were taken.

    Args:
        lab: what is filmed.
        clip: the part of the page.
    """

    lab: Lab
    clip: FloatRect
    frames: list[Image.Image] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def take(self) -> None:
        """Take a frame."""
        self.times.append(time.monotonic())
        self.frames.append(_picture(self.lab.page.screenshot(clip=self.clip)))

    def save(self, file: Path, *, height: float) -> None:
        """Write the frames, cut to *height*, as a GIF that runs for ever."""
        size = (self.frames[0].width, round(_SCALE * height))
        palette = _palette(self.frames)
        # The end comes first: it is all that is seen where pictures do not move.
        first, *more = (
            frame.crop((0, 0, *size)).quantize(
                palette=palette, dither=Image.Dither.NONE
            )
            for frame in (self.frames[-1], *self.frames)
        )
        # What is longer was a picture that took long, not an answer.
        lasts = [
            min(round(1000 * (end - begun)), _REST)
            for begun, end in pairwise(self.times)
        ]
        first.save(
            file,
            save_all=True,
            append_images=more,
            duration=[_REST, *lasts, _LAST],
            loop=0,
            optimize=True,
        )


def main() -> int:
    """Take all pictures; return the exit code."""
    if chromium() is None:
        print("There is no Chromium to take pictures with.", file=sys.stderr)
        return 1
    with (
        ScriptedServer() as server,
        tempfile.TemporaryDirectory() as folder,
        browsing() as browser,
        running(browser, Path(folder), scale=_SCALE) as lab,
        lab.width(_WIDTH),
    ):
        lab.page.add_style_tag(content=_PLAIN)
        for theme, suffix in _THEMES.items():
            lab.theme(f"JupyterLab {theme}")
            film(lab, server, f"chat{suffix}.gif")
        cell(lab, server)
        panel(lab, server)
    for file in sorted([*HERE.glob("*.gif"), *HERE.glob("*.png")]):
        print(f"{file}: {file.stat().st_size / 1e3:.0f} KB")
    return 0


def film(lab: Lab, server: ScriptedServer, name: str) -> None:
    """Film cells that are typed, run and answered."""
    notebook = _opened(lab, server, name, _LOAD, *[""] * len(_FILM))
    notebook.run_cell(1)
    taken = Film(lab, _clip(notebook.cell(1), height=700))
    for number, (sent, line, question, text) in enumerate(_FILM, 2):
        pieces = _cut(text)
        gates = [threading.Event() for _ in pieces]
        server.will(_answer(pieces, gates, sent=sent))
        _type(taken, notebook.cell(number), line, question)
        shown = notebook.cell(number).locator(".jp-OutputArea")
        notebook.start_cell(number)
        for piece, gate in zip(pieces, gates, strict=True):
            gate.set()
            for word in filter(str.isalpha, piece.split()):
                expect(shown).to_contain_text(word)
            taken.take()
        notebook.finished()
        expect(shown).to_contain_text("tokens")
        taken.take()
        lab.page.wait_for_timeout(_REST)
    last = notebook.cell(1 + len(_FILM))
    taken.save(HERE / name, height=_clip(notebook.cell(1), last)["height"])
    notebook.close()


def _type(taken: Film, box: Locator, line: str, question: str) -> None:
    box.locator(".cm-content").click()
    keys = taken.lab.page.keyboard
    taken.take()
    keys.type(line)
    keys.press("Enter")
    for word in question.split(" "):
        taken.take()
        keys.type(word if word == question.rsplit(" ", maxsplit=1)[-1] else f"{word} ")
    taken.take()


def cell(lab: Lab, server: ScriptedServer) -> None:
    """Take a cell and its answer in both themes."""
    line, question, thought, text = _CELL
    model = line.split()[-1]
    server.will(
        _answer(_cut(text), model=model, thought=thought, sent=24, cost=0.00034)
    )
    notebook = _opened(lab, server, "cell", _LOAD, f"{line}\n{question}")
    notebook.run_cell(1)
    notebook.run_cell(2)
    expect(notebook.cell(2)).to_contain_text("tokens")
    clip = _clip(notebook.cell(2))
    _in_both(lab, "cell", lambda: lab.page.screenshot(clip=clip))
    notebook.close()


def panel(lab: Lab, server: ScriptedServer) -> None:
    """Take a panel with two questions in both themes."""
    notebook = _opened(lab, server, "panel", f"{_LOAD}\n%chat panel")
    notebook.run_cell(1)
    shown = notebook.output(1).get_by_role("region", name="Chat")
    for number, (cost, question, text) in enumerate(_PANEL):
        server.will(_answer(_cut(text), sent=19 + 90 * number, cost=cost))
        box = shown.get_by_role("textbox", name="Message")
        box.fill(question)
        box.press("Enter")
        turns = shown.get_by_role("article")
        expect(turns).to_have_count(number + 1)
        expect(turns.last.get_by_role("button", name="Delete")).to_be_visible()
    shown.get_by_role("log").evaluate(_WHOLE)
    lab.page.mouse.move(0, 0)
    _in_both(lab, "panel", shown.screenshot)
    notebook.close()


def _opened(lab: Lab, server: ScriptedServer, name: str, *cells: str) -> Notebook:
    """Open a notebook below a cell that no picture shows."""
    proxy = server.url.removesuffix("/v1")
    notebook = lab.notebook(name, _HIDDEN.format(proxy=proxy), *cells)
    notebook.run_cell(0)
    return notebook


def _answer(
    pieces: Sequence[str],
    gates: Sequence[threading.Event] = (),
    *,
    model: str = MODEL,
    thought: str = "",
    sent: int,
    **usage: Any,
) -> Answer:
    """Return an answer in pieces, each of which waits for its gate or a moment."""

    def steps() -> Iterator[bytes | Wait]:
        if thought:
            yield _event(model, {"reasoning_content": thought})
        for number, piece in enumerate(pieces):
            if gates:
                yield Wait(gates[number])
            else:
                time.sleep(_PACE)
            yield _event(model, {"content": piece})
        written = round(len("".join((thought, *pieces))) / 4)
        tokens = {"prompt_tokens": sent, "completion_tokens": written}
        yield _event(model, {}, finish="stop")
        yield event({"model": model, "choices": [], "usage": {**tokens, **usage}})
        yield DONE

    return Answer(steps())


def _event(model: str, delta: Any, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c1", "model": model, "choices": [choice]})


def _cut(text: str, length: int = 10) -> list[str]:
    """Cut a text behind its spaces into pieces of at least this length."""
    pieces = [""]
    for word in text.replace(" ", " \0").split("\0"):
        if len(pieces[-1]) >= length:
            pieces.append("")
        pieces[-1] += word
    return pieces


def _clip(first: Locator, last: Locator | None = None, height: float = 0) -> FloatRect:
    """Return where some cells are, with a margin."""
    top, end = first.bounding_box(), (last or first).bounding_box()
    assert top is not None
    assert end is not None
    y = top["y"] - _MARGIN
    height = height or end["y"] + end["height"] + _MARGIN - y
    return {"x": top["x"], "y": y, "width": top["width"], "height": height}


def _palette(frames: Sequence[Image.Image]) -> Image.Image:
    """Return an image with the palette of the colours that are there most often."""
    counted: Counter[Any] = Counter()
    for frame in frames:
        for number, colour in frame.getcolors(frame.width * frame.height) or ():
            counted[colour] += number
    # Pillow takes colours as near as this for the same, and would have white be grey.
    near: dict[Any, Any] = {}
    for colour, _ in counted.most_common():
        near.setdefault(tuple(part >> 3 for part in colour), colour)
    image = Image.new("P", (1, 1))
    chosen = list(near.values())[:_COLOURS]
    image.putpalette([part for colour in chosen for part in colour])
    return image


def _picture(shot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(shot)).convert("RGB")


def _in_both(lab: Lab, name: str, shot: Callable[[], bytes]) -> None:
    """Write a picture of each theme."""
    for theme, suffix in _THEMES.items():
        lab.theme(f"JupyterLab {theme}")
        lab.wait(_TYPESET)
        drawn = _picture(shot()).quantize(256, dither=Image.Dither.NONE)
        drawn.save(HERE / f"{name}{suffix}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
