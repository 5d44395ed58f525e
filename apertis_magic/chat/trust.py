"""What a file says holds for nobody's own questions until that person trusts it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State


def marked(state: State, *, trusted: bool) -> State:
    """Return a conversation of a file as it may be gone on with.

    Args:
        state: the conversation; what it says of its own trust is not believed.
        trusted: whether the person who loads it trusts the file. Else it has neither
            model nor system prompt, and its turns are untrusted.
    """
    history = tuple(
        replace(entry, turn=replace(entry.turn, question=question))
        for entry in state.history
        for question in [replace(entry.turn.question, untrusted=not trusted)]
    )
    if trusted:
        return replace(state, history=history)
    return replace(state, history=history, model=None, system=None)


def left_out(question: Question) -> Mapping[str, Any]:
    """Return the fields that do not hold when a question is asked again."""
    kept = question.repeatable
    return {name: value for name, value in question.fields.items() if name not in kept}
