"""Pieces of a text -> elements: runs of ``*``, ``_`` and ``~`` become emphasis.

A run is matched as CommonMark tells, but against a bounded number of others.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from apertis_magic.render.commonmark import links

_MOST_OPEN = 30  # runs that wait for their end; the outermost gives way
_STRONG = 2
_CJK = re.compile(
    r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]"
)


@dataclass(slots=True)
class Run:
    """A run of ``*``, ``_`` or ``~`` and what has come behind it."""

    mark: str
    length: int
    opens: bool
    closes: bool
    left: int = 0
    inner: list["Piece"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bare:
    """An address in the text, which is a link unless it stands in one."""

    text: str
    address: str


Piece = str | Element | Run | Bare


def is_beside_word(word: str, other: str) -> bool:
    """Tell whether a run has *word* on its side as the edge of a word.

    The scripts of East Asia put no space between words: there, a sign on the one side
    of a run asks for none on the other.
    """
    if word.isspace():
        return False
    return (
        not is_punctuation(word)
        or other.isspace()
        or is_punctuation(other)
        or bool(_CJK.match(other))
    )


def is_punctuation(character: str) -> bool:
    """Tell whether *character* is punctuation or a symbol."""
    return bool(character) and unicodedata.category(character)[0] in "PS"


def nested(pieces: list[Piece]) -> list[Piece]:
    """Return *pieces* with their runs made emphasis, or text."""
    root = Run("", 0, opens=False, closes=False)
    waiting = [root]
    for piece in pieces:
        if not isinstance(piece, Run):
            waiting[-1].inner.append(piece)
            continue
        while piece.closes and piece.left and (at := _opener(waiting, piece)):
            _wrap(waiting, at, piece)
        if piece.left and piece.opens:
            waiting.append(piece)
            if len(waiting) > _MOST_OPEN:
                _release(waiting, 1)
        elif piece.left:
            waiting[-1].inner.append(piece.mark * piece.left)
    while len(waiting) > 1:
        _release(waiting, 1)
    return root.inner


def _opener(waiting: list[Run], closer: Run) -> int:
    """Return which of the runs *closer* is the end of, or 0."""
    for at in range(len(waiting) - 1, 0, -1):
        run = waiting[at]
        if run.mark != closer.mark:
            continue
        is_odd = (run.length + closer.length) % 3 == 0 and run.length % 3 != 0
        if not ((run.closes or closer.opens) and is_odd):
            return at
    return 0


def _wrap(waiting: list[Run], at: int, closer: Run) -> None:
    """Make an element of what stands between a run and its end."""
    while len(waiting) > at + 1:
        _release(waiting, at + 1)
    opener = waiting[at]
    is_strong = opener.left >= _STRONG and closer.left >= _STRONG
    element = Element("del" if closer.mark == "~" else "strong" if is_strong else "em")
    put(opener.inner, element)
    opener.inner = [element]
    for run in (opener, closer):
        run.left -= 2 if is_strong else 1
    if not opener.left:
        _release(waiting, at)


def _release(waiting: list[Run], at: int) -> None:
    """Make a run text, and put what came behind it to what came before."""
    run = waiting.pop(at)
    if run.left:
        waiting[at - 1].inner.append(run.mark * run.left)
    waiting[at - 1].inner += run.inner


def put(pieces: Iterable[Piece], element: Element) -> None:
    """Put *pieces* to the end of *element*."""
    words: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            words.append(piece)
            continue
        put_text("".join(words), element)
        words.clear()
        if isinstance(piece, Bare):
            element.append(link([piece.text], piece.address, ""))
        elif isinstance(piece, Element):
            element.append(piece)
    put_text("".join(words), element)


def put_text(text: str, element: Element) -> None:
    """Put *text* to the end of *element*, every dollar sign in a tag of its own.

    JupyterLab looks for ``$…$`` in HTML as well; it never looks across tags.
    """
    first, *rest = text.split("$")
    if len(element):
        element[-1].tail = (element[-1].tail or "") + first
    else:
        element.text = (element.text or "") + first
    for words in rest:
        sign = SubElement(element, "span")
        sign.text, sign.tail = "$", words


def link(inner: list[Piece], address: str, title: str) -> Element:
    """Return a link; no link stands in another."""
    element = Element("a", {"href": links.encoded(address), "target": "_blank"})
    if title:
        element.set("title", title)
    texts: list[Piece] = [
        piece.text if isinstance(piece, Bare) else piece for piece in inner
    ]
    put(nested(texts), element)
    for image in element.iterfind(".//a"):
        image.tag, image.attrib = "span", {}
    return element
