"""The kinds of blocks that a Markdown text has, and which lines go on in each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from apertis_magic.render.budget import Budget
from apertis_magic.render.commonmark.lines import BLANK, CODE, Line

_CELL = 40  # characters of the tags of one that is filled up

ITEM = re.compile(r"(?:[-*+]|(?P<number>\d{1,9})[.)])(?=[ \t]|$)")
_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(slots=True, kw_only=True)
class Block:
    """A part of a text that stands on lines of its own.

    Attributes:
        start: the number of its first line.
        end: the number of the last line that has something of it.
        children: the blocks in it.
    """

    start: int
    end: int = 0
    children: list["Block"] = field(default_factory=list)

    def last(self) -> int:
        """Return the number of the last line of it and of what is in it."""
        inner = self.children[-1].last() if self.children else 0
        return max(self.start, self.end, inner)


@dataclass(slots=True, kw_only=True)
class Container(Block):
    """A block of blocks: a document, a quote, an item or a note."""

    def continues(self, line: Line) -> bool:  # noqa: ARG002  others look
        """Tell whether *line* goes on in it, and read what marks that."""
        return True


@dataclass(slots=True, kw_only=True)
class Quote(Container):
    """Lines behind a ``>``."""

    def continues(self, line: Line) -> bool:
        """Tell whether *line* has the mark."""
        if line.indent >= CODE or not line.starts_with(">"):
            return False
        line.read(1)
        line.skip(1)
        self.end = line.number
        return True


@dataclass(slots=True, kw_only=True)
class Note(Container):
    """What a footnote says."""

    label: str

    def continues(self, line: Line) -> bool:
        """Tell whether *line* is blank or indented."""
        if not line.blank and line.indent < CODE:
            return False
        line.skip(CODE)
        return True


@dataclass(slots=True, kw_only=True)
class Item(Container):
    """One item of a list.

    Attributes:
        kind: the marker without its number, the same for all items of a list.
        number: in front of a numbered item.
        indent: columns in front of the marker.
        inside: columns in front of what is in it.
    """

    kind: str
    number: int | None
    indent: int
    inside: int
    ended: bool = False

    def continues(self, line: Line) -> bool:
        """Tell whether *line* is blank or indented far enough."""
        if line.blank:
            # It may begin with one empty line, not with two.
            self.ended = self.ended or not self.children
            line.skip(self.inside)
            return True
        if self.ended:
            return False
        if line.indent < self.inside and self._has_sloppy_child(line):
            self.inside = line.indent
        if line.indent < self.inside:
            return False
        line.skip(self.inside)
        return True

    def _has_sloppy_child(self, line: Line) -> bool:
        """Tell whether *line* is a bullet two columns in, which models put under 1."""
        found = line.match(ITEM)
        is_bullet = found is not None and found["number"] is None
        return self.number is not None and is_bullet and line.indent >= self.indent + 2


@dataclass(slots=True, kw_only=True)
class List(Block):
    """Items with the same kind of marker."""

    first: Item

    @property
    def loose(self) -> bool:
        """Whether blank lines part its items, or what is in one of them."""
        return _has_gap(self.children) or any(
            _has_gap(item.children) for item in self.children
        )


@dataclass(slots=True, kw_only=True)
class Leaf(Block):
    """A block of text."""

    lines: list[str] = field(default_factory=list)
    open: bool = True

    def takes(self, line: Line) -> bool:  # noqa: ARG002  others look
        """Take *line* if it is a part of the block whatever it looks like."""
        return False


@dataclass(slots=True, kw_only=True)
class Paragraph(Leaf):
    """Text."""


@dataclass(slots=True, kw_only=True)
class Heading(Leaf):
    """A title of level 1 to 6."""

    level: int


@dataclass(slots=True, kw_only=True)
class Rule(Leaf):
    """A line across."""


@dataclass(slots=True, kw_only=True)
class Table(Leaf):
    """Rows of cells, the first of them the head.

    Attributes:
        aligns: for each column ``left``, ``right``, ``center`` or nothing.
    """

    aligns: list[str]

    def rows(self, budget: Budget) -> Iterator[list[str]]:
        """Give the cells of each row, as many as there are columns."""
        for line in self.lines:
            cells = cells_of(line)[: len(self.aligns)]
            missing = len(self.aligns) - len(cells)
            yield cells + [""] * missing * budget.spend(missing * _CELL)


@dataclass(slots=True, kw_only=True)
class Code(Leaf):
    """Code, indented or between fences.

    Attributes:
        fence: that began it, or nothing.
        indent: columns in front of each line that are no part of it.
        language: the first word behind the fence.
    """

    fence: str = ""
    indent: int = CODE
    language: str = ""

    def takes(self, line: Line) -> bool:
        """Take everything up to the closing fence, or all that is indented."""
        if not self.fence:
            if line.indent < CODE and not line.blank:
                return False
        elif self._is_closed_by(line):
            self.end, self.open = line.number, False
            return True
        if self.fence or not line.blank:
            self.end = line.number
        line.skip(self.indent)
        self.lines.append(line.rest)
        return True

    def _is_closed_by(self, line: Line) -> bool:
        mark = line.content.rstrip(" \t")
        is_mark = mark.startswith(self.fence) and not mark.strip(self.fence[0])
        return line.indent < CODE and is_mark


@dataclass(slots=True, kw_only=True)
class Math(Leaf):
    """A formula on lines of its own; without its end it is a paragraph.

    Attributes:
        closer: what ends it.
        above: the lines of the paragraph that it interrupts, if it comes to its end.
    """

    closer: str
    above: list[str] = field(default_factory=list)

    def takes(self, line: Line) -> bool:
        """Take everything up to the end of the formula, or to a blank line."""
        if line.blank:
            return False
        self.end = line.number
        self.lines.append(line.content)
        self.open = not line.content.rstrip(BLANK).endswith(self.closer)
        return True


def cells_of(line: str) -> list[str]:
    """Return the cells of a table's row; a pipe behind a backslash parts none."""
    cells = _PIPE.split(line.strip(BLANK))
    found = [cell.strip(BLANK).replace("\\|", "|") for cell in cells]
    if found and not found[0]:
        del found[0]
    if found and not found[-1]:
        del found[-1]
    return found


def align_of(cell: str) -> str:
    """Return which side a column keeps to, by its cell in the line under the head."""
    left, right = cell.startswith(":"), cell.endswith(":")
    return "center" if left and right else "left" if left else "right" if right else ""


def _has_gap(blocks: list[Block]) -> bool:
    return any(after.start - before.last() > 1 for before, after in pairwise(blocks))
