"""Plain text -> HTML that shows it as it is, and its width in a terminal."""

from html import escape
from unicodedata import combining, east_asian_width

from apertis_magic.clean import printable_in_html
from apertis_magic.render import style
from apertis_magic.render.formulas import OPENERS

BLANK = " \t"
"""What is blank in a text. Other white space is not, as CommonMark has it."""


def inert(text: str) -> str:
    """Return the HTML of *text*, in which no front end finds markup or a formula."""
    return OPENERS.sub(r"<span>\1</span>", escape(printable_in_html(text)))


def preformatted(text: str) -> str:
    """Return the HTML of *text* that keeps its lines and spaces."""
    looks = f'class="apertis-text" dir="auto" style="{style.TEXT}"'
    return f"<div {looks}>{lines(text)}</div>" if text else ""


def lines(text: str) -> str:
    """Return the inert HTML of *text*, whose lines stay lines without any style."""
    return inert(text).replace("\n", "<br>")


def note(line: str) -> str:
    """Return the HTML of a line that says something about what is shown."""
    return (
        f'<div class="apertis-note" dir="auto" style="{style.DIM}">'
        f"<small><em>{lines(line)}</em></small></div>"
    )


def columns(text: str) -> int:
    """Return how many columns *text* takes in a terminal: wide letters take two."""
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(combining(char) > 0 for char in text)
