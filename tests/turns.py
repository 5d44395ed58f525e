"""Turns as the tests need them: an answer by its texts instead of by its parts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apertis_magic.chat.growth import Piece
from apertis_magic.chat.parts import Part, Parts, Reasoning, Refusal, Source, Text
from apertis_magic.chat.turn import Turn


def parts_of(
    text: str = "",
    *,
    reasoning: str = "",
    refusal: str = "",
    sources: Iterable[Source] = (),
    others: Iterable[Part] = (),
) -> Parts:
    """Return an answer with these texts, and with other parts behind them."""
    texts = (Reasoning(reasoning), Text(text), Refusal(refusal))
    return (*(each for each in texts if each.text), *others, *sources)


def turn_of(*, alternatives: Iterable[str] = (), **fields: Any) -> Turn:
    """Return a turn whose answers have these texts."""
    names = ("text", "reasoning", "refusal", "sources", "others")
    own = parts_of(**{name: fields.pop(name) for name in names if name in fields})
    others = [parts_of(text) for text in alternatives]
    return Turn(answers=(own, *others) if own or others else (), **fields)


def changed(turn: Turn, **fields: Any) -> Turn:
    """Return a turn with other texts in its answers, and other fields."""
    names = ("text", "reasoning", "refusal", "sources")
    texts = {n: fields.pop(n, getattr(turn, n)) for n in (*names, "alternatives")}
    answers = turn_of(question=turn.question, **texts).answers
    return replace(turn, answers=answers, **fields)


def with_text(turn: Turn, text: str, **fields: Any) -> Turn:
    """Return a turn whose answer is another text."""
    return replace(turn, answers=(parts_of(text),) if text else (), **fields)


def said(data: Mapping[str, str]) -> str:
    """Return what of an output's plain text is the answer's own."""
    whole = data["text/plain"]
    box = re.match('<div class="apertis-answer" data-below="(.*?)"', data["text/html"])
    below = int(box[1]) if box else 0
    return "\n".join(whole.split("\n")[: -below - 1]) if below else whole


def pieces(answer: int = 0, **texts: str) -> list[Piece]:
    """Return what an answer has grown by, by its kind."""
    return [Piece(answer, kind, text) for kind, text in texts.items()]
