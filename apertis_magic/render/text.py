"""Plain text -> HTML that shows it as it is, and its width in a terminal."""

from html import escape
from unicodedata import combining, east_asian_width

from apertis_magic.clean import printable


def inert(text: str) -> str:
    r"""Return the HTML of *text*, in which no front end finds markup or a formula.

    JupyterLab looks for ``$…$``, ``\(…\)`` and ``\begin`` in HTML as well; it never
    looks across tags.
    """
    html = escape(printable(text))
    for mark in "$\\":
        html = html.replace(mark, f"<span>{mark}</span>")
    return html


def lines(text: str) -> str:
    """Return the inert HTML of *text*, whose lines stay lines without any style."""
    return inert(text).replace("\n", "<br>")


def columns(text: str) -> int:
    """Return how many columns *text* takes in a terminal: wide letters take two."""
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(combining(char) > 0 for char in text)
