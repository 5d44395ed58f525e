"""Markdown, whole or unfinished -> HTML that is safe to show in a notebook.

The text of a model is hostile until cleaned: raw HTML in it is shown as text, and what
is made of the rest passes an allow-list. Nothing remote is loaded.
"""

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from xml.etree.ElementTree import Element, ElementTree, SubElement, tostring
from zlib import crc32

import markdown
import nh3
from markdown import Extension
from markdown.blockparser import BlockParser
from markdown.util import Registry
from markdown_it.token import Token

from apertis_magic.clean import mend, printable_in_html
from apertis_magic.render import style
from apertis_magic.render.highlight import LANGUAGE
from apertis_magic.render.reading import Document, read
from apertis_magic.render.text import BLANK, inert
from apertis_magic.render.tree import SAFE_IMAGE, Builder
from apertis_magic.render.treeprocessors import EachBlock, show_source

_BLANK_LINE = re.compile(rf"(?<=\n)(?=[{BLANK}]*\n)")

_TAGS = set(
    "a blockquote br code del details div em h1 h2 h3 h4 h5 h6 hr img input kbd li "
    "mark ol p pre s small span strong sub summary sup table tbody td th thead tr u "
    "ul".split()
)
_CONTENT_TAGS = set(
    "script style iframe object embed noscript template svg math textarea title xmp "
    "form select button".split()
)
_ATTRIBUTES = {
    "*": {"class", "dir"},
    "a": {"href", "title", "target", "style"},
    "img": {"src", "alt", "title", "style"},
    "div": {"tabindex", "title", "style"},
    "pre": {"tabindex", "style"},
    "code": {"style"},
    "blockquote": {"style"},
    "hr": {"style"},
    "p": {"style"},
    "th": {"style"},
    "td": {"style"},
    "ul": {"style"},
    "ol": {"start", "style"},
    "li": {"id", "style"},
    "sup": {"id"},
    "input": {"type", "checked", "disabled", "aria-label"},
}
_ALLOWED = {
    # Classes of the highlighter, task lists, footnotes and math, by name: a front end
    # has others, such as jp-*, that change what its page looks like or does.
    "class": re.compile(
        r"(?:highlight|arithmatex|apertis-table|footnote(?:-ref|-backref)?"
        r"|task-list(?:-item)?|[a-z][a-z0-9]{0,2})"
    ),
    "href": re.compile(r"(?:https?://|mailto:|#fn)[^\s]*", re.IGNORECASE),
    "src": SAFE_IMAGE,
    "target": re.compile("_blank"),
    "type": re.compile("checkbox"),
    "tabindex": re.compile("0"),
    "dir": re.compile("auto|ltr|rtl"),
    "id": re.compile(r"fn(?:ref\d*)?:[\w-]+"),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The HTML of a text, block by block.

    Attributes:
        blocks: of each block, where the text behind it begins, and its HTML.
        finished: the length of the part that nothing to come can change, but for links
            and footnotes defined later.
        defines: whether names of links or footnotes are defined in the text.
    """

    blocks: tuple[tuple[int, str], ...]
    finished: int = 0
    defines: bool = False


def to_html(text: str) -> str:
    """Return the HTML of *text*, safe to show, without scripts, styles or requests.

    Args:
        text: Markdown; it may break off anywhere.
    """
    return "".join(block for _, block in rendered(text).blocks)


def rendered(text: str) -> Rendered:
    """Return the HTML of each block of *text*, safe to show.

    Args:
        text: Markdown; it may break off anywhere.
    """
    text = mend(text)
    with _lock:
        whole = _rendered(text)
    if _interrupted:
        _interrupted.clear()
        raise KeyboardInterrupt
    return whole


def _rendered(text: str) -> Rendered:
    if not text.strip(f"{BLANK}\r\n"):
        return Rendered(((len(text), ""),), text.rfind("\n") + 1)
    try:
        converter, parser = _converter()
        converter.convert(text) if text.strip() else parser.convert(text)
        document = parser.document
        # Also what entities spelt out: it could turn the direction of code, say.
        cleaned = [printable_in_html(_cleaner.clean(block)) for block in parser.blocks]
    except Exception:  # noqa: BLE001  no text may cost a person the answer
        return _piecewise(text)
    ends = [block.end for block in document.blocks]
    ends += [len(text)] * (len(cleaned) - len(ends))  # notes, or definitions alone
    return Rendered(
        tuple(zip(ends, cleaned, strict=True)), document.finished, document.defines
    )


def _piecewise(text: str) -> Rendered:
    """Return the HTML of *text*, a part of which cannot be rendered and stays text."""
    pieces = _BLANK_LINE.split(text)
    if len(pieces) == 1:
        return Rendered(((len(text), f"<pre>{inert(text)}</pre>"),), defines=True)
    ends = accumulate(map(len, pieces))
    rendered = (_rendered(piece).blocks for piece in pieces)
    html = ("".join(block for _, block in blocks) for blocks in rendered)
    return Rendered(tuple(zip(ends, html, strict=True)), defines=True)


class _Blocks(BlockParser):
    """Reads a text as CommonMark and GitHub do, and as models write.

    Attributes:
        document: what the text holds that was read last.
        blocks: the HTML of each of its blocks, and of its notes, before it is cleaned.
    """

    document: Document
    blocks: Sequence[str]

    def parseDocument(self, lines: Iterable[str]) -> ElementTree:  # noqa: N802  the library's name
        """Return the tree of elements of *lines*: an element for each block."""
        text = "\n".join(lines)
        self.document = read(text)
        root = Element("div")
        builder = Builder(f"{crc32(text.encode()):x}")
        start = 0
        for block in self.document.blocks:
            source = text[start : block.end]
            _add(builder, block.tokens, SubElement(root, "div", {"source": source}))
            start = block.end
        if notes := self.document.notes:
            source = "\n\n".join(token.content for token in notes)
            _add(builder, notes, SubElement(root, "div", {"source": source}))
        return ElementTree(root)

    def serialise(self, root: Element) -> str:
        """Keep the HTML of each block of *root*, and return all of it.

        Python-Markdown's own serialiser takes "&lt;" in a text for an entity.
        """
        self.blocks = [
            "".join(tostring(each, encoding="unicode", method="html") for each in block)
            for block in root
        ]
        return "".join(self.blocks)

    def convert(self, text: str) -> None:
        """Convert a text that is blank to Python, which Python-Markdown would skip."""
        root = Element("div")
        root[:] = self.parseDocument([text]).getroot() or ()
        EachBlock().run(root)
        self.serialise(root)


def _add(builder: Builder, tokens: Sequence[Token], block: Element) -> None:
    try:
        builder.add(tokens, block)
    except Exception:  # noqa: BLE001  a block that fails costs itself alone
        show_source(block)


class _Chat(Extension):
    """Markdown as models write it, instead of as Python-Markdown reads it."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802  the library's name
        """Replace what Python-Markdown does with a tree by our tree processor."""
        md.preprocessors = Registry()
        md.treeprocessors = Registry()
        md.postprocessors = Registry()
        md.treeprocessors.register(EachBlock(md), "blocks", 0)
        md.stripTopLevelTags = False


def _filter(tag: str, name: str, value: str) -> str | None:
    try:
        return _allowed(tag, name, value)
    except KeyboardInterrupt:  # nh3 would print it and go on
        _interrupted.append(True)
        return None


def _allowed(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        return value if value in style.IN_ANSWERS else None
    if (tag, name) == ("div", "title"):
        return value if LANGUAGE.fullmatch(value) else None
    if name == "class":
        kept = [word for word in value.split() if _ALLOWED["class"].fullmatch(word)]
        return " ".join(kept) or None
    pattern = _ALLOWED.get(name)
    return value if pattern is None or pattern.fullmatch(value) else None


@cache
def _converter() -> tuple[markdown.Markdown, _Blocks]:
    """Return the one converter, and its parser of blocks."""
    converter = markdown.Markdown(extensions=[_Chat()])
    converter.parser = parser = _Blocks(converter)
    converter.serializer = parser.serialise
    return converter, parser


_interrupted: list[bool] = []
_lock = threading.Lock()  # the converter keeps state while it works
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_CONTENT_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_filter,
    url_schemes={"http", "https", "mailto", "data"},
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
