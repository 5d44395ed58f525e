"""Where things stand and in which colours: one edge, both directions, every page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import violations
from lab_driver import Lab, Notebook
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page
from scripted_server import DONE, Answer, ScriptedServer, chunk, event, says
from turns import turn_of

from apertis_magic.chat.parts import Source
from apertis_magic.chat.question import Question
from apertis_magic.render import bundle
from apertis_magic.render.table import table

T = "`" * 3
ANSWER = f"""\
Words.

# A heading

{T}python
import os  # a comment
x = 1 + len("text")
{T}

| a | b | c |
|---|--:|---|
| words | 1.5 | 2 |

[A link](https://a.example/)
"""
RIGHT_TO_LEFT = f"""\
فقرة عربية `a.b` هنا.

- البند
  - متداخل

1. פריט

   עוד

> اقتباس

| این | b |
|---|--:|
| یک | 1 |

{T}python
x = "سلام"
{T}
"""
SOURCES = {
    "choices": [],
    "web_sources": [{"url": "https://b.example/", "title": "A page"}],
}
# Where the first letter of each element stands, from the output's own left edge; of
# what has a frame, where the frame does.
_EDGES = """(output, names) => Object.fromEntries(names.map(name => {
  const found = [...output.querySelectorAll(name)];
  const left = e => {
    if (e.matches('pre, table')) return e.getBoundingClientRect().x;
    const text = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
    while (text.nextNode()) {
      if (!text.currentNode.data.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(text.currentNode);
      return range.getClientRects()[0].x;
    }
  };
  const edge = output.getBoundingClientRect().x;
  return [name, [...new Set(found.map(e => Math.round(left(e) - edge)))]];
}))"""
_PARTS = ["p", "h1", "pre", ".apertis-table table", ".apertis-note", ".apertis-footer"]
_PARTS += [".apertis-sources"]
_BESIDE = """(output, name) => {
  const {left, right} = output.getBoundingClientRect();
  const box = output.querySelector(name).getBoundingClientRect();
  const style = getComputedStyle(output.querySelector(name));
  return [style.direction, style.textAlign,
    box.right > (left + right) / 2, right - box.right < 40];
}"""


@pytest.fixture
def notebook(lab: Lab, server: ScriptedServer) -> Iterator[Notebook]:
    """Yield a notebook with an answer, our cards and tables, and JupyterLab's own."""
    end = (event(SOURCES), chunk(finish="length"), DONE)
    server.will(Answer((chunk(ANSWER), *end)), says(RIGHT_TO_LEFT))
    made = lab.notebook(
        "looks",
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "%%chat\nx",
        "%%chat\n\u0633\u0624\u0627\u0644",
        "%chat",
        "%chat list",
        "%chat show",
        "from IPython.display import Markdown, display\n"
        "display(Markdown('Words.\\n\\n# A heading\\n\\n|a|\\n|-|\\n|b|'))",
        "print('x')",
    )
    for number in range(8):
        made.run_cell(number)
    yield made
    made.close()


def edges(outputs: list[Locator]) -> dict[str, list[int]]:
    """Return where all parts of the outputs begin, and the outputs themselves."""
    answer, card, listed, markdown, _ = outputs
    lefts = [each.evaluate("e => e.getBoundingClientRect().x") for each in outputs]
    ours: dict[str, list[int]] = answer.evaluate(_EDGES, _PARTS)
    own = markdown.evaluate(_EDGES, ["p", "h1", "table"])
    facts = card.evaluate(_EDGES, ["strong", "td:first-child", "pre"])
    rows = listed.evaluate(_EDGES, ["table", "th:first-child", "td:first-child"])
    apart = [round(left - lefts[0]) for left in lefts]
    return {
        **ours,
        **{f"Markdown's {name}": found for name, found in own.items()},
        **{f"a card's {name}": found for name, found in facts.items()},
        **{f"a list's {name}": found for name, found in rows.items()},
        "outputs": apart,
    }


def test_one_left_edge(notebook: Notebook, browser: Browser) -> None:
    """Ours begin where JupyterLab's own Markdown does, in its page and nbconvert's."""
    shown = [notebook.output(number).first for number in (1, 3, 4, 6, 7)]
    in_lab = edges(shown)
    file = notebook.path.with_suffix(".html")
    file.write_text(HTMLExporter().from_notebook_node(notebook.saved())[0], "utf-8")
    page = browser.new_page()
    page.goto(file.as_uri(), wait_until="commit")
    cells = page.locator(".jp-CodeCell")
    cells.nth(7).locator("pre").last.wait_for()
    outputs = [
        cells.nth(number).locator(".jp-OutputArea-output").first
        for number in (1, 3, 4, 6, 7)
    ]
    exported = edges(outputs)
    page.close()

    assert {0} == {left for found in in_lab.values() for left in found}
    assert {0} == {left for found in exported.values() for left in found}, exported


def test_cells_of_tables(notebook: Notebook) -> None:
    """Words are at the left, numbers where Markdown says, in cells and cards."""
    align = "es => es.map(e => getComputedStyle(e).textAlign)"
    cells = notebook.output(1).locator("td").evaluate_all(align)
    facts = notebook.output(3).locator("td").evaluate_all(align)
    listed = (
        notebook.output(4).locator("tbody tr").first.locator("td").evaluate_all(align)
    )

    assert ["left", "right", "left"] == cells
    assert {"left"} == set(facts)
    assert ["left", "right"] == listed[:2]


def test_right_to_left_in_a_cell(notebook: Notebook, screenshots: Path) -> None:
    """Texts, bullets, bars and tables are at the right; code is not."""
    output = notebook.output(2).first
    output.screenshot(path=screenshots / "right-to-left.png")
    beside = {
        name: output.evaluate(_BESIDE, name)
        for name in ("p", "li", "li li", "ol p", "blockquote", "blockquote p", "table")
    }
    bar = output.locator("blockquote").first.evaluate(
        "e => ['Right', 'Left'].map(s => getComputedStyle(e)[`border${s}Width`])"
    )
    direction = "es => es.map(e => getComputedStyle(e).direction)"
    code = output.locator("code, pre").evaluate_all(direction)
    room = output.locator("ul, ol").evaluate_all(
        "es => es.map(e => parseInt(getComputedStyle(e).paddingRight))"
    )
    asked = notebook.output(5).locator(".apertis-question").evaluate_all(direction)

    assert {("rtl", True)} == {(each[0], each[2]) for each in beside.values()}
    assert {"start"} == {beside[name][1] for name in ("p", "ol p", "blockquote p")}
    assert ["3px", "0px"] == bar
    assert {"ltr"} == set(code)
    assert all(each > 20 for each in room)
    assert ["ltr", "rtl"] == asked


@pytest.mark.parametrize(
    "page_style",
    ["background:#fff;color:#000", "background:#1e1e1e;color:#d4d4d4"],
    ids=["white", "dark"],
)
def test_a_page_that_has_no_colours(browser: Browser, page_style: str) -> None:
    """All can be read on it; keywords, strings and comments differ from the text."""
    turn = turn_of(
        question=Question("What?"),
        text=ANSWER,
        reasoning="So.",
        model="m",
        finish="length",
        sources=(Source(url="https://b.example/", title="A page"),),
    )
    shown = [
        bundle.answer(turn, conversation=None)[0],
        bundle.transcript([turn], system="Be kind.", stale=frozenset()),
        bundle.card("A card", {"fact": "value"}, ["%%chat"]),
        table(["name", "number"], [["a", "1"]], note="A note."),
    ]
    html = "".join(each["text/html"] for each in shown)
    page: Page = browser.new_page()
    page.set_content(f'<html lang="en"><body style="{page_style}">{html}</body></html>')
    page.locator("summary").first.click()
    found = violations(page, "body")
    colours = "es => es.map(e => getComputedStyle(e).color)"
    words = page.locator("pre .kn, pre .c1, pre .s2").evaluate_all(colours)
    text = page.locator("p").first.evaluate("e => getComputedStyle(e).color")
    label = page.locator(".highlight").first.evaluate(
        "e => getComputedStyle(e, '::before').content"
    )
    page.close()

    assert [] == found
    assert 3 == len(set(words) - {text})
    assert '"python"' == label
