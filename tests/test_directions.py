"""Right to left: which element of an answer says which direction."""

import re

import pytest

from apertis_magic.render.bundle import html_of
from apertis_magic.render.markdown import to_html
from apertis_magic.render.text import note

ARABIC, HEBREW, PERSIAN = "مرحبا", "שלום", "این"


def tags(text: str, *names: str) -> list[str]:
    """Return the direction of each of these elements in an answer, in their order."""
    found = re.findall(rf"<({'|'.join(names)})\b([^>]*)>", to_html(text))
    return [(re.findall(r' dir="(\w+)"', each) or [""])[0] for _, each in found]


@pytest.mark.parametrize("word", ["a", ARABIC, HEBREW, PERSIAN, "12"])
def test_texts_find_their_own(word: str) -> None:
    """Paragraphs, headings, items, cells and quotes, in every script."""
    text = f"{word}\n\n# {word}\n\n- {word}\n\n| {word} |\n|---|\n| {word} |"

    assert ["auto"] * 5 == tags(text, "p", "h1", "li", "th", "td")


@pytest.mark.parametrize("word", [ARABIC, HEBREW, PERSIAN])
@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("- {}", "ul"),
        ("- `a`\n- {}", "ul"),
        ("1. {}", "ol"),
        ("- a\n  - {}", "ul ul"),
        ("- {}\n\n  x", "li"),
        ("> {}", "blockquote"),
        ("> - {}", "blockquote"),
        ("> `a.b()` **{}** a", "blockquote"),
        ("| {} |\n|---|\n| a |", "table"),
        ("| {} |\n|---|\n| a |", "div"),
    ],
)
def test_what_holds_texts_is_told(text: str, tag: str, word: str) -> None:
    """A page does not find the direction of a list or quote by its texts."""
    assert "rtl" == tags(text.replace("{}", word), tag.rsplit(maxsplit=1)[-1])[-1]


def test_lists_of_two_directions_have_room_for_both() -> None:
    """A bullet stands where its item begins, and is not cut off."""
    styles = [
        re.findall(r'<ul[^>]* style="([^"]*)"', to_html(text))
        for text in ("- a\n- b", f"- {ARABIC}", f"- {ARABIC}\n- a", f"- a\n- {ARABIC}")
    ]

    assert [[], ["padding:0 2em 0 0"], ["padding:0 2em"], ["padding:0 2em"]] == styles


def test_a_front_end_s_left_is_undone() -> None:
    """JupyterLab puts paragraphs and cells there; Markdown's own alignment stays."""
    html = to_html(f"{ARABIC}\n\n| {ARABIC} | {ARABIC} |\n|---|:-:|")

    assert f'<p dir="auto" style="text-align:start">{ARABIC}</p>' in html
    assert f'<th dir="auto" style="text-align:start">{ARABIC}</th>' in html
    assert f'<th style="text-align: center;" dir="auto">{ARABIC}</th>' in html


@pytest.mark.parametrize("text", ["`a`", "\\(a\\)", "$a$", "```\na\n```", "\\[a\\]"])
def test_code_and_formulas_run_to_the_right(text: str) -> None:
    """They are isolated from the text around them."""
    found = re.findall(r'<(?:pre|code|div|span)\b[^>]* dir="(\w+)"', to_html(text))
    among = to_html(f"- {ARABIC} {text}\n- {text}" if "\n" not in text else text)
    mixed = re.findall(r'<(?:pre|code|div|span)\b[^>]* dir="(\w+)"', among)

    assert (["ltr"] if "```" in text else []) == found
    assert mixed.count("ltr") == (1 if "\n" in text else 2)


def test_pieces_of_an_answer_are_as_the_whole() -> None:
    """Each block by itself: a growing answer is shown in pieces."""
    blocks = [f"- {ARABIC} `x`\n\n", "a `b`\n\n", f"> {HEBREW}\n\n", "- a\n"]

    assert "".join(map(to_html, blocks)) == to_html("".join(blocks))


def test_what_stands_around_an_answer() -> None:
    """Notes and texts that are no Markdown find their own direction too."""
    assert ' dir="auto"' in note(ARABIC)
    assert ' dir="auto"' in html_of(ARABIC, "text")
