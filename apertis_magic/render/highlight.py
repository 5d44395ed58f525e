"""Code -> an element with the classes of pygments, and the language's name."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from xml.etree.ElementTree import Element, SubElement

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

_MOST_COLOURED = 20_000  # characters of one block; its lines behind them are plain
_LONGEST_LINE = 1000  # some lexers try each place of a longer one again and again
LANGUAGE = re.compile(r"\w[\w+#.-]{0,30}")
"""The name of a language."""


def highlighted(code: str, language: str) -> Element:
    """Return *code* as an element; its language is never guessed.

    Args:
        code: its lines.
        language: as the answer names it; what is not known is shown without colours.
    """
    box = Element("div", {"class": "highlight"})
    if named := LANGUAGE.match(language):
        box.set("title", named[0])
    # Wide code is scrolled by the keyboard, which must be able to get to it.
    inner = SubElement(SubElement(box, "pre", {"tabindex": "0"}), "code")
    lexer = _lexer(named[0].lower()) if named else None
    if lexer is None or max(map(len, code.split("\n"))) > _LONGEST_LINE:
        inner.text = code
        return box
    end = len(code)
    if end > _MOST_COLOURED:
        end = code.rfind("\n", 0, _MOST_COLOURED) + 1
    pieces = list(_coloured(lexer, code[:end]))
    if "".join(words for _, words in pieces) != code[:end]:
        pieces = [("", code[:end])]  # some lexers repeat or lose what is unfinished
    for name, words in pieces:
        _put(words, name, inner)
    _put(code[end:], "", inner)
    return box


def _put(words: str, name: str, element: Element) -> None:
    if name:
        SubElement(element, "span", {"class": name}).text = words
    elif len(element):
        element[-1].tail = (element[-1].tail or "") + words
    else:
        element.text = (element.text or "") + words


def _coloured(lexer: Lexer, code: str) -> Iterator[tuple[str, str]]:
    """Give the pieces of *code*, each with its class."""
    pieces = (
        (_class(kind), words) for _, kind, words in lexer.get_tokens_unprocessed(code)
    )
    for name, group in groupby(pieces, key=itemgetter(0)):
        yield name, "".join(words for _, words in group)


def _class(kind: _TokenType) -> str:
    while kind not in STANDARD_TYPES and kind.parent is not None:
        kind = kind.parent
    return STANDARD_TYPES.get(kind, "")


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None
