"""What an answer is in plain text, and what is said below it: notes and the footer."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from apertis_magic.chat.parts import (
    Parts,
    Picture,
    Refusal,
    Source,
    ToolCall,
    ToolResult,
    text_of,
)
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import excerpt, printable
from apertis_magic.render import calls

Format: TypeAlias = Literal["markdown", "text"]
"""How an answer's text is shown."""

_MARKS = {
    "length": "cut off at the longest allowed answer (length)",
    "interrupted": "stopped; what had come is kept",
    "content_filter": "cut off by the content filter (content_filter)",
}
_ASKED = ("tool_calls", "function_call")
"""Finish reasons by which servers say that they wait for a tool; some say ``stop``."""

MOST_SOURCES = 100
"""Sources of an answer that are listed; the turn has them all."""

_MOST_LINES = 200
_LONGEST = 2_000  # characters of a line that names something
_SHORTEST = 0.1  # seconds in which a rate means something
_CHEAPEST = 0.000001  # USD
# What a provider appends to the id that was asked for: a date, "latest" or a variant.
_VERSION = re.compile(r"(?:-\d{4}(?:-?\d{2}-?\d{2})?|-latest|:[\w.-]+)$")
_LETTERS = 4
"""Characters of an English text in a token, roughly."""


def notes(turn: Turn, *, lists_calls: bool = False) -> list[str]:
    """Return what a reader must know: how the answer ended, and what it lacks.

    Args:
        turn: the answer.
        lists_calls: whether a line for each call of a tool stands above them.
    """
    lines = []
    if turn.fallback:
        lines.append(f"{turn.asked_model} did not answer: {turn.fallback}.")
    if turn.refusal:
        lines.append("The model refused.")
    if turn.error:
        broke = "The answer broke off." if turn.is_answered else "There is no answer."
        lines.append(broke)
    elif turn.nothing_came:
        lines.append("The question was stopped before its answer began.")
    elif turn.finish in _MARKS:
        lines.append(f"The answer was {_MARKS[turn.finish]}.")
    elif not turn.is_answered and turn.finish not in _ASKED:
        lines.append("The answer is empty.")
    if _wants_a_tool(turn):
        of_calls = calls.short_note if lists_calls else calls.note
        lines.append(of_calls(turn.tool_calls))
    if turn.left_out:
        were = "turn was" if turn.left_out == 1 else "turns were"
        lines.append(
            f"{turn.left_out} earlier {were} not sent, so that the question fits into "
            "what the model can read."
        )
    if turn.malformed:
        lines.append(f"{turn.malformed} unreadable events are missing from it.")
    return lines


def _wants_a_tool(turn: Turn) -> bool:
    """Tell whether the answer ended where the model waits for what a tool gives."""
    if turn.error or turn.finish == "interrupted":
        return False
    is_given = any(isinstance(part, ToolResult) for part in turn.parts)
    return not is_given and bool(turn.tool_calls or turn.finish in _ASKED)


def plain(turn: Turn) -> str:
    """Return an answer in plain text: its own, and a line for each picture and call."""
    return _written(turn.parts)


def own(turn: Turn) -> str:
    """Return the answer's own words, which all else stands behind."""
    return _own(turn.parts)


def under(turn: Turn, *, footer: bool = True) -> list[str]:
    """Return the lines that stand below an answer's own words where all is text.

    Args:
        turn: the answer.
        footer: whether the footer is one of them.
    """
    last = [footer_line(turn)] if footer else []
    named = _lines(turn.parts)
    return [*named, *below(turn), *notes(turn, lists_calls=True), *last]


def _written(parts: Parts) -> str:
    return _apart(_own(parts), "\n".join(_lines(parts)))


def _own(parts: Parts) -> str:
    return _apart(text_of(parts), text_of(parts, Refusal))


def _apart(*texts: str) -> str:
    found = [*filter(None, texts)]
    return "\n\n".join(found) if len(found) > 1 else "".join(found)


def _lines(parts: Parts) -> Iterator[str]:
    """Give a line for each picture and call, as many as anybody reads."""
    named = [p for p in parts if isinstance(p, Picture | ToolCall | ToolResult)]
    for part in named[:_MOST_LINES]:
        said = _line(str(part)) if isinstance(part, Picture) else calls.line(part)
        yield f"[{said}]"
    if more := len(named[_MOST_LINES:]):
        yield f"[{more} more]"


def _line(text: str) -> str:
    """Return a text as a line that nothing steers."""
    return excerpt(printable(text), _LONGEST)


def below(turn: Turn) -> list[str]:
    """Return what stands below an answer: its sources, and the other answers."""
    return [*_sources(turn.sources), *_others(turn)]


def _others(turn: Turn) -> list[str]:
    """Return the other answers, where several were asked for, each under its number."""
    return [
        line
        for number, parts in enumerate(turn.answers[1:], 2)
        for line in (f"Answer {number} of {len(turn.answers)}", *_of_other(parts))
    ]


def _of_other(parts: Parts) -> list[str]:
    pages = [part for part in parts if isinstance(part, Source)]
    return [_written(parts), *_sources(pages)]


def _sources(pages: Sequence[Source]) -> list[str]:
    """Return the pages of the web that an answer rests on, under a heading."""
    listed = [
        f"{number}. {_line(f'{page.title} {page.url}')}"
        for number, page in enumerate(pages[:MOST_SOURCES], 1)
    ]
    more = len(pages) - MOST_SOURCES
    rest = [f"… and {more} more"] if more > 0 else []
    return ["Sources", *listed, *rest] if pages else []


def footer_line(turn: Turn) -> str:
    """Return the footer: model, tokens, time, cost, and how the answer ended."""
    if turn.cached:
        parts = ["cached", _model(turn), _tokens(turn)]
    else:
        parts = ["local"] if turn.local else []
        parts += [_model(turn), _tokens(turn), *_speed(turn)]
        parts += ["not streamed"] if turn.not_streamed else []
    if turn.cost is not None:
        saved = f" (saved {dollars(turn.saved)})" if turn.saved else ""
        parts.append(dollars(turn.cost) + saved)
    if turn.finish is not None and turn.finish != "stop":
        parts.append(turn.finish)
    return " · ".join(filter(None, parts))


def dollars(cost: float) -> str:
    """Return a cost in USD as a person reads it."""
    if 0 < cost < _CHEAPEST:
        return f"<${_CHEAPEST:.6f}"
    return f"${cost:.6f}".rstrip("0").rstrip(".")


def _model(turn: Turn) -> str:
    served, asked = turn.model or turn.asked_model, turn.asked_model
    is_other = asked and _plain(asked) != _plain(served)
    return f"{served} (asked: {asked})" if is_other else served


def _plain(model: str) -> str:
    """Return a model's id without what does not make it another model."""
    return _VERSION.sub("", model.rpartition("/")[2].lower())


def _speed(turn: Turn) -> Iterator[str]:
    first = turn.first_text
    until = "" if first is None else f" (first text {first:.1f} s)"
    yield f"{turn.elapsed:.1f} s{until}"
    written = turn.usage.completion_tokens if turn.usage else None
    if written and turn.elapsed >= _SHORTEST and written >= turn.elapsed:
        yield f"{written / turn.elapsed:.0f} tokens/s"


def _tokens(turn: Turn) -> str:
    usage = turn.usage
    sent = usage.prompt_tokens if usage else None
    written = usage.completion_tokens if usage else None
    if usage is None or (usage.total_tokens is None and None in (sent, written)):
        return _estimated(turn)
    if sent is None or written is None:
        return f"{usage.total_tokens} tokens"
    total = sent + written if usage.total_tokens is None else usage.total_tokens
    cached = f" ({usage.cached_tokens} cached)" if usage.cached_tokens else ""
    thought = f" ({usage.reasoning_tokens} reasoning)" if usage.reasoning_tokens else ""
    return f"{sent} in{cached} + {written} out{thought} = {total} tokens"


def _estimated(turn: Turn) -> str:
    """Guess what the server does not tell, and say so."""
    written = (
        len(shortened(turn.text))
        + len(turn.reasoning)
        + sum(map(len, turn.alternatives))
    )
    if not written:
        return "tokens unknown"
    tokens = -(-written // _LETTERS)
    return f"about {tokens} token{'s' * (tokens > 1)} out (estimated)"
