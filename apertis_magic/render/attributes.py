"""The elements of an answer -> with the attributes that they need to be read.

They are the direction of each text, the few styles, and the host behind a link that
could be taken for another.
"""

import re
from unicodedata import bidirectional
from xml.etree.ElementTree import Element

from apertis_magic.render import style
from apertis_magic.render.addresses import shown_host

_TEXTS = frozenset("p h1 h2 h3 h4 h5 h6 li td th dt dd summary blockquote".split())
_HOLDERS = frozenset({"ul", "ol", "table"})
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_LETTER = re.compile("[A-Za-z]")
_STYLES = {"pre": style.CODE, "blockquote": style.QUOTE, "a": style.LINK}
# JupyterLab has these at the left.
_TURNED = {
    "p": style.RIGHT,
    "td": style.RIGHT,
    "th": style.RIGHT,
    "ul": style.LIST,
    "ol": style.LIST,
}


def completed(root: Element) -> Element:
    """Give the elements below *root* their attributes; return *root*."""
    is_mixed = bool(_RIGHT_TO_LEFT.search("".join(root.itertext())))
    _direct(root, is_mixed=is_mixed)
    for parent in list(root.iter()):
        if look := _look(parent):
            parent.attrib.setdefault("style", look)
        if parent.tag == "pre" and len(parent):
            parent[0].set("style", style.CODE_TEXT)
        for number in range(len(parent) - 1, -1, -1):
            if parent[number].tag == "a":
                _name_host(parent, number)
    return root


def _look(element: Element) -> str:
    if element.get("class") == "apertis-table":
        return style.BOX
    if element.get("class", "").startswith("footnote"):
        return ""
    return _STYLES.get(element.tag, "")


def _name_host(parent: Element, number: int) -> None:
    """Put the host that a link leads to behind it, where its text hides that."""
    link = parent[number]
    if host := shown_host(link.get("href", ""), "".join(link.itertext())):
        note = Element("small")
        note.text, note.tail, link.tail = f"({host})", link.tail, " "
        parent.insert(number + 1, note)


def _direct(element: Element, *, is_mixed: bool) -> str:
    """Set the directions in *element*; return that of its first letter, if any.

    A page finds the direction of a text, but not that of a list or quote, whose texts
    have their own; nor does a front end's style sheet follow it.
    """
    if element.tag in ("pre", "code") or element.get("class") == "arithmatex":
        if is_mixed or element.tag == "pre":
            element.set("dir", "ltr")
        return ""
    own = first = _direction(element.text)
    for child in element:
        inner = _direct(child, is_mixed=is_mixed)
        tail = _direction(child.tail)
        own = own or ("" if child.get("dir") else inner) or tail
        first = first or inner or tail
    if element.tag in _TEXTS:
        is_found = not is_mixed or own or not first
        element.set("dir", "auto" if is_found else first)
    elif element.tag in _HOLDERS and is_mixed and first:
        element.set("dir", first)
    if first == "rtl" and element.tag in _TURNED:
        element.attrib.setdefault("style", _TURNED[element.tag])
    return first


def _direction(text: str | None) -> str:
    """Return the direction of the first letter that has one."""
    if not text:
        return ""
    if text.isascii():
        return "ltr" if _LETTER.search(text) else ""
    kinds = map(bidirectional, text)
    kind = next((kind for kind in kinds if kind in ("L", "R", "AL")), "")
    return {"L": "ltr", "": ""}.get(kind, "rtl")
