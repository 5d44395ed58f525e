"""What an answer may cost, whatever is in it: HTML as long as the text allows."""

import pytest
from scale import ALL
from turns import turn_of

from apertis_magic.chat.question import Question
from apertis_magic.render import bundle
from apertis_magic.render.markdown import to_html

MOST = 48
"""Bytes of HTML for a byte of the text; the filled up rows of a table come closest."""

LONG = f"https://{'x' * 60_000}"
NOTES = "".join(f"\n\n[^{number}]: a" for number in range(2_000))
# What is short where it is referred to, and where it is written out long.
REFERRED = {
    "addresses": ("[a][a]", f"\n\n[a]: {LONG}"),
    "shortcuts": ("[a]", f"\n\n[a]: {LONG}"),
    "collapsed": ("[a][]", f"\n\n[a]: {LONG}"),
    "titles": ("[a]", f'\n\n[a]: /b "{LONG}"'),
    "entities in a title": ("[a]", f"\n\n[a]: /b '{'&quot;' * 10_000}'"),
    "characters that no address has": ("[a]", f"\n\n[a]: <{'  ' * 20_000}>"),
    "names of pictures": (f"![{'b' * 900}][a]", "\n\n[a]: /b"),
    "pictures": ("![a]", f"\n\n[a]: data:image/png;base64,{'A' * 60_000}"),
    "titles of pictures": ("![a]", f"\n\n[a]: data:image/png;base64,A '{LONG}'"),
    "references in others": ("[![a]](b)", f"\n\n[a]: data:image/png;base64,A '{LONG}'"),
    "references in cells": ("a\n\n|[a]|[a]|\n|-|-|\n\n", f"\n\n[a]: {LONG}"),
    "one note": ("[^a]", "\n\n[^a]: b"),
    "a long note": ("[^a]", f"\n\n[^a]: {LONG}"),
    "notes in notes": ("[^a]", f"\n\n[^a]: {'[^a]' * 10_000}"),
}


def grown(text: str) -> float:
    """Return how many bytes of HTML there are for each byte of *text*."""
    return len(to_html(text).encode()) / len(text.encode())


@pytest.mark.parametrize("size", [100, 4_000, *([98_000] if ALL else [])])
@pytest.mark.parametrize(("piece", "end"), REFERRED.values(), ids=REFERRED)
def test_what_is_referred_to(piece: str, end: str, size: int) -> None:
    """An address, title or note is written out so often and then no more."""
    assert grown(piece * (size // len(piece) + 1) + end) <= MOST


def test_a_reference_that_is_refused() -> None:
    """It is shown as it was written, and a short one is still a link."""
    html = to_html("[a] " * 10_000 + "[b]\n\n" + f"[a]: {LONG}\n[b]: https://b")

    assert html.count("[a]") > 9_990
    assert 1 == html.count('href="https://b"')
    assert 0 < html.count('href="https://x') < 10


def test_two_thousand_notes() -> None:
    """Each is so much more than its source that not all are numbered."""
    refers = "".join(f"[^{number}]" for number in range(2_000))

    assert grown(refers + NOTES) <= MOST


@pytest.mark.parametrize("columns", [10, 100, 1_000])
@pytest.mark.parametrize("rows", [1, 100, 4_000 if ALL else 1_000])
def test_short_rows(columns: int, rows: int) -> None:
    """They are filled up as far as the text's own length allows."""
    head = "|a" * columns + "\n" + "|:-:" * columns + "\n"

    assert grown(head + "|b\n" * rows) <= MOST
    assert grown(head + "b\n" * rows) <= MOST


# Whatever is written out longer than it is written.
CONSTRUCTS = [
    *("*a*", "**a**", "~~a~~", "*", "***a** b* ", "$", "$a$ ", "\\(a\\)", "`a`"),
    *("[](b)", "<a:b>", "<a@b>", "www.a ", "http://a ", "a@b.c ", "![](b)"),
    *("&", "<", ">", '"', "&lt;", "&#x3000;", "www.é& ", "\\\\", "\\\n", "  \n"),
    *("-\n", "1. ", "2)\n2.\n", ">\n\n", f"{'>' * 60}\n\n", "- " * 60 + "\n\n"),
    *("2. " * 60 + "\n\n", "#\n", "---\n", "a\n\n", "- [ ] a\n", "a\n=\n"),
    *("~~~\n~~~\n", "```c\n1+1+\n```\n", "    a\n\nb\n\n", "$$a$$\n\n"),
    *("|a|\n|-|\n||\n\n", "|a|b|\n|:-:|:-:|\n||\n\n", "![](data:image/png;base64,a) "),
]


@pytest.mark.parametrize("size", [40, 20_000 if ALL else 5_000])
@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_tags(construct: str, size: int) -> None:
    """What a construct becomes is longer than its source by so much at the most."""
    assert grown(construct * (size // len(construct) + 1)) <= MOST


def test_code_of_nothing_but_signs() -> None:
    """Each sign has a tag of its own, in its colour."""
    assert grown("```python\n" + "1+\n" * 6_000) <= MOST


def test_the_whole_output() -> None:
    """Reasoning and the other answers are bounded as the answer is."""
    text = "[a]" * 10_000 + f"\n\n[a]: {LONG}"
    turn = turn_of(
        question=Question("x"), text=text, reasoning=text, alternatives=(text, text)
    )
    data, _ = bundle.answer(turn, conversation=None)

    assert len(data["text/html"]) <= 4 * MOST * len(text)
