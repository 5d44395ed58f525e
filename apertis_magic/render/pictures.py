"""The pictures of an answer as HTML, which a notebook holds once; and back again.

They are parts of the answer, or stand in its text, whole, as an address (``data:``).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from itertools import chain
from urllib.parse import unquote_to_bytes

from apertis_magic.chat.parts import Part, Parts, Picture
from apertis_magic.chat.picture import kind_of, of_data_url, readable
from apertis_magic.chat.turn import Turn
from apertis_magic.render import style

LARGEST = 5_000_000
"""Bytes of a picture that is shown; a larger one keeps a page waiting."""

TOGETHER = 20_000_000
"""Bytes of all pictures of an answer that are shown."""

_SHOWN = re.compile(
    r'<img class="apertis-picture" src="data:image/[a-z]{1,9};base64,'
    r'([A-Za-z0-9+/]*={0,2})"'
)


def shown_from_text(address: str, room: int) -> Picture | None:
    """Return the picture that an address in a text holds, None where it holds none.

    Args:
        address: the address.
        room: how many bytes a picture may have, at the most.
    """
    if not address[:11].lower().startswith("data:image/"):
        return None
    try:
        data = of_data_url(unquote_to_bytes(address).decode("ascii", "replace"))
    except ValueError:
        return None
    kind = kind_of(data)
    fits = len(data) <= min(room, LARGEST)
    return Picture(kind, data) if kind is not None and fits else None


def all_fitted(turns: Sequence[Turn]) -> list[Turn]:
    """Return turns that are shown together, the newest with their pictures first."""
    room, shown = TOGETHER, []
    for turn in reversed(turns):
        shown.append(fitted(turn, room))
        parts = chain.from_iterable(shown[-1].answers)
        room -= sum(len(each.data) for each in parts if isinstance(each, Picture))
    return shown[::-1]


def fitted(turn: Turn, room: int = TOGETHER) -> Turn:
    """Return *turn* without the pictures that are too large to be shown.

    Each still says what it was.

    Args:
        turn: the turn.
        room: bytes of pictures that may be shown.
    """
    if not any(isinstance(each, Picture) for parts in turn.answers for each in parts):
        return turn
    left = room
    answers: list[Parts] = []
    for parts in turn.answers:
        shown: list[Part] = []
        for part in parts:
            shown.append(_fit(part, min(left, LARGEST)))
            left -= len(shown[-1].data) if isinstance(shown[-1], Picture) else 0
        answers.append(tuple(shown))
    return replace(turn, answers=tuple(answers))


def html(part: Picture, direction: str = "") -> str:
    """Return the HTML of a picture; none where it is not what it is said to be.

    Args:
        part: the picture.
        direction: of the text above it, at whose side it stands.
    """
    if kind_of(part.data) != part.kind:
        return ""
    side = f' dir="rtl" style="{style.START}"' if direction == "rtl" else ""
    return (
        f'<p{side}><img class="apertis-picture" src="{part.data_url}" '
        f'alt="{escape(str(part))}" style="{style.PICTURE}"></p>'
    )


def found(page: str) -> list[str]:
    """Return the pictures in the HTML of an answer, in their order, in base64."""
    return _SHOWN.findall(page)


def _fit(part: Part, room: int) -> Part:
    """Return a part, without its bytes if it is a picture that needs more room."""
    if not isinstance(part, Picture) or len(part.data) <= room:
        return part
    said = f"{readable(len(part.data))}, which is too large to be shown"
    return replace(part, data=b"", left_out=said)
