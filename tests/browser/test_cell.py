"""The cell in a real JupyterLab: what a person sees, in light and dark."""

import threading
from pathlib import Path

import pytest
from lab_driver import Lab
from scripted_server import (
    DONE,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    event,
    says,
)

ANSWER = r"""
The sky is blue because air scatters **short waves** of light more than long ones.

1. Sunlight holds all colours.
2. Air scatters blue about *five times* as much as red:
   - the law is $I \propto 1/\lambda^4$
   - at sunset the way is longer

```python
def scattered(wavelength: float) -> float:
    '''Return how much is scattered, relative to red.'''
    return (700 / wavelength) ** 4  # nm
```

| colour | nm | scattered |
|:--|--:|--:|
| blue | 450 | 5.9 |
| red | 700 | 1.0 |

> In short: blue light comes from everywhere.
"""


def setup(server: ScriptedServer) -> str:
    """Return the cell that loads the extension and points it at *server*."""
    return f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_answer(
    lab: Lab, server: ScriptedServer, screenshots: Path, theme: str
) -> None:
    """Headings, lists, code, a table and mathematics, with the footer below."""
    server.will(says(ANSWER))
    lab.theme(theme)
    notebook = lab.notebook(
        f"answer {theme}", setup(server), "%%chat\nWhy is the sky blue?"
    )
    notebook.run()
    output = notebook.output(1)
    output.locator("mjx-container").first.wait_for()
    lab.page.screenshot(path=screenshots / f"cell-{theme.split()[1].lower()}.png")

    assert "short waves" == output.locator("strong").inner_text()
    assert ["blue", "450", "5.9"] == output.locator("tbody tr").first.locator(
        "td"
    ).all_inner_texts()
    assert "def scattered" in output.locator("pre").inner_text()
    assert "7 tokens" in output.locator(".apertis-footer").inner_text()
    assert [] == lab.strays

    notebook.close()


THOUGHT = "The user wants a table, and *long* code.\n\n- So both.\n"
CODE = "rows = [" + ", ".join(f"({n}, {n * n})" for n in range(60)) + "]"
WIDE = f"""
```python
{CODE}
for number, square in rows:
    print(f"{{number}} squared is {{square}}")  # a comment
```

{"| a rather wide heading " * 12}|
{"|---" * 12}|
{"| and a cell below it " * 12}|

It costs \\$5 and not $6, by `List<String>` and \\(e^x\\).
"""
SOURCES = [
    {"url": "https://docs.example/squares", "title": "Squares, explained"},
    {"url": "https://numbers.example/", "title": ""},
]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_what_stands_around_an_answer(
    lab: Lab, server: ScriptedServer, screenshots: Path, theme: str
) -> None:
    """Reasoning above, sources and notes below; what is wide scrolls in itself."""
    thought = event({"choices": [{"delta": {"reasoning_content": THOUGHT}}]})
    sources = event({"choices": [], "web_sources": SOURCES})
    server.will(
        Answer((thought, chunk(WIDE), sources, chunk(finish="length"), DONE)),
        Answer((chunk("It broke"), Cut())),
    )
    lab.theme(theme)
    notebook = lab.notebook(
        f"around {theme}", setup(server), "%%chat\nSquares?", "%%chat\nMore."
    )
    notebook.run()
    output = notebook.cell(1).locator(".apertis-answer")
    output.locator("summary").click()
    output.locator("mjx-container").first.wait_for()
    lab.page.screenshot(path=screenshots / f"around-{theme.split()[1].lower()}.png")
    page_width = lab.page.evaluate("document.documentElement.scrollWidth")

    assert output.get_by_text("So both.").is_visible()
    assert 1 == output.locator("mjx-container").count()
    assert "$6" in output.inner_text()
    assert "https://docs.example/squares" == (
        output.get_by_text("Squares, explained").get_attribute("href")
    )
    assert "cut off" in output.locator(".apertis-note").inner_text()
    assert page_width == lab.page.evaluate("innerWidth")
    assert output.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
    assert "broke off" in notebook.output(2).first.inner_text()
    assert [] == lab.strays

    notebook.close()


def test_a_reader_is_not_moved(lab: Lab, server: ScriptedServer) -> None:
    """Who reads in the middle of a long answer stays there to its end and beyond."""
    half = "".join(f"Paragraph {n} says **some** words.\n\n" * 2 for n in range(300))
    gate = threading.Event()
    end = chunk(half + "the very end", finish="stop")
    server.will(Answer((chunk(half), Wait(gate), end, DONE)))
    notebook = lab.notebook("reader", setup(server), "%%chat\nx")
    notebook.start()
    # The answer's beginning is committed, and its open tail stands below it.
    notebook.output(1).nth(1).wait_for()
    notebook.output(1).get_by_text("Paragraph 299").last.wait_for()
    scroller = lab.page.locator(".jp-WindowedPanel-outer:visible").last
    at = scroller.evaluate("e => { e.scrollTop = 3000; return e.scrollTop }")
    gate.set()
    notebook.output(1).locator(".apertis-footer").wait_for(state="attached")

    assert 3000 == at == scroller.evaluate("e => e.scrollTop")
    assert 1 == notebook.output(1).get_by_text("the very end").count()
    assert 0 == sum(
        box["height"]
        for empty in notebook.output(1).all()[1:]
        if (box := empty.bounding_box())
    )

    notebook.close()
