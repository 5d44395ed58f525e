"""A Markdown text -> the tree of HTML elements that it stands for."""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement
from zlib import crc32

from apertis_magic.render.commonmark import reader
from apertis_magic.render.commonmark.blocks import (
    Block,
    Code,
    Heading,
    List,
    Math,
    Note,
    Paragraph,
    Quote,
    Rule,
    Table,
)
from apertis_magic.render.commonmark.emphasis import put_text
from apertis_magic.render.commonmark.highlight import highlighted
from apertis_magic.render.commonmark.inline import Writer
from apertis_magic.render.formulas import marked

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")


def tree(text: str) -> Element:
    """Return *text*, whole or unfinished, as a ``div`` of elements."""
    root = Element("div")
    document = reader.parse(text)
    name = f"{crc32(text.encode()):x}"
    builder = _Builder(Writer(document.references, document.notes, name=name))
    builder.add(document.blocks, root)
    builder.add_notes(document.notes, root)
    return root


class _Builder:
    """Makes elements of blocks."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(
        self, blocks: Iterable[Block], parent: Element, *, tight: bool = False
    ) -> None:
        """Add *blocks* to *parent*; in a tight list, text needs no paragraph."""
        for block in blocks:
            match block:
                case Paragraph() | Math(open=True):
                    self._add_text(block.lines, parent, tight=tight)
                case Heading():
                    heading = SubElement(parent, f"h{block.level}")
                    self._writer.write(block.lines[0], heading)
                case Rule():
                    SubElement(parent, "hr")
                case Code():
                    parent.append(highlighted(_code(block), block.language))
                case Math():
                    parent.append(_formula(block))
                case Table():
                    self._add_table(block, parent)
                case Quote():
                    self.add(block.children, SubElement(parent, "blockquote"))
                case List():
                    self._add_list(block, parent)

    def add_notes(self, notes: dict[str, Note], root: Element) -> None:
        """Add the footnotes that the text refers to, and those that they refer to."""
        labels = self._writer.referred
        if not labels:
            return
        box = SubElement(root, "div", {"class": "footnote"})
        SubElement(box, "hr", {"class": "footnote"})
        listed = SubElement(box, "ol")
        for number, label in enumerate(labels, 1):  # grows while it is read
            name = f"{self._writer.name}-{number}"
            item = SubElement(listed, "li", {"id": f"fn:{name}"})
            self.add(notes[label].children, item)
            last = item[-1] if len(item) and item[-1].tag == "p" else item
            back = {"class": "footnote-backref", "href": f"#fnref:{name}"}
            SubElement(last, "a", back).text = "↩"

    def _add_text(self, lines: list[str], parent: Element, *, tight: bool) -> None:
        if not lines:
            return
        element = parent if tight else SubElement(parent, "p")
        if len(element) or element.text:
            put_text("\n", element)
        self._writer.write("\n".join(lines), element)

    def _add_list(self, block: List, parent: Element) -> None:
        first = block.first.number
        element = SubElement(parent, "ul" if first is None else "ol")
        if first not in (None, 1):
            element.set("start", str(first))
        tight = not block.loose
        for child in block.children:
            item = SubElement(element, "li")
            done = _task(child)
            if done is not None:
                element.set("class", "task-list")
                item.set("class", "task-list-item")
            self.add(child.children, item, tight=tight)
            if done is not None:
                _put_box(item if tight else item[0], done=done)

    def _add_table(self, block: Table, parent: Element) -> None:
        """Add a table, in a box that can be scrolled, by the keyboard too."""
        box = SubElement(parent, "div", {"class": "apertis-table", "tabindex": "0"})
        table = SubElement(box, "table")
        head, *rows = block.rows()
        self._add_row(head, block.aligns, SubElement(table, "thead"), "th")
        body = SubElement(table, "tbody") if rows else table
        for row in rows:
            self._add_row(row, block.aligns, body, "td")

    def _add_row(
        self, row: list[str], aligns: list[str], parent: Element, tag: str
    ) -> None:
        element = SubElement(parent, "tr")
        for cell, align in zip(row, aligns, strict=False):
            style = {"style": f"text-align: {align};"} if align else {}
            self._writer.write(cell, SubElement(element, tag, style))


def _task(item: Block) -> bool | None:
    """Take the box in front of a task, and tell whether it is ticked."""
    first = item.children[0] if item.children else None
    if not isinstance(first, Paragraph) or not first.lines:
        return None
    found = _TASK.match(first.lines[0])
    if found is None:
        return None
    first.lines[0] = first.lines[0][found.end() :]
    return found[1] != " "


def _put_box(element: Element, *, done: bool) -> None:
    label = "Completed task" if done else "Incomplete task"
    box = Element("input", {"type": "checkbox", "disabled": "", "aria-label": label})
    if done:
        box.set("checked", "")
    box.tail = f" {element.text or ''}"
    element.text = None
    element.insert(0, box)


def _code(block: Code) -> str:
    lines = block.lines
    while not block.fence and not lines[-1].strip():
        lines.pop()  # blank lines behind indented code are none of it
    return "".join(f"{line}\n" for line in lines)


def _formula(block: Math) -> Element:
    source = "\n".join(block.lines).strip()
    formula = marked(source)
    if formula is None:
        return highlighted(source, "latex")
    element = Element("div", {"class": "arithmatex"})
    element.text = formula
    return element
