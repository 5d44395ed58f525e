"""What is done with the tree of an answer, by tree processors of ``markdown``."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

from markdown.treeprocessors import Treeprocessor

from apertis_magic.render.attributes import completed
from apertis_magic.render.formulas import OPENERS
from apertis_magic.render.highlight import highlighted

_UNREAD = {"code", "span"}  # a span holds a formula, or one sign


class Attributes(Treeprocessor):
    """Gives elements their direction and looks, and links their true hosts."""

    def run(self, root: Element) -> None:
        """Complete the elements below *root*."""
        completed(root)


class Guards(Treeprocessor):
    """Keeps front ends from finding formulas where there are none."""

    def run(self, root: Element) -> None:
        """Put the signs of *root*'s text into tags."""
        for element in _shown(root):
            if _has_mark(element.text) or any(_has_mark(each.tail) for each in element):
                _guard(element)


class Highlighting(Treeprocessor):
    """Gives code its colours."""

    def run(self, root: Element) -> None:
        """Put coloured code in the place of plain code."""
        for parent in [each for each in root.iter() if each.find("pre") is not None]:
            for number, child in enumerate(parent):
                code = child.find("code") if child.tag == "pre" else None
                if code is not None:
                    language = code.get("class", "").removeprefix("language-")
                    parent[number] = highlighted(code.text or "", language)
                    parent[number].tail = child.tail


def _shown(root: Element) -> Iterator[Element]:
    """Give the elements in which a front end may look for formulas."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if element.tag not in _UNREAD and element.get("class") != "arithmatex":
            yield element
            waiting += element


def _has_mark(text: str | None) -> bool:
    return text is not None and bool(OPENERS.search(text))


def _guard(element: Element) -> None:
    children: list[Element] = []
    if _has_mark(element.text):
        element.text, children = _guarded(element.text or "")
    for child in element:
        children.append(child)
        if _has_mark(child.tail):
            child.tail, spans = _guarded(child.tail or "")
            children += spans
    element[:] = children


def _guarded(text: str) -> tuple[str, list[Element]]:
    """Return what *text* begins with, and elements for its signs with what follows."""
    first, *pieces = OPENERS.split(text)
    spans = []
    for sign, tail in zip(pieces[::2], pieces[1::2], strict=True):
        span = Element("span")
        span.text, span.tail = sign, tail
        spans.append(span)
    return first, spans


PROCESSORS = (Highlighting(), Attributes(), Guards())
"""In the order in which they run."""


class EachBlock(Treeprocessor):
    """Lets all of them work on a block; one that fails costs this block alone."""

    def run(self, root: Element) -> None:
        """Process each of the blocks that are *root*'s children."""
        for block in root:
            try:
                for processor in PROCESSORS:
                    processor.run(block)
            except Exception:  # noqa: BLE001  no text may cost a person the answer
                show_source(block)


def show_source(block: Element) -> None:
    """Show a block as it was written."""
    block[:] = []
    SubElement(block, "pre").text = block.get("source")
    Guards().run(block)
