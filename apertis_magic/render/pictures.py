"""The pictures of an answer as HTML, which a notebook holds once; and back again."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

from apertis_magic.chat.parts import Part, Parts, Picture
from apertis_magic.chat.picture import decoded, kind_of, readable
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
    if not any(isinstance(each, Picture) for parts in turn.answers for each in parts):
        return turn
    left = _TOGETHER
    answers: list[Parts] = []
    for parts in turn.answers:
        shown = []
        for part in parts:
            fits = not isinstance(part, Picture) or len(part.data) <= min(left, LARGEST)
            left -= len(part.data) if isinstance(part, Picture) and fits else 0
            shown.append(part if fits else _named(part))
        answers.append(tuple(shown))
    return replace(turn, answers=tuple(answers))


def html(part: Picture) -> str:
    """Return the HTML of a picture that has its bytes and is what it is said to be."""
    return (
        f'<p><img class="apertis-picture" alt="{escape(str(part))}" '
        f'style="{style.PICTURE}" src="{part.data_url}"></p>'
    )


def found(page: str) -> list[bytes]:
    """Return the pictures in the HTML of an answer, in their order."""
    return [decoded(each) for each in _SHOWN.findall(page)]


def put_back(parts: Iterable[Part], shown: Iterator[bytes]) -> Parts:
    """Return parts with their pictures' bytes, the next of those that are shown."""
    return tuple(_with_data(part, shown) for part in parts)


def _with_data(part: Part, shown: Iterator[bytes]) -> Part:
    if not isinstance(part, Picture) or part.url or part.left_out or part.data:
        return part
    data = next(shown, b"")
    if kind_of(data) == part.kind:
        return replace(part, data=data)
    return replace(part, left_out="it is not in this notebook any more")


def _named(part: Part) -> Part:
    if not isinstance(part, Picture):
        return part
    size = readable(len(part.data))
    said = f"{size}, which is more than an output holds; the turn's pictures have it"
    return replace(part, data=b"", left_out=said)
