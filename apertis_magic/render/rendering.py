"""The HTML of a growing text, whose finished blocks are rendered once."""

import re
from bisect import bisect_right

from apertis_magic.chat.picture import shortened
from apertis_magic.render.footer import Format
from apertis_magic.render.markdown import rendered, to_html
from apertis_magic.render.text import preformatted


def rendering(format: Format) -> "Rendering":
    """Return the rendering of a text that is shown in this format."""
    return Rendering() if format == "markdown" else Preformatted()


class Rendering:
    """A text as far as it has come, and its HTML block by block.

    Attributes:
        text: the text as far as it has come.
        ends: where the blocks end that nothing to come can change.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.text = ""
        self.ends: list[int] = []
        self._finished: list[str] = []  # the HTML of each of them
        self._open: list[tuple[int, str]] = []  # end and HTML of each block behind them
        self._defines = False

    def grow(self, text: str) -> None:
        """Take in the text as it is now; one that begins otherwise is another text."""
        if not text.startswith(self.text):
            self._begin()
        if text == self.text:
            return
        self.text = text
        start = self.ends[-1] if self.ends else 0
        tail = rendered(text[start:])
        self._defines |= tail.defines
        known = sum(end <= tail.finished for end, _ in tail.blocks)
        self.ends += (start + end for end, _ in tail.blocks[:known])
        self._finished += (html for _, html in tail.blocks[:known])
        self._open = [(start + end, html) for end, html in tail.blocks[known:]]

    def html(self, start: int, end: int) -> str:
        """Return the HTML of a part of the text.

        Args:
            start: where it begins: 0, or one of ``ends``.
            end: where it ends: one of ``ends``, or the length of the text.
        """
        first, last = bisect_right(self.ends, start), bisect_right(self.ends, end)
        below = [html for _, html in self._open] if end == len(self.text) else []
        return "".join([*self._finished[first:last], *below])

    def whole(self) -> str:
        """Return the HTML of the text, which is whole now.

        Where names are defined, blocks above them may use them.
        """
        return to_html(self.text) if self._defines else self.html(0, len(self.text))


class Preformatted(Rendering):
    """A text as far as it has come, shown as it is, line by line."""

    def grow(self, text: str) -> None:
        """Take in the text as it is now."""
        self.text = text
        self.ends = [found.end() for found in re.finditer("\n", text)]

    def html(self, start: int, end: int) -> str:
        """Return the HTML of a part of the text."""
        return preformatted(shortened(self.text[start:end]))

    def whole(self) -> str:
        """Return the HTML of the text."""
        return preformatted(shortened(self.text))
