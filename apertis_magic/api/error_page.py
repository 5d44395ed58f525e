"""An HTML page that stands where an error was to be: what it is called and says."""

import html
import re
from collections.abc import Iterator
from itertools import groupby

from apertis_magic.clean import shortened

_LONGEST = 50_000
"""Characters of a page that are read."""

_FIRST_WORDS = 100
"""Characters, where a page has no name."""

_MARKUP = re.compile(
    r"<(?:!doctype html|html|head|title|meta|body|center|h[1-3])\b", re.IGNORECASE
)
_HEADINGS = ("h1", "h2", "h3")
_NAMES = ("title", *_HEADINGS)
_HIDDEN = ("style", "script")


def is_page(text: str) -> bool:
    """Tell whether *text* is a page of HTML, or the beginning of one."""
    return _MARKUP.search(text[:_LONGEST]) is not None


def name(page: str) -> str:
    """Return what a page is called: its title, or its first heading, or its beginning.

    One without letters, such as ``502``, says too little.
    """
    title, heading = "", ""
    for element, texts in groupby(_texts(page), key=lambda each: each[0]):
        called = "".join(text for _, text in texts)
        title = title or called * (element == "title")
        heading = heading or called.strip() * (element in _HEADINGS)
    named = (each for each in (title, heading) if any(map(str.isalpha, each)))
    return next(named, "") or shortened(words(page), _FIRST_WORDS)


def words(page: str) -> str:
    """Return the words of a page, or of a text that is none."""
    return " ".join(" ".join(text for _, text in _texts(page)).split())


def _texts(page: str) -> Iterator[tuple[str, str]]:
    """Give each text of a page, and the title or heading that it stands in.

    Not by one regular expression: a page of "<" alone would take it minutes.
    """
    inside, hidden = "", ""
    start, *pieces = page[:_LONGEST].split("<")
    yield "", html.unescape(start)
    for piece in pieces:
        tag, closed, text = piece.partition(">")
        element = tag.split()[0].lower() if tag.split() else ""
        if hidden:
            hidden = "" if element == "/" + hidden else hidden
        elif element in _HIDDEN:
            hidden = element
        elif element in _NAMES:
            inside = element
        elif element == "/" + inside:
            inside = ""
        if not hidden:
            yield inside, html.unescape(text if closed else "<" + piece)
