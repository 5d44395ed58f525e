"""How much of a growing answer is finished, which is what streaming rests on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import T, documents
from reference import ours

from apertis_magic.render.reading import finished


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
    ends = [finished(text[:end]) for end in range(len(text))]

    assert sorted(ends) == ends


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
