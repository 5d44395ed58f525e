"""Markdown, whole or unfinished -> HTML that is safe to show in a notebook.

The text of a model is hostile until cleaned: raw HTML in it is shown as text, and what
is made of the rest passes an allow-list. Nothing remote is loaded.
"""

import html
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
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
from apertis_magic.render.text import BLANK
from apertis_magic.render.tree import Builder
from apertis_magic.render.treeprocessors import EachBlock, show_source

_BETWEEN = "\0"  # blocks; no text has it, as the reader replaces it
_BLANK_LINE = re.compile(rf"(?<=\n)(?=[{BLANK}]*\n)")

_TAGS = set(
    "a blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr img input "
    "kbd li mark ol p pre s small span strong sub summary sup table tbody td th thead "
    "tr u ul".split()
)
_CONTENT_TAGS = set(
    "script style iframe object embed noscript template svg math textarea title xmp "
    "form select button".split()
)
_ATTRIBUTES = {
    "*": {"class", "dir"},
    "a": {"href", "title", "target", "style"},
    "img": {"src", "alt", "title"},
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
    "src": re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*"),
    "target": re.compile("_blank"),
    "type": re.compile("checkbox"),
    "tabindex": re.compile("0"),
    "dir": re.compile("auto|ltr|rtl"),
    "style": re.compile("|".join(map(re.escape, sorted(style.IN_ANSWERS)))),
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
    return "".join(html for _, html in rendered(text).blocks)


def rendered(text: str) -> Rendered:
    """Return the HTML of each block of *text*, safe to show.

    Args:
        text: Markdown; it may break off anywhere.
    """
    text = mend(text)
    with _lock:
        made = _rendered(text)
    if _interrupted:
        _interrupted.clear()
        raise KeyboardInterrupt
    return made


def _rendered(text: str) -> Rendered:
    if not text.strip(f"{BLANK}\r\n"):
        return Rendered(((len(text), ""),), text.rfind("\n") + 1)
    try:
        converter, parser = _converter()
        blocks = _converted(converter, parser, text).split(_BETWEEN)
        document = parser.document
        # Also what entities spelt out: it could turn the direction of code, say.
        cleaned = [printable_in_html(_cleaner.clean(block)) for block in blocks]
    except Exception:  # noqa: BLE001  no text may cost a person the answer
        return _piecewise(text)
    ends = [block.end for block in document.blocks]
    ends += [len(text)] * (len(cleaned) - len(ends))  # notes, or definitions alone
    return Rendered(
        tuple(zip(ends, cleaned, strict=True)), document.finished, document.defines
    )


def _converted(converter: markdown.Markdown, parser: "_Blocks", text: str) -> str:
    """Return the HTML of the blocks of *text*, with a sign between them.

    Python-Markdown takes a text of other white space for none.
    """
    if text.strip():
        return converter.convert(text)
    root = parser.blocks(text)
    EachBlock().run(root)
    return _serialised(root)


def _piecewise(text: str) -> Rendered:
    """Return *text* of which a part cannot be rendered, that part as it is."""
    first, *rest = _BLANK_LINE.split(text)
    if not rest:
        return Rendered(((len(text), f"<pre>{html.escape(text)}</pre>"),))
    blocks, at = [], 0
    for piece in (first, *rest):
        made = "".join(html for _, html in _rendered(piece).blocks)
        at += len(piece)
        blocks.append((at, made))
    return Rendered(tuple(blocks))


class _Blocks(BlockParser):
    """Reads a text as CommonMark and GitHub do, and as models write.

    Attributes:
        document: the blocks of the text that was read last.
    """

    document: Document

    def parseDocument(self, lines: Iterable[str]) -> ElementTree:  # noqa: N802  the library's name
        """Return the tree of elements of *lines*."""
        return ElementTree(self.blocks("\n".join(lines)))

    def blocks(self, text: str) -> Element:
        """Return an element that has one for each block of *text*."""
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
        return root


def _add(builder: Builder, tokens: Sequence[Token], block: Element) -> None:
    try:
        builder.add(tokens, block)
    except Exception:  # noqa: BLE001  a block that fails costs itself alone
        show_source(block)


class _Chat(Extension):
    """Markdown as models write it, instead of as Python-Markdown reads it."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802  the library's name
        """Put what we do with the tree in the place of what would change it."""
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
    if (tag, name) == ("div", "title"):
        return value if LANGUAGE.fullmatch(value) else None
    if name == "class":
        kept = [word for word in value.split() if _ALLOWED["class"].fullmatch(word)]
        return " ".join(kept) or None
    pattern = _ALLOWED.get(name)
    return value if pattern is None or pattern.fullmatch(value) else None


def _serialised(root: Element) -> str:
    """Return the HTML of each block of *root*.

    Python-Markdown's own serialiser takes "&lt;" in a text for an entity.
    """
    return _BETWEEN.join(
        "".join(tostring(child, encoding="unicode", method="html") for child in block)
        for block in root
    )


@cache
def _converter() -> tuple[markdown.Markdown, _Blocks]:
    """Return the one converter and what reads blocks for it."""
    made = markdown.Markdown(extensions=[_Chat()])
    made.parser = parser = _Blocks(made)
    # Python-Markdown's own takes "&lt;" in a text for an entity.
    made.serializer = _serialised
    return made, parser


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
