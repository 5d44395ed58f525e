"""A question as a person sees it above its answer: a long one is folded, or cut."""

from apertis_magic.chat.picture import readable
from apertis_magic.chat.turn import Turn
from apertis_magic.render import style
from apertis_magic.render.text import lines as html_lines
from apertis_magic.render.text import note

LONG, _LONG_LINES = 2_000, 30
"""Characters, and lines, of a question that is shown whole; a longer one is folded."""

_SHORT, _SHORT_LINES = 1_000, 12
"""Those of a longer one that are shown all the same."""

_LARGEST = 100_000
"""Characters behind a fold; of more a page would become slow."""


def clipped(text: str) -> str:
    """Return the beginning of a text that is shown, all of it where it is short."""
    lines = text.split("\n", _LONG_LINES)
    if len(text) <= LONG and len(lines) <= _LONG_LINES:
        return text
    return "\n".join(lines[:_SHORT_LINES])[:_SHORT]


def html(turn: Turn) -> str:
    """Return the HTML of a question with the names of what was attached."""
    shown = clipped(turn.prompt)
    rest = turn.prompt[len(shown) :]
    folded = ""
    if rest:
        summary = f'<summary dir="auto"><small>{_all(turn.prompt)}</small></summary>'
        more = note(_left_out(rest[_LARGEST:])) if len(rest) > _LARGEST else ""
        folded = f"<details>{summary}{html_lines(rest[:_LARGEST])}{more}</details>"
    files = "".join(map(note, attached(turn)))
    looks = f'class="apertis-question" dir="auto" style="{style.QUESTION}"'
    dots = " …" if rest else ""
    return f"<blockquote {looks}>{html_lines(shown)}{dots}{folded}{files}</blockquote>"


def plain(turn: Turn) -> str:
    """Return a question as plain text, without what is left out of a long one."""
    return short(turn.prompt)


def short(text: str) -> str:
    """Return a text, of a long one the beginning and how much is left out."""
    shown = clipped(text)
    rest = text[len(shown) :]
    return f"{shown} …\n{_left_out(rest)}" if rest else shown


def attached(turn: Turn) -> list[str]:
    """Return the lines that name what was attached to a question."""
    return [f"Attached: {each}" for each in turn.attachments]


def _all(text: str) -> str:
    return f"Show all, {readable(len(text.encode(errors='replace')))}"


def _left_out(rest: str) -> str:
    size = readable(len(rest.encode(errors="replace")))
    return f"{size} more are left out here; %chat export writes all of it."
