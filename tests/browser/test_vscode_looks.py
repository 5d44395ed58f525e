"""How cells and the panel look in a page such as VS Code's, whatever its theme."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from lab_driver import Lab
from playwright.sync_api import Browser, Page, expect
from scripted_server import ScriptedServer, says
from turns import turn_of

from apertis_magic.chat.parts import Source
from apertis_magic.chat.question import Question
from apertis_magic.panel.page import styles
from apertis_magic.render import bundle
from apertis_magic.render.table import table

T = "`" * 3
ANSWER = f"""\
Words with `a.code` and a [link](https://a.example/), and \\(x^2\\).

> A quotation.

{T}python
import os  # a comment
x = 1 + len("text")
{T}

| a | b |
|---|--:|
| words | 1.5 |

- a list
"""
# What ipywidgets sets in each of VS Code's notebooks, in dark themes too.
LIGHT = {
    "layout-color1": "white",
    "layout-color2": "#eee",
    "content-font-color1": "#000000de",
    "ui-font-color1": "#000000de",
    "ui-font-color2": "#0000008a",
    "content-link-color": "#1976d2",
    "cell-editor-background": "#f7f7f7",
    "border-color0": "#bdbdbd",
    "border-color2": "#e0e0e0",
    "brand-color1": "#1976d2",
    "error-color0": "#b71c1c",
    "warn-color1": "#f57c00",
    "ui-font-size1": "13px",
    "content-font-size1": "14px",
    "code-font-size": "13px",
}
DARK = {
    "editor-background": "#1f1f1f",
    "foreground": "#cccccc",
    "panel-border": "#2b2b2b",
    "textBlockQuote-background": "#2b2b2b",
    "textBlockQuote-border": "#616161",
    "textLink-foreground": "#4daafc",
    "textPreformat-foreground": "#d0d0d0",
    "textPreformat-background": "#3c3c3c",
    "input-background": "#313131",
    "input-border": "#3c3c3c",
    "sideBar-background": "#181818",
    "button-background": "#0078d4",
    "errorForeground": "#f85149",
    "editorWarning-foreground": "#cca700",
}
BRIGHT = {
    "editor-background": "#ffffff",
    "foreground": "#3b3b3b",
    "panel-border": "#e5e5e5",
    "textBlockQuote-background": "#f8f8f8",
    "textBlockQuote-border": "#e5e5e5",
    "textLink-foreground": "#005fb8",
    "textPreformat-foreground": "#3b3b3b",
    "textPreformat-background": "#0000001f",
    "input-background": "#ffffff",
    "input-border": "#cecece",
    "sideBar-background": "#f8f8f8",
    "button-background": "#005fb8",
    "errorForeground": "#f85149",
    "editorWarning-foreground": "#bf8803",
}
CONTRAST = {
    "editor-background": "#000000",
    "foreground": "#ffffff",
    "panel-border": "#6fc3df",
    "textBlockQuote-border": "#ffffff",
    "textLink-foreground": "#21a6ff",
    "textPreformat-foreground": "#ffffff",
    "textPreformat-background": "#000000",
    "input-background": "#000000",
    "input-border": "#6fc3df",
    "sideBar-background": "#000000",
    "errorForeground": "#f48771",
}
THEMES = {"dark": DARK, "light": BRIGHT, "contrast": CONTRAST}
FONTS = {"font-family": "sans-serif", "font-size": "13px", "editor-font-size": "14px"}
# What VS Code's page says of all outputs; the first are weaker than any other rules.
RULES = """
@layer page {
  body { color: var(--vscode-foreground); background: var(--vscode-editor-background);
         font: var(--vscode-font-size) var(--vscode-font-family); }
  a { color: var(--vscode-textLink-foreground); }
  code { color: var(--vscode-textPreformat-foreground); padding: 1px 3px;
         background-color: var(--vscode-textPreformat-background); }
  pre code { padding: 0; }
  blockquote { background: var(--vscode-textBlockQuote-background);
               border-color: var(--vscode-textBlockQuote-border); }
}
table, thead, tr, th, td, tbody { border: none; border-collapse: collapse; }
table, th, tr { text-align: right; }
th, td { padding: 4px 8px; }
.cell-output-ipywidget-background { background: white !important; }
"""
_QUOTES = """quotes => quotes.map(quote => {
  const style = getComputedStyle(quote);
  return [style.backgroundColor, style.borderInlineStartWidth, style.marginInlineStart];
})"""
_GROUND = "e => getComputedStyle(e).backgroundColor"
CLEAR = "rgba(0, 0, 0, 0)"


def page_of(theme: Mapping[str, str], *outputs: str) -> str:
    """Return a page with one cell of these outputs, as VS Code has it."""
    values = {f"vscode-{k}": v for k, v in {**theme, **FONTS}.items()}
    values |= {f"jp-{name}": value for name, value in LIGHT.items()}
    root = "".join(f"--{name}:{value};" for name, value in values.items())
    shown = "".join(f'<div class="output">{each}</div>' for each in outputs)
    return (
        '<!doctype html><html lang="en"><title>x</title>'
        f"<style>:root{{{root}}}{RULES}</style><body>"
        '<div id="container" class="widgetarea"><div class="cell_container">'
        f'<div class="output_container">{shown}</div></div></div></body></html>'
    )


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page of its own."""
    made = browser.new_page(viewport={"width": 760, "height": 900})
    yield made
    made.close()


def cells() -> list[str]:
    """Return the HTML of an answer with all that there is, and of our other outputs."""
    turn = turn_of(
        question=Question("What?"),
        text=ANSWER,
        reasoning="So.",
        model="m",
        finish="length",
        sources=(Source(url="https://b.example/", title="A page"),),
    )
    shown: list[Mapping[str, Any]] = [
        bundle.answer(turn, conversation=None)[0],
        bundle.transcript([turn], system="Be kind.", stale=frozenset()),
        bundle.card("A card", {"fact": "value"}, ["%%chat"]),
        table(["name", "number"], [["a", "1"]], note="A note."),
        bundle.listing("Words\n\nin lines."),
    ]
    return [each["text/html"] for each in shown]


@pytest.mark.parametrize("name", THEMES)
def test_cells(page: Page, screenshots: Path, name: str) -> None:
    """All can be read; quotations have their bar, on no ground of their own."""
    page.set_content(page_of(THEMES[name], *cells()))
    for summary in page.locator("summary").all():
        summary.click()
    page.screenshot(path=screenshots / f"vscode-cell-{name}.png", full_page=True)
    quotes = page.locator("blockquote").evaluate_all(_QUOTES)
    code = page.locator("pre code").first.evaluate(_GROUND)
    formula = page.locator(".arithmatex").first.inner_text()
    sides = page.locator("td").evaluate_all(
        "es => es.map(e => getComputedStyle(e).textAlign)"
    )

    assert [] == violations(page, "body")
    assert len(quotes) > 2
    assert [[CLEAR, "3px", "0px"]] * len(quotes) == quotes
    assert CLEAR == code
    assert "\\(x^2\\)" == formula
    assert ["left", "right"] == sides[:2]


@pytest.fixture(scope="module")
def panel(lab: Lab) -> list[str]:
    """Return the HTML of a panel in its page, and of its saved transcript."""
    with ScriptedServer() as server:
        server.will(says(ANSWER))
        start = (
            f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic\n%chat panel"
        )
        notebook = lab.notebook("panel for another page", start)
        notebook.run_cell(0)
        shown = notebook.output(0).get_by_role("region", name="Chat")
        shown.get_by_role("textbox", name="Message").fill("What is it?")
        shown.get_by_role("textbox", name="Message").press("Enter")
        expect(shown.get_by_role("button", name="Delete")).to_be_visible()
        html = str(shown.evaluate("e => e.outerHTML"))
        notebook.close()
    saved = bundle.transcript([], system="Be kind.", stale=frozenset())["text/html"]
    widget = f"<style>{styles()}</style>{html}"
    return [
        f'<div class="cell-output-ipywidget-background">{widget}</div>',
        f'<div class="output_html"><div class="apertis-saved">{saved}</div></div>',
    ]


@pytest.mark.parametrize("name", THEMES)
def test_the_panel(page: Page, screenshots: Path, panel: list[str], name: str) -> None:
    """It can be read, stands there once, and lets the page's ground through."""
    page.set_content(page_of(THEMES[name], *panel))
    page.locator(".ap-log").evaluate(
        "e => { e.style.height = e.scrollHeight + 4 + 'px' }"
    )
    page.screenshot(path=screenshots / f"vscode-panel-{name}.png", full_page=True)
    quotes = page.locator(".ap-answer blockquote").evaluate_all(_QUOTES)

    assert [] == violations(page, "body")
    assert CLEAR == page.locator(".cell-output-ipywidget-background").evaluate(_GROUND)
    assert [[CLEAR, "3px", "0px"]] == quotes

    expect(page.locator(".apertis-saved")).to_be_hidden()


@pytest.mark.parametrize("name", THEMES)
def test_the_transcript_without_the_panel(
    page: Page, panel: list[str], name: str
) -> None:
    """Where the widget cannot be had, it is what is shown."""
    page.set_content(page_of(THEMES[name], panel[1]))

    assert [] == violations(page, "body")

    expect(page.locator(".apertis-saved")).to_be_visible()
