"""Which pieces of a growing answer its displays hold, so that little is sent again.

A display that is sent again is sent whole, and a front end shows only so many of them.
So an answer's displays are, from its beginning: finished ones, which stay as they are
while it grows, then one of finished blocks that grows in ever larger steps, then the
open tail.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

WHOLE = 4096
"""Characters up to which an answer is one display, sent whole."""

_FIRST, _GROWTH = 2048, 1.18
"""Characters in the first display that is finished, and by how much each is larger."""

_STEP = 1024
"""Characters by which the display of finished blocks grows, at the least."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The pieces of an answer so far.

    Attributes:
        most: how many displays there may be.
        ends: where the text of each finished display ends.
        middle: where the text of the display that grows ends, and the tail begins.
    """

    most: int
    ends: tuple[int, ...] = ()
    middle: int = 0

    @property
    def start(self) -> int:
        """Where the text of the display that grows begins."""
        return self.ends[-1] if self.ends else 0

    def grown(self, length: int, ends: Sequence[int]) -> "Layout":
        """Return the layout for a text that begins as the text before it did.

        Args:
            length: of the text, in characters.
            ends: where its blocks end that can no longer change, in order.
        """
        layout = self
        while length > WHOLE and len(layout.ends) + 2 <= layout.most:
            step = max(_STEP, (layout.middle - layout.start) // 4)
            end = _block_end(ends, layout.middle, step)
            if end is None:
                break
            layout = _committed(replace(layout, middle=end))
        return layout

    def closed(self, length: int, ends: Sequence[int]) -> "Layout":
        """Return the layout of a whole text, nothing of which is open any more."""
        layout = self.grown(length, ends)
        if layout.start == length:
            return layout
        return replace(layout, ends=(*layout.ends, length), middle=length)

    def spans(self, length: int) -> list[tuple[int, int]]:
        """Return where the text of each display begins and ends."""
        spans = [*pairwise([0, *self.ends, self.middle, length])]
        finished = len(self.ends)
        return spans[:finished] + [(a, b) for a, b in spans[finished:] if a < b]


def _committed(layout: Layout) -> Layout:
    """Return *layout* with the display that grows finished, if it is full."""
    size = _FIRST * _GROWTH ** len(layout.ends)
    if layout.middle - layout.start < size or len(layout.ends) + 3 > layout.most:
        return layout
    return replace(layout, ends=(*layout.ends, layout.middle))


def _block_end(ends: Sequence[int], start: int, least: int) -> int | None:
    """Return where blocks of *least* characters or somewhat more end, if they do."""
    first = bisect_left(ends, start + least)
    last = bisect_right(ends, start + 2 * least) - 1
    return ends[max(first, last)] if first < len(ends) else None
