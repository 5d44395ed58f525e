"""Turns and a question -> the messages of a request."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from apertis_magic.api.types import Message
from apertis_magic.chat.parts import Picture
from apertis_magic.chat.turn import Turn

_RECENT = 4
"""Turns before a question whose pictures are sent again."""


def messages(
    turns: Sequence[Turn], last: Sequence[Message], *, system: str | None, model: str
) -> list[Message]:
    """Return the messages of a request.

    The pictures of the last answers go with the user's message after them, where any
    server takes one, but only to the model that made them: another one may not see.

    Args:
        turns: those that are sent before the question, the oldest first.
        last: the question, or what completes an answer.
        system: the system prompt, None or empty for none.
        model: the model that is asked.
    """
    sent = [Message("system", system)] if system else []
    seen: list[dict[str, Any]] = []
    for turn in turns[:-_RECENT]:
        sent += turn.messages
    for turn in turns[-_RECENT:]:
        sent += _with_pictures(turn.messages, seen)
        sees = turn.asked_model == model
        seen = [_picture(each) for each in turn.pictures if each.data and sees]
    return [*sent, *_with_pictures(last, seen)]


def _with_pictures(
    messages: Sequence[Message], pictures: list[dict[str, Any]]
) -> Sequence[Message]:
    """Return messages, the first of which has the pictures before it too."""
    if not pictures or not messages:
        return messages
    first, *others = messages
    content = first.content
    own = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [replace(first, content=[*pictures, *own]), *others]


def _picture(part: Picture) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": part.data_url}}
