"""White space, a bracket or a fault in a block costs that block alone."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import pytest
from markdown_it.token import Token

from apertis_magic.render import markdown
from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import finished
from apertis_magic.render.tree import Builder
from apertis_magic.render.treeprocessors import EachBlock

# White space to Python, and to nobody who wrote Markdown.
SPACES = "\u00a0\u1680\u2003\u202f\u205f\u3000\ufeff\u200b"
BREAKS = "\x0b\x0c\x1c\x1f\x85\u2028\u2029"
PLACES = [
    *(
        "    {}text",
        "    {}",
        "    a\n{}\n    b",
        "    a\n    {}\n",
        "a\n{}\nb",
        "- {}",
    ),
    *(
        "- a\n{}\n- b",
        "- a\n\n{}b",
        "1. {}",
        "> {}",
        "> a\n{}b",
        "# {}",
        "#{}a",
        "# a {}",
    ),
    *("|{}|\n|-|\n|{}|", "|a|\n|-|{}\n", "{}|a|\n|-|\n", "|a|\n|-|\n{}\n|b|", "a\n={}"),
    *("```{}\na\n```{}\n", "~~~\na\n~~~{}", "[a]:{}b\n\n[a]", "[{}]: b\n\n[{}]"),
    *("[a]({}b)", "[^{}]: a\n\n[^{}]", "[^a]:{}\n\n[^a]", "[^a]: b\n{}\n    c\n\n[^a]"),
    *(
        "$${}$$",
        "$${}\na$$",
        "\\[{}\\]",
        "\\[\n{}\n\\]",
        "$a{}$",
        "- [ ] {}",
        "- [{}] a",
    ),
    *(
        "- [ ]{}a",
        "***{}",
        "*{}a*",
        "`{}`",
        "<a:{}b>",
        "![{}](b)",
        "a{}\nb",
        "a\\{}\nb",
    ),
]


@pytest.mark.parametrize("place", PLACES)
def test_white_space(place: str) -> None:
    """Wherever it stands, what stands beside it is still formatted."""
    for space in SPACES + BREAKS:
        html = to_html(f"*a*\n\n{place.replace('{}', space)}\n\n**b**")

        assert html.startswith('<p dir="auto"><em>a</em></p>')
        assert "<strong>b</strong>" in html or "**b**\n</code>" in html


BLANK = {"a\n{}\nb": 1, "- a\n\n{}b": 1, "> a\n{}b": 1, "a\n\n{}\n\nb": 3}


@pytest.mark.parametrize(("text", "paragraphs"), BLANK.items())
def test_a_line_of_other_white_space(text: str, paragraphs: int) -> None:
    """It is a line of text: it parts no paragraphs, and indents nothing."""
    for space in SPACES:
        assert paragraphs == to_html(text.replace("{}", space)).count("<p ")


def test_code_of_white_space_alone() -> None:
    """A no-break space is code as any other sign is."""
    assert ">&nbsp;text\n</code>" in to_html("    \u00a0text")
    assert ">a\n\u3000\n</code>" in to_html("    a\n    \u3000\n    \n")


def test_labels_with_other_white_space() -> None:
    """Blanks and line ends are one blank in a label."""
    assert "href" in to_html("[a \n b]\n\n[a\tb]: https://c")


# Brackets and dollars at a line's beginning that begin no formula.
TEXTS = [
    "see the note\n\\[not a link](/foo) here",
    "see the note\n\\[1] here",
    "see the note\n\\[ here",
    "see the note\n$$ is a sign\nof two",
    "see the note\n\\begin{a} begins it",
    "see the note\n\\[not a link](/foo) here\nand there",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("first", "other", "paragraphs"),
    [("", "", 2), ("> ", "> ", 2), ("> ", "", 2), ("- ", "  ", 1), ("1. ", "   ", 1)],
)
def test_what_begins_no_formula(
    text: str, first: str, other: str, paragraphs: int
) -> None:
    """It goes on in the paragraph above it."""
    inner = text.replace("\n", f"\n{other}")
    html = to_html(f"{first}{inner}\n\nafter")

    assert "arithmatex" not in html
    assert paragraphs == html.count("<p ")
    assert html.index("see the note\n") < html.index("after")


def test_what_follows_a_bracket() -> None:
    """A list below it is a list."""
    assert '<li dir="auto">b</li>' in to_html("a\n\\[not a link](/foo)\n- b")
    assert '<li dir="auto">b</li>' in to_html("\\[not a link](/foo)\n- b")


@pytest.mark.parametrize("text", TEXTS)
def test_what_may_still_become_a_formula(text: str) -> None:
    """The paragraph above is not finished, since it may go on."""
    assert 0 == finished(f"{text}\n")


def test_a_formula_below_a_paragraph() -> None:
    """It ends the paragraph when it has an end."""
    for formula in ("\\[\nx[1]\n\\]", "\\[ x\n= y \\]", "$$\nx\n$$", "\\[ x[1] \\]"):
        html = to_html(f"see\n{formula}\nmore")

        assert html.startswith('<p dir="auto">see</p><div class="arithmatex">')
        assert html.endswith('</div><p dir="auto">more</p>')


BROKEN = """
from pygments.lexer import Lexer

class Broken(Lexer):
    name, aliases = "Broken", ["broken"]

    def get_tokens_unprocessed(self, text):
        raise ValueError(text)
"""
SHOWS = """
import sys
from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import finished
print(to_html(sys.stdin.read()))
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """Return a folder with an installed lexer that breaks at each text."""
    (tmp_path / "broken.py").write_text(BROKEN)
    about = tmp_path / "broken-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pygments.lexers]\nb = broken:Broken\n")
    return tmp_path


def shown_with(plugin: Path, text: str) -> str:
    """Return the HTML of *text* in a process that has the plug-in."""
    path = os.pathsep.join([str(plugin), *sys.path])
    return subprocess.run(
        [sys.executable, "-c", SHOWS],
        env={**os.environ, "PYTHONPATH": path},
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


FAULT = "```broken\n<b>$x$\n```"


@pytest.mark.parametrize(
    "block", [FAULT, f"> {FAULT}".replace("\n", "\n> "), f"[^c]\n\n{FAULT}"]
)
def test_a_block_that_cannot_be_shown(plugin: Path, block: str) -> None:
    """It is shown as it was written, and what stands around it is formatted."""
    html = shown_with(plugin, f"*a*\n\n{block}\n\n**b**\n\n[^c]: d")

    assert html.startswith('<p dir="auto"><em>a</em></p>')
    assert "<pre>" in html
    assert "&lt;b&gt;<span>$</span>x<span>$</span>" in html
    assert "<strong>b</strong>" in html


def test_a_note_that_cannot_be_shown(plugin: Path) -> None:
    """It too is shown as it was written."""
    note = FAULT.replace("\n", "\n    ")
    html = shown_with(plugin, f"*a*[^c]\n\n[^c]: {note}\n\n**b**")

    assert "<em>a</em><sup" in html
    assert "&lt;b&gt;<span>$</span>" in html
    assert "<strong>b</strong>" in html


def test_a_block_that_nobody_knows() -> None:
    """It is shown as it was written, whatever of it fails."""
    unknown = Token("paragraph_open", "p", 1), Token("inline", "", 0)
    unknown[1].children = [Token("unknown", "", 0)]
    root = Element("div")
    block = SubElement(root, "div", {"source": "all $x$ of it"})
    markdown._add(Builder("x"), unknown, block)
    EachBlock().run(root)

    assert "all $x$ of it" == "".join(root.itertext())


def test_a_text_that_cannot_be_read() -> None:
    """Only its part between blank lines is shown as it was written."""
    made = markdown._piecewise("*a*\n\n**b** \u202e")
    html = "".join(block for _, block in made.blocks)

    assert "<em>a</em>" in html
    assert "<strong>b</strong>" in html
    assert "\u202e" not in html
    assert "<pre>a <span>$</span></pre>" == markdown._piecewise("a $").blocks[0][1]
