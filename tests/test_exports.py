"""A saved answer without its front end: as Markdown, and without classes and styles."""

import re
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbconvert import MarkdownExporter
from turns import turn_of

from apertis_magic.chat.parts import Source
from apertis_magic.chat.question import Question
from apertis_magic.render import bundle
from apertis_magic.render.style import STYLE

T = "`" * 3
TEXT = f"""\
# Squares

{T}python
def f(x):

    # <b> & c
 \t
    return x
{T}

{T}

a


b

{T}

1. One

   {T}
   in a list

   again
   {T}

The formula \\(a_1 * b * c_2\\) and $x_1$, and

\\[
\\sum_i x_i
\\]

| a | b |
|---|--:|
| 1 | 2 |
"""
TURN = turn_of(
    question=Question("What\n\nis *it*?"),
    text=TEXT,
    reasoning="First\n\nthen.",
    model="m",
    finish="length",
    sources=(Source(url="https://a.example/b", title="A page"),),
)


class _Reader(HTMLParser):
    """Collects the text in each kind of element, and outside of all."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag in {"hr", "br", "input"}:
            self.found.append((tag, ""))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"hr", "br", "input"}:
            assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.found.append((" ".join(self.open), data))

    def within(self, tag: str) -> str:
        """Return all text that stands in elements of this kind."""
        return "".join(data for where, data in self.found if tag in where.split())


def exported(data: dict[str, str]) -> str:
    """Return what nbconvert makes of an output, read back by a Markdown reader."""
    output: Any = nbformat.v4.new_output("display_data", data)
    cell = nbformat.v4.new_code_cell("%%chat\nx", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    text, _ = MarkdownExporter().from_notebook_node(notebook)
    return str(MarkdownIt("commonmark").enable("table").render(text))


def shown(*, format: str = "markdown") -> dict[str, str]:
    """Return the bundle of the turn."""
    if format == "transcript":
        return bundle.transcript([TURN, TURN], system="Be\n\nkind.", stale=frozenset())
    return bundle.answer(TURN, conversation="c", format=format)[0]  # type: ignore[arg-type]


def test_code_is_whole_in_markdown() -> None:
    """No blank line ends the HTML; the code is read back as it was, to the letter."""
    code = _Reader(exported(shown())).within("code")

    assert "def f(x):\n\n    # <b> & c\n \t\n    return x\n" in code
    assert "\na\n\n\nb\n\n" in code
    assert "in a list\n\nagain\n" in code


@pytest.mark.parametrize("format", ["markdown", "text", "transcript"])
def test_no_line_is_blank(format: str) -> None:
    """And the first thing in it is the answer's box, not a style sheet."""
    html = shown(format=format)["text/html"]

    assert [] == [line for line in html.split("\n") if not line.strip(" \t")]
    assert html.startswith('<div class="apertis-answer"')
    assert f">{STYLE}<" in html
    assert html in exported(shown(format=format))


def test_formulas_are_kept_in_markdown() -> None:
    """A Markdown reader takes nothing in them for its own marks."""
    text = _Reader(exported(shown())).within("div")

    assert r"\(a_1 * b * c_2\)" in text
    assert "$x_1$" in text
    assert r"\sum_i x_i" in text


def test_the_sheet_is_short() -> None:
    """It comes with every answer, and shows as text in some front ends."""
    assert len(STYLE) < 200


def bare(html: str) -> str:
    """Return *html* as a page shows it that takes no classes and no styles."""
    html = re.sub(r"<style>.*?</style>", "", html)
    return re.sub(r' (?:class|style|title|tabindex|dir)="[^"]*"', "", html)


def test_all_parts_are_told_apart_without_styles() -> None:
    """A quote is a question, a rule begins the footer, notes are small and slanted."""
    answer = _Reader(bare(shown()["text/html"]))
    transcript = _Reader(bare(shown(format="transcript")["text/html"]))
    footer = answer.found[-1]

    assert footer[0].endswith("small")
    assert footer[1].startswith("m · ")
    assert ("hr", "") == answer.found[-2]
    assert "The answer was cut off" in answer.within("em")
    assert "The answer was cut off" in answer.within("small")
    assert "Sources" in answer.within("small")
    assert "Whatis *it*?" in transcript.within("blockquote")
    assert transcript.found.count(("br", "")) == 2 * 2 + 2
    assert "Squares" not in answer.within("small") + answer.within("blockquote")


def test_a_language_is_not_a_part_of_the_text() -> None:
    """It is neither a paragraph of its own nor copied with the code."""
    html = shown()["text/html"]

    assert 1 == html.count(' title="python"')
    assert "python" not in "".join(data for _, data in _Reader(html).found)
