"""How much of a growing answer is finished, which is what streaming rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import T, documents
from reference import ours

from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import finished
from apertis_magic.render.rendering import Rendering


@given(documents(), st.integers(min_value=0))
def test_what_is_finished_looks_the_same_alone(text: str, cut: int) -> None:
    """A text may be rendered in two parts, wherever the first of them was finished."""
    text = text.replace("[^", "")
    end = finished(text[: cut % (len(text) + 1)])
    first, second = ours(text[:end]), ours(text[end:])

    assert ours(text) == first + second[1:]


@given(documents())
def test_what_is_finished_stays_finished(text: str) -> None:
    """More text never takes back what was finished."""
    assert_stays_finished(text)


# What stands alone in a line or begins one, and may become something else.
LINES = [
    *(
        "a",
        "b c",
        "",
        "",
        "\u00a0",
        "- a",
        "  - a",
        "- ",
        "-",
        "1. a",
        "   - b",
        "2. c",
    ),
    *("> a", ">", "# a", "#", "---", "===", "***", "    a", "\ta", T, f"{T}py", "~~~"),
    *("| a | b |", "|---|---|", "|-|", "|", "`a|b` | c", "[^a]: b", "[a]: b", "[^a]"),
    *("$$", "$$ x", "x $$", "\\[", "\\]", "\\], a", "\\begin{align}", "\\end{align}"),
    *("<details>", "<summary>a</summary>", "</details>", "</details> a", "<b>"),
    *("<details><summary>a</summary>", "$x$ and $y$", "- [ ] a", "  a", "- $$", "> $$"),
]
ENDS = st.sampled_from(["\n", "\n", "\n", "\n\n", "\r\n", "\r"])
GROWING = st.lists(st.tuples(st.sampled_from(LINES), ENDS), max_size=9).map(
    lambda lines: "".join(line + end for line, end in lines)
)


def assert_grows(text: str, step: int) -> None:
    """Assert that a text which comes in steps looks as the whole does."""
    rendering = Rendering()
    ends: list[int] = []
    for end in [*range(step, len(text), step), len(text)]:
        rendering.grow(text[:end])

        assert ends == rendering.ends[: len(ends)]

        ends = [*rendering.ends]

    assert to_html(text) == rendering.whole()


def assert_stays_finished(text: str) -> None:
    """Assert that no more of a text takes back what was finished."""
    ends = [finished(text[:end]) for end in range(len(text) + 1)]

    assert sorted(ends) == ends


@given(GROWING, st.integers(1, 5))
def test_a_growing_text_looks_as_the_whole_does(text: str, step: int) -> None:
    """However it comes, and whatever its lines may still become."""
    assert_grows(text, step)
    assert_stays_finished(text)


@pytest.mark.parametrize(
    "text",
    [
        "So:\n$$\nx\n$$ where x is y.\n\nb",
        "So:\n\\[\nx\n\\], where x is y.\n\nb",
        "> a\n$$\nx\n$$ where\n\nb",
        "- a\n$$\n\n",
        "- a\n$$\nx\n- b\n\nc",
        "1. a\n\\begin{a}\n\n",
        "[^a]:a\n$$\n\n",
        "a\n<details>\n\n",
        "a\n<details><summary>x</summary>\ny\n\nz\n\n</details> b\n\nc",
        "a\n| b |\n|-x",
        "a\n#b",
        "- \n| a | b |\n|---|---|\n",
        "- # a\n| a | b |\n|---|---|\n",
        "> | a |\n> |-|\n| b |\n|-|\n",
    ],
)
def test_a_block_that_turns_out_to_be_text(text: str) -> None:
    """What stands above it is not finished before."""
    assert_grows(text, 1)
    assert_stays_finished(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", 0),
        ("a", 0),
        ("a\n", 0),
        ("a\n\n", 3),
        ("a\n\nb", 3),
        ("a\n\n-", 3),
        ("# a\nb", 4),
        ("- a\n\nb", 0),
        ("- a\n\nb\n", 5),
        ("- a\n\n- b\n", 0),
        ("> a\n\n", 5),
        (f"{T}\na\n\nb\n", 0),
        (f"{T}\na\n{T}\n", 10),
        ("$$\na\n", 0),
        ("$$\na\n$$\n", 8),
        ("| a |\n|---|\n| b |\n", 0),
        ("a\n\n| b |\n|---|\n", 3),
        ("    a\n\n", 0),
        ("a\r\n\r\nb", 5),
    ],
)
def test_where_the_finished_part_ends(text: str, end: int) -> None:
    """Behind the last block that nothing to come can change."""
    assert end == finished(text)
