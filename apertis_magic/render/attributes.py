"""The elements of an answer -> with the attributes that they need to be read.

They are the direction of each text, the few styles, and the host behind a link that
could be taken for another.
"""

import re
from unicodedata import bidirectional
from xml.etree.ElementTree import Element

from apertis_magic.render import style
from apertis_magic.render.addresses import shown_host

_TEXTS = frozenset("p h1 h2 h3 h4 h5 h6 li td th summary blockquote".split())
_LISTS = frozenset({"ul", "ol"})
_CODE = frozenset({"pre", "code"})
_TURNED = frozenset({"p", "td", "th"})  # those that JupyterLab has at the left
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_DEEP_QUOTE = ".//blockquote/blockquote/blockquote/blockquote"
_LETTER = re.compile("[A-Za-z]")
_BY_TAG = {
    "pre": style.CODE,
    "blockquote": style.QUOTE,
    "a": style.LINK,
    "img": style.PICTURE,
}
_BY_CLASS = {
    "apertis-table": style.BOX,
    "highlight": style.BARE,
    "task-list-item": style.TASK,
}


def completed(root: Element) -> None:
    """Give the elements below *root* their attributes."""
    for block in root:  # each by itself: an answer is shown in pieces of whole ones
        _direct(block, is_mixed=bool(_RIGHT_TO_LEFT.search("".join(block.itertext()))))
    for element in list(root.iter()):
        _dress(element)
        for number in range(len(element) - 1, -1, -1):
            if element[number].tag == "a":
                _name_host(element, number)
    for element in root.iterfind(_DEEP_QUOTE):
        del element.attrib["style"]  # or a line of ">" would become a page


def _dress(element: Element) -> None:
    """Give *element* its looks."""
    name = element.get("class", "")
    if element.tag == "hr" and name:  # the one above footnotes
        element.set("style", style.RULE)
    elif look := _BY_CLASS.get(name) or _BY_TAG.get(element.tag):
        element.set("style", look)
    if element.tag == "pre" and len(element):
        element[0].set("style", style.CODE_TEXT)


def _name_host(parent: Element, number: int) -> None:
    """Put the host of a link's address behind the link, where its text hides it."""
    link = parent[number]
    if host := shown_host(link.get("href", ""), "".join(link.itertext())):
        note = Element("small")
        note.text, note.tail, link.tail = f"({host})", link.tail, " "
        parent.insert(number + 1, note)


def _direct(element: Element, *, is_mixed: bool) -> str:
    """Set the directions in *element*; return its first letter's, if there is one.

    A page finds the direction of a text, but not that of a list or quote, whose texts
    have their own; nor does a front end's style sheet follow it.
    """
    if element.tag in _CODE or element.get("class") == "arithmatex":
        if is_mixed or element.tag == "pre":
            element.set("dir", "ltr")
        return ""
    own = first = direction_of(element.text)
    directions = set()
    for child in element:
        inner, tail = _direct(child, is_mixed=is_mixed), direction_of(child.tail)
        own = own or ("" if child.get("dir") else inner) or tail
        first = first or inner or tail
        directions.add(inner)
    if element.tag in _TEXTS:
        _direct_text(element, "auto" if own or not is_mixed else first, first)
    elif is_mixed and first:
        _direct_holder(element, directions, first)
    return first


def _direct_text(element: Element, direction: str, first: str) -> None:
    element.set("dir", direction or "auto")
    if element.tag in _TURNED and first == "rtl":
        element.attrib.setdefault("style", style.START)


def _direct_holder(element: Element, directions: set[str], first: str) -> None:
    is_list = element.tag in _LISTS
    if is_list or element.tag == "table" or element.get("class") == "apertis-table":
        element.set("dir", first)
    if is_list and "rtl" in directions:
        is_all = "ltr" not in directions
        element.set("style", style.FROM_RIGHT if is_all else style.FROM_BOTH)


def direction_of(text: str | None) -> str:
    """Return the direction of the first letter that has one: ltr, rtl or none."""
    if not text:
        return ""
    if text.isascii():
        return "ltr" if _LETTER.search(text) else ""
    kinds = map(bidirectional, text)
    kind = next((kind for kind in kinds if kind in ("L", "R", "AL")), "")
    return {"L": "ltr", "": ""}.get(kind, "rtl")
