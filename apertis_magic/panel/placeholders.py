"""The pictures of a turn: a placeholder in its HTML, and the bytes when a page asks.

A picture travels apart from the messages that show its turn, so that none brings it
again. Its number counts the files of the question first, then the pictures of all
answers.
"""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from apertis_magic.chat.parts import Picture
from apertis_magic.chat.turn import Turn
from apertis_magic.render import bundle, pictures

if TYPE_CHECKING:
    from apertis_magic.chat.attachment import Attachment


def body(turn: Turn) -> str:
    """Return the HTML of an answer's texts, with placeholders of its pictures."""
    return bundle.body(pictures.fitted(turn).parts, draw=_placeholders(turn))


def below(turn: Turn) -> str:
    """Return the HTML of what stands below it, with placeholders likewise."""
    shown = pictures.fitted(turn)
    return bundle.after(shown, footer=False, draw=_placeholders(turn))


def picture(turn: Turn, number: int) -> tuple[str, bytes] | None:
    """Return the kind and the bytes of a picture, None where there is none.

    Args:
        turn: whose picture it is.
        number: which of the turn's.
    """
    numbered: tuple[Attachment | Picture, ...] = (*turn.attachments, *_held(turn))
    found = numbered[number] if 0 <= number < len(numbered) else None
    if isinstance(found, Picture):
        return found.kind, found.data
    if found is None or found.missing or not found.is_picture:
        return None
    return found.kind, found.raw


def _placeholders(turn: Turn) -> bundle.Draw:
    """Return what makes the placeholders of a turn's pictures."""
    held = list(_held(turn))

    def draw(part: Picture, _direction: str) -> str:
        if not part.data:
            return ""
        number = len(turn.attachments) + held.index(part)
        return f'<data class="ap-picture" value="{number}">{escape(str(part))}</data>'

    return draw


def _held(turn: Turn) -> Iterator[Picture]:
    """Give the pictures of all answers that are shown."""
    for parts in pictures.fitted(turn).answers:
        yield from (part for part in parts if isinstance(part, Picture) and part.data)
