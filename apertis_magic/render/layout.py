"""Which pieces of a growing answer its displays hold, so that little is sent again.

A display that is sent again is sent whole, and a front end shows only so many of them.
So an answer's displays are, from its beginning: finished ones, which stay as they are
while it grows, then one of finished blocks that grows in ever larger steps, then the
open tail.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

from apertis_magic.render.commonmark.reader import finished

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

    def grown(self, text: str) -> "Layout":
        """Return the layout for *text*, which begins as the text before it did."""
        layout = self
        while len(text) > WHOLE and len(layout.ends) + 2 <= layout.most:
            step = max(_STEP, (layout.middle - layout.start) // 4)
            end = _block_end(text, layout.middle, step)
            if end is None:
                break
            layout = _committed(replace(layout, middle=end))
        return layout

    def closed(self, text: str) -> "Layout":
        """Return the layout of the whole *text*, nothing of which is open any more."""
        layout = self.grown(text)
        if layout.start == len(text):
            return layout
        return replace(layout, ends=(*layout.ends, len(text)), middle=len(text))

    def pieces(self, text: str) -> list[str]:
        """Return the texts of the displays; joined they are *text*."""
        cuts = [0, *self.ends, self.middle, len(text)]
        pieces = [text[a:b] for a, b in pairwise(cuts)]
        return pieces[: len(self.ends)] + [p for p in pieces[len(self.ends) :] if p]


def _committed(layout: Layout) -> Layout:
    """Return *layout* with the display that grows finished, if it is full."""
    size = _FIRST * _GROWTH ** len(layout.ends)
    if layout.middle - layout.start < size or len(layout.ends) + 3 > layout.most:
        return layout
    return replace(layout, ends=(*layout.ends, layout.middle))


def _block_end(text: str, start: int, least: int) -> int | None:
    """Return where blocks of *least* characters or more end, if some are finished."""
    size = 2 * least
    while True:
        # Of a piece, not of all: an answer that came at once has many displays too.
        length = finished(text[start : start + size])
        if length >= least:
            return start + length
        if start + size >= len(text):
            return None
        size *= 2
