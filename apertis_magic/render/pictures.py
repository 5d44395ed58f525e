"""The pictures of an answer as HTML, which a notebook holds once; and back again."""

import re
from dataclasses import replace
from html import escape

from apertis_magic.chat.parts import Part, Parts, Picture
from apertis_magic.chat.picture import readable
from apertis_magic.chat.turn import Turn
from apertis_magic.render import style

LARGEST = 5_000_000
"""Bytes of a picture that is shown; a larger one keeps a page waiting."""

_TOGETHER = 20_000_000
"""Bytes of all pictures of an answer that are shown."""

_SHOWN = re.compile(
    r'<img class="apertis-picture"[^>]{0,400}? src="data:image/[a-z]{1,9};base64,'
    r'([A-Za-z0-9+/]*={0,2})"'
)


def fitted(turn: Turn) -> Turn:
    """Return *turn* without the pictures that are too large to be shown.

    Each still says what it was.
    """
    left = _TOGETHER
    answers: list[Parts] = []
    for parts in turn.answers:
        shown: list[Part] = []
        for part in parts:
            shown.append(_fit(part, min(left, LARGEST)))
            left -= len(shown[-1].data) if isinstance(shown[-1], Picture) else 0
        answers.append(tuple(shown))
    return replace(turn, answers=tuple(answers))


def html(part: Picture) -> str:
    """Return the HTML of a picture that has its bytes and is what it is said to be."""
    return (
        f'<p><img class="apertis-picture" alt="{escape(str(part))}" '
        f'style="{style.PICTURE}" src="{part.data_url}"></p>'
    )


def found(page: str) -> list[str]:
    """Return the pictures in the HTML of an answer, in their order, in base64."""
    return _SHOWN.findall(page)


def _fit(part: Part, room: int) -> Part:
    """Return a part, without its bytes if it is a picture that needs more room."""
    if not isinstance(part, Picture) or len(part.data) <= room:
        return part
    said = f"its {readable(len(part.data))} are more than an output holds"
    return replace(part, data=b"", left_out=said)
