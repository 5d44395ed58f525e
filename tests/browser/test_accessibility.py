"""What a cell shows, as axe-core sees it in each of JupyterLab's themes."""

from axe import violations
from drawn import picture, png
from lab_driver import Lab
from scripted_server import DONE, Answer, Cut, ScriptedServer, chunk, event, says

THOUGHT = {"choices": [{"delta": {"reasoning_content": "So *both*.\n"}}]}
SOURCES = {
    "choices": [],
    "web_sources": [{"url": "https://docs.example/", "title": ""}],
}
FUNCTION = {"name": "squares", "arguments": '{"most": 60}'}
CALL = {"tool_calls": [{"index": 0, "id": "c", "function": FUNCTION}]}
LONG = ", ".join(f"({n}, {n * n})" for n in range(60))
ANSWER = f"""
# Squares

A [link](https://docs.example/), `code`, ~~not~~ **this** and $x^2$.[^1]

- [x] done
- [ ] to do

```python
import os  # a comment

@decorated
class Squares(dict):
    def of(self, n: int) -> str:
        raise ValueError(f"{{n}} squared", 'is', n ** 200) if None else [{LONG}]
```
```html
<!-- a comment --><a href="x" class='y'>&amp;</a>
```

{"| a rather wide heading " * 20}|
{"|---" * 20}|
{"| and a cell below it " * 20}|

> In short: it is.

[^1]: A note.
"""


def test_what_cells_show(lab: Lab, server: ScriptedServer) -> None:
    """Answers, errors, cards and tables can be read by all, in every theme."""
    whole = (event(THOUGHT), chunk(ANSWER), picture(png(60, 20)), chunk(delta=CALL))
    end = (event(SOURCES), chunk(finish="length"), DONE)
    server.will(Answer((*whole, *end)), Answer((chunk("It broke"), Cut())), says("So."))
    shown = ("show", "list", "usage", "doctor", "journal")
    notebook = lab.notebook(
        "accessibility",
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        *("%%chat\nSquares?", "%%chat\nMore?", "%%chat\nWhy?"),
        *(f"%chat {command}" for command in shown),
    )
    for number in range(4 + len(shown)):
        notebook.run_cell(number)
    for folded in notebook.output(1).locator("summary").all():
        folded.click()
    found = {}
    for theme in ("Dark High Contrast", "Dark", "Light"):
        lab.theme(f"JupyterLab {theme}")
        found[theme] = violations(lab.page, ".jp-OutputArea-output")

    assert {"Dark High Contrast": [], "Dark": [], "Light": []} == found

    notebook.close()


def test_what_keeps_people_out(lab: Lab) -> None:
    """A button without a name and pale text are found, each in a line."""
    bad = '<button></button><p style="color:#999;background:#fff">pale</p>'
    notebook = lab.notebook("pale", f"from IPython.display import HTML\nHTML({bad!r})")
    notebook.run()
    found = violations(lab.page, ".jp-OutputArea-output")

    assert 2 == len(found)
    assert any(line.startswith("button-name (critical) in <button>") for line in found)
    assert any("color-contrast (serious)" in line and "2.84" in line for line in found)

    notebook.close()
