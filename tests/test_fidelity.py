"""Markdown as models write it has the structure that CommonMark and GFM give it."""

import re
from itertools import product

import pytest
from cases import CASES, DIFFERENT, FORMULAS
from hostile import assert_harmless
from hypothesis import given
from pieces import (
    ANSWER,
    AROUND,
    BLOCKS,
    INLINE,
    MATHEMATICS,
    WORDS,
    T,
    documents,
    inside,
)
from reference import Tree, ours, structure, theirs, theirs_with_formulas, tree
from scale import ALL

from apertis_magic.notebook.views.visible import visible
from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import read


@pytest.mark.parametrize(
    "text", [pytest.param(t, id=f"{g}-{t!r}") for g, ts in CASES.items() for t in ts]
)
def test_the_structure_is_the_reference_s(text: str) -> None:
    """Every construct, alone."""
    assert theirs(text) == ours(text)


@pytest.mark.parametrize(("text", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_on_purpose(text: str, expected: list[object]) -> None:
    """Where answers mean something else than the reference reads."""
    whole = expected if expected[0] == "root" else ["root", expected]

    assert whole == ours(text)
    assert whole != theirs(text)


@pytest.mark.parametrize(("text", "expected"), FORMULAS.items(), ids=FORMULAS)
def test_formulas(text: str, expected: list[object]) -> None:
    """Mathematics in TeX, as models write it."""
    assert ["root", expected] == ours(text)


def test_too_many_open_marks_and_quotes_are_text() -> None:
    """What no person would write costs nothing and is all there."""
    marks = "*a " * 40 + "**b** " + "c* " * 40

    assert (
        marks.replace("*", "") == "".join(tree(marks).itertext()).replace("*", "") + " "
    )
    assert ["root", ["p", "*" * 9 + "a" + "*" * 9]] == ours("*" * 9 + "a" + "*" * 9)
    assert "<a" not in to_html(f"[a](b{'(' * 40}{')' * 40})")
    assert to_html("> " * 60 + "a").count("<blockquote>") < 60


def test_a_formula_may_follow_text_at_once() -> None:
    """Signs at the beginning of its lines begin no lists in it."""
    expected = ["root", ["p", "So:"], ["formula", "x + y - z"], ["p", "a"]]

    assert expected == ours("So:\n\\[\nx\n+ y\n- z\n\\]\na")
    assert expected == ours("So:\n$$\nx\n+ y\n- z\n$$\na")


@pytest.mark.parametrize("within", BLOCKS)
@pytest.mark.parametrize("around", AROUND)
def test_blocks_in_blocks(around: str, within: str) -> None:
    """Every block in items and quotes, first in them and after text."""
    mark, block = AROUND[around], BLOCKS[within]
    after = [] if within == "rule" else [f"{block}\n\ntext"]  # see DIFFERENT
    for text in (block, f"text\n\n{block}", *after):
        whole = f"{inside(text, mark)}\n{mark}more\n\nend"

        assert theirs_with_formulas(whole) == ours(whole)


@pytest.mark.parametrize("other", BLOCKS)
@pytest.mark.parametrize("one", BLOCKS)
def test_blocks_after_blocks(one: str, other: str) -> None:
    """Every block after every other, with and without a blank line."""
    gaps = ["\n", "\n\n", "\n\n\n"]
    for gap in gaps[1:] if (one, other) == ("link", "table") else gaps:  # see DIFFERENT
        text = BLOCKS[one] + gap + BLOCKS[other]

        assert theirs_with_formulas(text) == ours(text)


# As we read them they are among the CASES, or DIFFERENT.
ODD = {("middle", "$x_1$"), ("link", "<http://a.b>")}


@pytest.mark.parametrize(("around", "word"), sorted({*product(INLINE, WORDS)} - ODD))
def test_words_in_constructs(around: str, word: str) -> None:
    """Every kind of word in every construct that holds text."""
    text = INLINE[around].replace("{}", word)

    assert theirs_with_formulas(text) == ours(text)


def test_every_prefix_has_the_structure_of_the_reference_s() -> None:
    """An answer that breaks off anywhere shows no more half syntax."""
    answer = ANSWER.replace(MATHEMATICS, "")
    prefixes = (answer[:end] for end in range(len(answer) + 1))
    for prefix in prefixes:
        if not prefix.rstrip(" ").endswith("\n|"):  # see DIFFERENT
            assert theirs(prefix) == ours(prefix)


def test_every_prefix_is_read_and_safe() -> None:
    """Wherever an answer breaks off, nothing in it is too much for the reader."""
    for end in range(len(ANSWER) + 1):
        tree(ANSWER[:end])  # raises where to_html would show the text as it is

        assert_harmless(to_html(ANSWER[:end]))


def test_half_a_formula_is_text() -> None:
    """It begins no list, heading or emphasis before its end has come."""
    for end in range(len(MATHEMATICS) + 1):
        _, first, *blocks = ours(f"# a\n{MATHEMATICS[:end]}")
        known = re.sub(r"\['(?:p|math|formula)', ", "", repr(blocks))

        assert ["h1", "a"] == first
        assert "['" not in known.lstrip("[")


@given(documents("rule", "[a"))  # see DIFFERENT
def test_documents_have_the_structure_of_the_reference_s(text: str) -> None:
    """Blocks in blocks in blocks, with words of all kinds."""
    assert theirs_with_formulas(text) == ours(text)


def test_code_is_highlighted_and_its_language_named() -> None:
    """A language that is not known, or not named, is never guessed."""
    html = to_html(f"{T}python\ndef f(): pass\n{T}")

    assert '<div class="highlight" title="python" ' in html
    assert '<span class="k">def</span>' in html
    assert "<span" not in to_html(f"{T}nope\ndef f(): pass\n{T}")
    assert "<span" not in to_html(f"{T}\ndef f(): pass\n{T}")
    assert "<span" not in to_html("    def f(): pass")


def test_wide_blocks_can_be_scrolled() -> None:
    """A table stands in a box of its own; code always does."""
    assert (
        '<div class="apertis-table" tabindex="0" style="overflow-x:auto"><table>'
        in to_html("| a |\n|---|")
    )


@pytest.mark.parametrize("line", ["value = 1\n", "+", "(", "x" * 30_000 + "\n"])
@pytest.mark.parametrize("language", ["python", "diff", "json", "console", "html"])
def test_a_long_block_of_code_is_whole(language: str, line: str) -> None:
    """Its end is plain: highlighting it again and again would cost too much."""
    lines = line * (200_000 // len(line))
    code = structure(to_html(f"{T}{language}\n{lines}\n{T}"))

    assert ["root", ["pre", lines.rstrip()]] == code


def test_footnotes_of_two_answers_have_names_of_their_own() -> None:
    """They may stand in one page."""
    ids = [re.findall(r'id="([^"]+)"', to_html(f"{x}[^1]\n\n[^1]: b")) for x in "ac"]

    assert [2, 2] == [len(set(found)) for found in ids]
    assert not set(ids[0]) & set(ids[1])


MANY = 20_000 if ALL else 4_000
DEEP = [
    "[", "![", "[a](", "[a](b ", '[a](b "', "[a](<", "[a][", "]", "*", "**a ", "*a ",
    "a* ", "_a ", "~~a ", "`", "`a``b", "<", "<a:", "&", "$", "$a", "$$a", "\\(", "\\[",
    "\\", "http://a", "a@b.", "www.", ">", "> ", "- ", "1. ", "> - ", "#", "|", "\n",
    "- a\n", "> a\n", "| a\n", "[a]: b\n", "[a\n", f"{T}\n", "$$\n", "\\[ x\n", "a\n",
    "\t", "[^1]", "[^1]: a\n", "***a ", "!", "=\n", "- a\n\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", DEEP, ids=repr)
@pytest.mark.parametrize("end", ["", "]](a)*_~~`$\\)\n\n[a]: b\n\n[^1]: c"])
def test_work_grows_with_the_text_alone(piece: str, end: str) -> None:
    """Thousands of anything are no more than that, and are shown."""
    text = piece * MANY + end

    assert "<" not in re.sub("<[^>]*>", "", to_html(text))
    tree(text)


PAGE = set("h1 h2 h3 h4 h5 h6 ul ol li blockquote table tr th td pre hr".split())
CODE = {"fence": "pre", "code_block": "pre"}


def blocks_of_page(node: Tree) -> list[str]:
    """Return where the blocks of a structure begin and end, by their names."""
    name = str(node[0]).split(" ")[0]
    nodes = (child for child in node[1:] if isinstance(child, list))
    inner = [each for child in nodes for each in blocks_of_page(child)]
    return [f"<{name}>", *inner, f"</{name}>"] if name in PAGE else inner


def blocks_of_terminal(text: str) -> list[str]:
    """Return the same of what a terminal shows."""
    found = []
    for token in visible(read(text)):
        name = CODE.get(token.type, token.tag)
        if name in PAGE and token.nesting >= 0:
            found.append(f"<{name}>")
        if name in PAGE and token.nesting <= 0:
            found.append(f"</{name}>")
    return found


TEXTS = [
    *(text for texts in CASES.values() for text in texts),
    *(text for text, _ in DIFFERENT.values()),
    *FORMULAS,
    ANSWER,
]


@pytest.mark.parametrize("text", sorted({*TEXTS}), ids=repr)
def test_terminal_and_page_agree(text: str) -> None:
    """The blocks are the same, in the same places."""
    text = text.replace("[^", "(")  # in a page footnotes are a list, below a rule

    assert blocks_of_page(ours(text)) == blocks_of_terminal(text)
