"""A Markdown text -> its blocks, by the rules of CommonMark and of GitHub's tables.

Lines are read once, each against the blocks that are still open, so that the work grows
with the text alone and every prefix of a text is a text. HTML is no block: it is text.
"""

import re
from dataclasses import dataclass

from apertis_magic.render.commonmark import links
from apertis_magic.render.commonmark.blocks import (
    ITEM,
    Block,
    Code,
    Container,
    Heading,
    Item,
    Leaf,
    List,
    Math,
    Note,
    Paragraph,
    Quote,
    Table,
    align_of,
    cells_of,
)
from apertis_magic.render.commonmark.lines import BLANK, CODE, Line
from apertis_magic.render.commonmark.openers import RULE, opened

_DEEPEST = 50  # quotes and items within each other; what is deeper is text

_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_NOTE = re.compile(r"\[\^([^\[\] \t]{1,200}+)\]:")
_COLUMNS = re.compile(
    r"(?=[|:-]{2}|\|[ \t])\|?[ \t]*+:?-+:?[ \t]*+(?:\|[ \t]*+:?-+:?[ \t]*+)*+\|?"
    r"[ \t]*+$"
)


@dataclass(frozen=True, slots=True)
class Document:
    """The blocks of a text.

    Attributes:
        blocks: from first to last.
        references: address and title of each link defined by name.
        notes: what each footnote says.
    """

    blocks: list[Block]
    references: dict[str, tuple[str, str]]
    notes: dict[str, Note]


def parse(text: str) -> Document:
    """Return the blocks of *text*."""
    reader = _Reader()
    for line in text.removesuffix("\n").split("\n"):
        reader.read(line)
    reader.close(0)
    return Document(reader.root.children, reader.references, reader.notes)


def finished(text: str) -> int:
    """Return the length of the part of *text* whose blocks can no longer change.

    The last line counts only when its end has come: it may still become anything.
    """
    reader = _Reader()
    lines = text.split("\n")[:-1]
    for line in lines:
        reader.read(line)
    if reader.is_open():
        lines = lines[: reader.root.children[-1].start]
    return sum(len(line) + 1 for line in lines)


class _Reader:
    """Reads lines one after the other and keeps what is open.

    Attributes:
        root: of all blocks.
        references: links defined by name.
        notes: footnotes by their label.
    """

    def __init__(self) -> None:
        self.root = Container(start=0)
        self.references: dict[str, tuple[str, str]] = {}
        self.notes: dict[str, Note] = {}
        self._containers: list[Container] = [self.root]
        self._leaf: Leaf | None = None
        self._number = 0

    def is_open(self) -> bool:
        """Tell whether the last block may still grow."""
        return len(self._containers) > 1 or self._leaf is not None

    def read(self, text: str) -> None:
        """Read the next line."""
        line = Line(text.removesuffix("\r"), self._number)
        self._number += 1
        depth = self._continued(line)
        is_whole = depth == len(self._containers)
        if is_whole and self._leaf is not None and self._leaf.takes(line):
            self._leaf = self._leaf if self._leaf.open else None
            return
        opened = self._open_containers(line, depth)
        above = self._leaf
        if line.blank:
            self.close(opened)
        elif self._open_leaf(line, opened, is_whole=is_whole and opened == depth):
            return
        elif isinstance(above, Paragraph) and opened == depth:
            self._grow(above, line)  # also where the marks of a quote are left out
        elif isinstance(above, Table) and is_whole and opened == depth:
            self._grow(above, line)
        else:
            self._add(opened, Paragraph(start=line.number, lines=[line.content]))

    def close(self, depth: int) -> None:
        """Close all but the outer *depth* containers, and the text that was open."""
        if isinstance(self._leaf, Paragraph):
            self._define(self._leaf)
        self._leaf = None
        del self._containers[max(depth, 1) :]

    def _continued(self, line: Line) -> int:
        depth = 1
        while depth < len(self._containers) and self._containers[depth].continues(line):
            depth += 1
        return depth

    def _open_containers(self, line: Line, depth: int) -> int:
        """Open the quotes, items and notes that begin in *line*; return the depth."""
        is_whole = depth == len(self._containers)
        while depth < _DEEPEST and line.indent < CODE and not line.blank:
            above = self._leaf if is_whole else None
            if line.starts_with(">"):
                block = self._quote(line, depth)
            elif found := line.match(_NOTE):
                block = self._note(line, depth, found)
            elif found := self._item_mark(line, above):
                block = self._item(line, depth, found)
            else:
                break
            self._containers.append(block)
            depth = len(self._containers)
            is_whole = False
        return depth

    def _quote(self, line: Line, depth: int) -> Container:
        self.close(depth)
        quote = Quote(start=line.number)
        quote.continues(line)
        self._containers[-1].children.append(quote)
        return quote

    def _note(self, line: Line, depth: int, found: re.Match[str]) -> Container:
        self.close(depth)
        note = Note(start=line.number, label=links.normal(found[1]))
        line.read(len(found[0]))
        line.skip(line.indent)
        self._containers[-1].children.append(note)
        self.notes.setdefault(note.label, note)
        return note

    def _item_mark(self, line: Line, above: Leaf | None) -> re.Match[str] | None:
        """Return the marker of the item that *line* begins, if it begins one."""
        found = line.match(ITEM)
        if found is None or line.match(RULE):
            return None
        if not isinstance(above, Paragraph):
            return found
        # "In the year\n2024. That was" is no list, and "a\n-" is a heading.
        is_empty = not line.text[found.end() :].strip(BLANK)
        number = int(found["number"] or 1)
        return None if is_empty or number != 1 else found

    def _item(self, line: Line, depth: int, found: re.Match[str]) -> Container:
        before = self._containers[depth] if depth < len(self._containers) else None
        indent = line.indent
        line.read(len(found[0]))
        gap = line.indent if not line.blank and line.indent <= CODE else 1
        line.skip(gap)
        item = Item(
            start=line.number,
            kind=found[0][-1],
            number=int(found["number"]) if found["number"] else None,
            indent=indent,
            inside=indent + len(found[0]) + gap,
        )
        self.close(depth)
        siblings = self._containers[-1].children
        if not isinstance(before, Item) or before.kind != item.kind:
            siblings.append(List(start=line.number, first=item))
        siblings[-1].children.append(item)
        return item

    def _open_leaf(self, line: Line, depth: int, *, is_whole: bool) -> bool:
        """Open the block of text that begins in *line*, if it is no paragraph."""
        above = self._leaf if isinstance(self._leaf, Paragraph) else None
        if line.indent >= CODE:
            if above is not None:
                return False
            line.skip(CODE)
            code = Code(start=line.number, end=line.number, lines=[line.rest])
            return self._add(depth, code)
        if is_whole and above is not None and self._crown(above, line):
            return True
        leaf = opened(line)
        if leaf is None:
            return False
        if isinstance(leaf, Math) and leaf.open and above is not None:
            if not is_whole:
                return False
            self.close(depth)
            self._put_below(above, leaf)
        return self._add(depth, leaf)

    def _put_below(self, above: Paragraph, formula: Math) -> None:
        """Have a formula that may never end go on with the paragraph above it."""
        siblings = self._containers[-1].children
        if siblings and siblings[-1] is above:
            siblings.pop()
            formula.start, formula.above = above.start, above.lines

    def _crown(self, above: Paragraph, line: Line) -> bool:
        """Make a table's head or a heading of the paragraph above *line*."""
        if line.match(_COLUMNS) and "|" in above.lines[-1]:
            aligns = [align_of(cell) for cell in cells_of(line.content)]
            if len(cells_of(above.lines[-1])) == len(aligns):
                self._make_table(above, aligns, line)
                return True
        if line.match(_UNDERLINE):
            self._define(above)
            if above.lines:
                level = 1 if line.starts_with("=") else 2
                text = "\n".join(above.lines)
                self._containers[-1].children[-1] = Heading(
                    start=above.start, end=line.number, lines=[text], level=level
                )
                self._leaf = None
                return True
        return False

    def _make_table(self, above: Paragraph, aligns: list[str], line: Line) -> None:
        head = above.lines.pop()
        siblings = self._containers[-1].children
        self.close(len(self._containers))
        if above.lines:
            above.end = line.number - 2
        else:
            siblings.pop()
        self._leaf = Table(
            start=line.number - 1, end=line.number, lines=[head], aligns=aligns
        )
        siblings.append(self._leaf)

    def _add(self, depth: int, leaf: Leaf) -> bool:
        self.close(depth)
        self._containers[-1].children.append(leaf)
        self._leaf = leaf if leaf.open else None
        return True

    def _grow(self, leaf: Leaf, line: Line) -> None:
        leaf.lines.append(line.content)
        leaf.end = line.number

    def _define(self, paragraph: Paragraph) -> None:
        """Take the link definitions at the beginning of *paragraph* out of it."""
        if not paragraph.lines or not paragraph.lines[0].startswith("["):
            return
        text = "\n".join(paragraph.lines)
        at = 0
        while found := links.definition(text, at):
            self.references.setdefault(found.label, (found.address, found.title))
            at = found.end
        if at:
            paragraph.lines = text[at:].split("\n") if at < len(text) else []
