"""Markdown, whole or unfinished -> HTML that is safe to show in a notebook.

The text of a model is hostile until cleaned: raw HTML in it is shown as text, and what
Python-Markdown makes of the rest passes an allow-list. Nothing remote is loaded.
"""

import html
import re
import threading
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import markdown
import nh3
from markdown import Extension
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor

from apertis_magic.clean import mend
from apertis_magic.render import source

_TAGS = set(
    "a blockquote br code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr img input kbd li "
    "mark ol p pre s span strong sub sup table tbody td th thead tr ul".split()
)
_CONTENT_TAGS = set(
    "script style iframe object embed noscript template svg math textarea title xmp "
    "form select button".split()
)
_ATTRIBUTES = {
    "*": {"class"},
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "th": {"style"},
    "td": {"style"},
    "ol": {"start"},
    "li": {"id"},
    "sup": {"id"},
    "input": {"type", "checked", "disabled"},
}
_ALLOWED = {
    # Classes of the highlighter, task lists, footnotes and math, by name: a front end
    # has others, such as jp-*, that change what its page looks like or does.
    "class": re.compile(
        r"(?:highlight|arithmatex|footnote(?:-ref|-backref)?|task-list(?:-item"
        r"|-control|-indicator)?|[a-z][a-z0-9]{0,2})"
    ),
    "href": re.compile(r"(?:https?://|mailto:|#fn)[^\s]*", re.IGNORECASE),
    "src": re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*"),
    "type": re.compile("checkbox"),
    "style": re.compile(r"text-align: (?:left|right|center);"),
    "id": re.compile(r"fn(?:ref\d*)?:[\w-]+"),
}
_EXTENSIONS: dict[str, dict[str, Any]] = {
    "footnotes": {"BACKLINK_TEXT": "↩"},
    "sane_lists": {},
    "tables": {},
    "pymdownx.arithmatex": {"generic": True},
    "pymdownx.betterem": {},
    "pymdownx.highlight": {"css_class": "highlight", "guess_lang": False},
    "pymdownx.magiclink": {},
    "pymdownx.superfences": {},
    "pymdownx.tasklist": {},
    "pymdownx.tilde": {"subscript": False},
}
_UNTOUCHED = {"code", "pre"}  # where a dollar sign never begins a formula


def to_html(text: str) -> str:
    """Return the HTML of *text*, safe to show, without scripts, styles or requests.

    Args:
        text: Markdown; it may break off anywhere.
    """
    text = mend(text)
    with _lock:
        try:
            return _cleaner.clean(
                _converter().reset().convert(source.close_fence(text))
            )
        except Exception:  # noqa: BLE001  no text may cost a person the answer
            return f"<pre>{html.escape(text)}</pre>"


class _Chat(Extension):
    """Markdown as models write it, and nothing that a browser could run."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802  the library's name
        """Register what is ours and take out what lets raw HTML through."""
        md.preprocessors.deregister("html_block")
        md.inlinePatterns.deregister("html")
        # After the fences are taken out (25), before anything else looks.
        md.preprocessors.register(_Normalise(md), "chat-lists", 24)
        # After the inline patterns (20), which make the images and formulas.
        md.treeprocessors.register(_Inert(md), "chat-inert", 5)


class _Normalise(Preprocessor):
    """Puts lists and tables into the form that Python-Markdown knows."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines with lists and tables put right."""
        return source.normalise(lines)


class _Inert(Treeprocessor):
    """Names remote images instead of loading them, and keeps prices from being math."""

    def run(self, root: Element) -> None:
        """Change *root* in place."""
        for parent in list(_outside_code(root)):
            for position, child in enumerate(list(parent)):
                if child.tag == "img" and not _ALLOWED["src"].fullmatch(
                    child.get("src", "")
                ):
                    parent[position] = _named_image(child)
        for element in list(_outside_code(root)):
            _part_dollars(element)


def _outside_code(element: Element) -> Iterator[Element]:
    yield element
    for child in element:
        is_math = child.get("class") == "arithmatex"
        if child.tag not in _UNTOUCHED and not is_math:
            yield from _outside_code(child)


def _named_image(image: Element) -> Element:
    named = Element("em")
    named.text = f"[image not loaded: {image.get('alt') or 'no description'}]"
    named.tail = image.tail
    return named


def _part_dollars(element: Element) -> None:
    """Put every dollar sign of *element* in a tag of its own.

    JupyterLab looks for ``$…$`` in HTML as well; it never looks across tags.
    """
    pieces = (element.text or "").split("$")
    children = list(element)
    if len(pieces) > 1:
        element.text = pieces[0]
        for number, piece in enumerate(pieces[1:]):
            element.insert(number, _dollar(piece))
    for child in children:
        before, *rest = (child.tail or "").split("$")
        child.tail = before
        at = list(element).index(child) + 1
        for number, piece in enumerate(rest):
            element.insert(at + number, _dollar(piece))


def _dollar(tail: str) -> Element:
    sign = Element("span")
    sign.text, sign.tail = "$", tail
    return sign


def _filter(_tag: str, name: str, value: str) -> str | None:
    if name == "class":
        kept = [word for word in value.split() if _ALLOWED["class"].fullmatch(word)]
        return " ".join(kept) or None
    pattern = _ALLOWED.get(name)
    return value if pattern is None or pattern.fullmatch(value) else None


def _converter() -> markdown.Markdown:
    """Return the one converter; making one costs ten times what a short text does."""
    if not _made:
        _made.append(
            markdown.Markdown(
                extensions=[*_EXTENSIONS, _Chat()],
                extension_configs=_EXTENSIONS,
                output_format="html",
            )
        )
    return _made[0]


_made: list[markdown.Markdown] = []
_lock = threading.Lock()  # the converter keeps state while it works
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_CONTENT_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_filter,
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"http", "https", "mailto", "data"},
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
