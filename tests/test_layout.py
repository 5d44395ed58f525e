"""Which display holds which piece of a growing answer."""

from bisect import bisect_right
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic.render.layout import WHOLE, Layout
from apertis_magic.render.rendering import Rendering

PARAGRAPH = "Some words of an answer, **bold** and `code`, end with a full stop.\n\n"
MANY = Layout(most=44)


BLOCKS = [*range(len(PARAGRAPH), 500_000, len(PARAGRAPH))]
"""Where the blocks of an answer end."""


def grown(layout: Layout, text: str) -> Layout:
    """Return *layout* for *text*."""
    return layout.grown(len(text), ends(text))


def ends(text: str) -> list[int]:
    """Return where the blocks of *text* end that nothing to come can change."""
    return BLOCKS[: bisect_right(BLOCKS, len(text))]


def pieces(layout: Layout, text: str) -> list[str]:
    """Return what each display holds of *text*."""
    return [text[a:b] for a, b in layout.spans(len(text))]


def answer(size: int) -> str:
    """Return an answer of so many characters."""
    return (PARAGRAPH * (size // len(PARAGRAPH) + 1))[:size]


@given(
    st.lists(st.integers(1, 20_000), min_size=1, max_size=12),
    st.integers(0, 44),
)
def test_joined_the_pieces_are_the_answer(sizes: list[int], most: int) -> None:
    """At every moment, however it comes, within the displays that there are."""
    layout, size = Layout(most=most), 0
    for more in sizes:
        size += more
        text = answer(size)
        layout = grown(layout, text)

        assert text == "".join(pieces(layout, text))
        assert len(pieces(layout, text)) <= max(1, most)

    closed = layout.closed(len(text), ends(text))

    assert text == "".join(pieces(closed, text))
    assert len(pieces(closed, text)) <= max(1, most)
    assert all(pieces(closed, text))


def test_a_short_answer_is_one_piece() -> None:
    """Up to 4 KB nothing is split."""
    assert [answer(WHOLE)] == pieces(grown(MANY, answer(WHOLE)), answer(WHOLE))


@pytest.mark.parametrize("size", [40_000, 400_000])
@pytest.mark.parametrize("step", [360, 5_000, 400_000])
def test_each_text_is_sent_again_a_bounded_number_of_times(
    size: int, step: int
) -> None:
    """The open tail apart, no text is in more than a few displays over time."""
    layout, sent = MANY, Counter[str]()
    before: tuple[str, ...] = ()
    for end in [*range(step, size, step), size]:
        text = answer(end)
        layout = grown(layout, text)
        *settled, _tail = pieces(layout, text)
        for piece in settled:
            sent[piece] += piece not in before
        before = tuple(settled)
    total = sum(len(piece) * times for piece, times in sent.items())

    assert total <= 6 * size
    assert len(pieces(layout, text)) <= 44


def test_a_finished_piece_stays_as_it_is() -> None:
    """What is finished is never sent again."""
    layout = grown(MANY, answer(40_000))
    later = grown(layout, answer(80_000))

    assert layout.ends
    assert layout.ends == later.ends[: len(layout.ends)]


def test_a_piece_ends_between_blocks() -> None:
    """A fence is never cut, however long it is."""
    fence = "```python\n" + "x = 1\n\n" * 5_000 + "```\n\n"
    text = answer(6_700) + "\n\n" + fence + answer(6_700)
    rendering = Rendering()
    rendering.grow(text)
    layout = MANY.closed(len(text), rendering.ends)

    assert any(fence in piece for piece in pieces(layout, text))
    assert len(pieces(layout, text)) > 2
