"""The work on an answer grows as the answer does, whatever it consists of.

``make test-slow`` runs it: what is measured is time.
"""

from collections.abc import Iterator
from random import Random

import pytest
from exponents import Work, exponent, seconds
from scale import ALL

from apertis_magic.notebook.views.formatted import blocks
from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import finished

pytestmark = pytest.mark.skipif(not ALL, reason="it measures time: make test-slow")

MOST = 1.3
"""The power of the length with which the time may grow."""


def _terminal(text: str) -> str:
    return blocks(text, width=80)


WORKS: dict[str, tuple[Work, int]] = {
    "a page": (to_html, 12_000),
    "what is finished": (finished, 16_000),
    "a terminal": (_terminal, 8_000),
}
"""What is done with a text, and how long the longer of two texts is."""

PIECES = [
    *("a", " ", "\n", "\n\n", "  \n", "\\\n", "\t", "    ", "\u00a0", "é", ".", ":"),
    *("*", "**", "_", "~~", "`", "``", "```\n", "~~~\n", "=", "===\n", "-", "---\n"),
    *("[", "]", "(", ")", "![", "](", "](b)", '"', "'", "!", "<", ">", "> ", "# "),
    *("[^", "[^a]", "[^a]:", "[a]:", "[a]: b\n", "<a@", "<a:", "a@", "a@b.", "_a."),
    *("www.", "http://a.)", "http://a", "http://", "&", "&#", "&a;", "&nbsp", "+", "@"),
    *("$", "$$", "$a", "\\", "\\(", "\\[", "\\]", "\\)", "\\begin{a}", "\\[\n", "$$\n"),
    *("|", "|a", "|-", "|a|\n|-|\n", "- ", "- [ ] ", "1. ", "1)\n", "2. ", "{", "}"),
]
HEADS = ("", "[a]: /b\n\n[^a]: c\n\n")
RANDOM = 1_000
"""Longer patterns that are tried, the same in each run."""


def patterns() -> Iterator[tuple[str, ...]]:
    """Give pieces alone, and pairs, triples and more of them."""
    yield from ((piece,) for piece in PIECES)
    random = Random(5)  # noqa: S311  anything
    for _ in range(RANDOM):
        yield tuple(random.choices(PIECES, k=random.choice((2, 2, 2, 3, 3, 4, 5))))


@pytest.mark.parametrize("work", WORKS)
def test_patterns(work: str) -> None:
    """No pattern that comes again and again costs more than its length does."""
    done, length = WORKS[work]
    slow = {
        pattern: found
        for number, pattern in enumerate(patterns())
        if (found := exponent(done, "".join(pattern), length, HEADS[number % 2])) > MOST
    }

    assert {} == slow


SIZE = 64_000


def _letters(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in str(number))


ONCE = {
    "brackets in brackets": "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "the same with references": "[a]: b\n\n" + "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "pictures in pictures": "![" * 9_000 + "a" + "](b)" * 9_000,
    "links in links": "[" * 9_000 + "a" + "](b)" * 9_000,
    "ever longer runs of ticks": " ".join("`" * n + "a" for n in range(1, 350)),
    "columns": "|a" * (SIZE // 6) + "\n" + "|-" * (SIZE // 6) + "\n|b",
    "columns that are none": "|" * (SIZE // 2) + "\n" + "|-" * (SIZE // 4) + "x\n",
    "rows": "|a|\n|-|\n" + "|b|\n" * (SIZE // 4),
    "blanks in a line": "a" + " " * SIZE + "b",
    "blanks at a line's end": "a" + " " * SIZE + "\nb",
    "a title's marks": "# a" + " #" * (SIZE // 2) + "b",
    "an address's brackets": "http://a" + "(" * SIZE,
    "an address's end": "http://a" + "!" * SIZE,
    "a mail's name": "a." * (SIZE // 2) + "@",
    "a mail's host": "a@b" + ".b-" * (SIZE // 3),
    "a mail's hyphens": "a@b" + "-" * SIZE,
    "a mail between signs": "<a@" + "a." * (SIZE // 2),
    "a character's name": "&" + "a" * SIZE,
    "a title of quotes": '[a](b "' + '\\"' * (SIZE // 2),
    "a label of brackets": "[a" + "\\]" * (SIZE // 2),
    "a formula without end": "\\begin{a}\n" + "a\n" * (SIZE // 2),
    "definitions": "".join(f"[{n}]: b\n" for n in range(SIZE // 9)),
    "notes": "".join(f"[^{n}]\n\n[^{n}]: a\n\n" for n in range(SIZE // 20)),
    "notes in notes": "[^a]: " * (SIZE // 6),
    "lists in lists": "".join(f"{'  ' * n}- a\n" for n in range(240)),
    "tabs": ">\t" * (SIZE // 2),
    "many lines in a list": "- " * 50 + "a\n" + f"{' ' * 100}b\n" * (SIZE // 102),
    "a quote that goes on": ">" * 50 + "a\n" + "b\n" * (SIZE // 2),
    "code that goes on": "    a\n" + "      \n" * (SIZE // 7),
    "emphasis in emphasis": "*a " * (SIZE // 6) + "b* " * (SIZE // 6),
    "environments": "".join(f"\\begin{{a{_letters(n)}}}\n" for n in range(4_000)),
    "blanks below a bar": "|\n" + " " * SIZE + "x-",
    "blanks behind a dash": "|\n-" + " " * SIZE + "x",
    "blanks behind a tag": "<details>" + " " * SIZE + "x\n",
    "formulas in a tag": "<sub>" + "\\(" * (SIZE // 2) + "</sub>\\)",
    "formulas in cells": "|a|\n|-|\n|" + "\\(a " * (SIZE // 4) + "`x`\\)|",
    "parts that fold": "<details>\n" * (SIZE // 10),
    "parts that fold in others": "<details>\n" * 3_000 + "</details>\n" * 3_000,
    "tags in tags": "<sub>" * (SIZE // 11) + "</sub>" * (SIZE // 11),
    "addresses in brackets": "http://a.)" * (SIZE // 10),
    "other addresses in brackets": "www.a.)" * (SIZE // 7),
}


@pytest.mark.parametrize("text", ONCE.values(), ids=ONCE)
def test_what_comes_once(text: str) -> None:
    """64 KB of it are read as quickly as other text."""
    times = {name: seconds(done, text, 3) for name, (done, _) in WORKS.items()}

    assert {} == {name: took for name, took in times.items() if took > 5}


def test_addresses_in_brackets() -> None:
    """64 KB of them take less than 0.3 s."""
    assert seconds(to_html, "http://a.)" * 6_400, 3) < 0.3
