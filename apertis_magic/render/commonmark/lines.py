"""One line of a text, read from left to right, with a tab stop every fourth column."""

import re

BLANK = " \t"
"""What is white space in a line; a no-break space, say, is text."""

CODE = 4  # columns; text that is indented further than what is around it is code

_GAP = re.compile(r"[ \t]*")


class Line:
    """A line and how far it has been read.

    Attributes:
        text: of the whole line.
        number: of the line, from 0.
        indent: columns of white space in front of what comes next.
    """

    __slots__ = ("_at", "_column", "_first", "indent", "number", "text")

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number
        self._at = 0
        self._column = 0
        self._look()

    @property
    def blank(self) -> bool:
        """Whether nothing but white space comes next."""
        return self._first == len(self.text)

    @property
    def content(self) -> str:
        """What comes next, without the white space in front."""
        return self.text[self._first :]

    @property
    def rest(self) -> str:
        """What comes next."""
        return self.text[self._at :]

    def starts_with(self, mark: str) -> bool:
        """Tell whether *mark* comes next, behind the white space."""
        return self.text.startswith(mark, self._first)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the match of *pattern* behind the white space."""
        return pattern.match(self.text, self._first)

    def read(self, length: int) -> None:
        """Read the white space and *length* characters behind it."""
        self._column += self.indent + length
        self._at = self._first + length
        self._look()

    def skip(self, columns: int) -> None:
        """Read at most so many columns of white space; a tab may be read in part."""
        columns = min(columns, self.indent)
        if not columns:
            return
        while columns > 0:
            width = 1
            if self.text[self._at] == "\t":
                width = 4 - self._column % 4
                if width > columns:
                    spaces = " " * width
                    self.text = (
                        self.text[: self._at] + spaces + self.text[self._at + 1 :]
                    )
                    continue
            self._at += 1
            self._column += width
            columns -= width
        self._look()

    def _look(self) -> None:
        found = _GAP.match(self.text, self._at)
        gap = found[0] if found else ""
        self._first = self._at + len(gap)
        past = self._column % 4
        self.indent = len((" " * past + gap).expandtabs(4)) - past
