"""Markdown, whole or unfinished -> HTML that is safe to show in a notebook.

The text of a model is hostile until cleaned: raw HTML in it is shown as text, and what
is made of the rest passes an allow-list. Nothing remote is loaded.
"""

import html
import re
import threading
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ElementTree, tostring

import markdown
import nh3
from markdown import Extension
from markdown.blockparser import BlockParser
from markdown.util import Registry

from apertis_magic.clean import mend, printable
from apertis_magic.render import style
from apertis_magic.render.attributes import completed
from apertis_magic.render.commonmark.highlight import LANGUAGE
from apertis_magic.render.commonmark.tree import tree

_TAGS = set(
    "a blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr img input kbd li "
    "mark ol p pre s small span strong sub sup table tbody td th thead tr ul".split()
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


def to_html(text: str) -> str:
    """Return the HTML of *text*, safe to show, without scripts, styles or requests.

    Args:
        text: Markdown; it may break off anywhere.
    """
    text = mend(text)
    with _lock:
        try:
            cleaned = _cleaner.clean(_converter().convert(text))
        except Exception:  # noqa: BLE001  no text may cost a person the answer
            cleaned = f"<pre>{html.escape(text)}</pre>"
    if _interrupted:
        _interrupted.clear()
        raise KeyboardInterrupt
    # Also what entities spelt out: it could turn the direction of code, say.
    return printable(cleaned)


class _CommonMark(BlockParser):
    """Reads blocks, and the text in them, as CommonMark and GitHub do."""

    def parseDocument(self, lines: Iterable[str]) -> ElementTree:  # noqa: N802  the library's name
        """Return the tree of HTML elements that *lines* stand for."""
        return ElementTree(tree("\n".join(lines)))


class _Chat(Extension):
    """Markdown as models write it, instead of as Python-Markdown reads it."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802  the library's name
        """Put our parser in the place of all that would change its text or its tree."""
        md.parser = _CommonMark(md)
        md.preprocessors = Registry()
        md.treeprocessors = Registry()
        md.postprocessors = Registry()


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
    return tostring(completed(root), encoding="unicode", method="html")


def _converter() -> markdown.Markdown:
    """Return the one converter."""
    if not _made:
        made = markdown.Markdown(extensions=[_Chat()])
        # Python-Markdown's own takes "&lt;" in a text for an entity.
        made.serializer = _serialised
        _made.append(made)
    return _made[0]


_made: list[markdown.Markdown] = []
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
