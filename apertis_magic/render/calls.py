"""The tools that a model asked for, and what they gave, as a person reads them."""

import json
from collections.abc import Sequence

from apertis_magic.chat.parts import ToolCall, ToolResult
from apertis_magic.clean import excerpt, printable

_LONGEST_NAME, _LONGEST_LINE = 100, 500
_MOST, _SHORT = 3, 100
"""Calls that a note names, and the characters of each one's arguments."""

_LONGEST = 20_000
"""Characters of the arguments that are shown; the turn has them all."""


def name(call: ToolCall) -> str:
    """Return the tool's name in one short line."""
    return excerpt(printable(call.name), _LONGEST_NAME) or "a tool"


def line(part: ToolCall | ToolResult) -> str:
    """Return a call, or what it gave, in one line."""
    if isinstance(part, ToolResult):
        return f"the tool gave {excerpt(printable(part.text), _LONGEST_LINE)}"
    return f"asked for {_the(part)}{_called(part, _LONGEST_LINE)}"


def note(calls: Sequence[ToolCall]) -> str:
    """Return the sentence that tells of calls that nobody has made, none or more."""
    named = [_called(call, _SHORT) for call in calls[:_MOST]]
    if not named:
        return "The model asked for a tool, and there is none here."
    if len(calls) == 1:
        return (
            f"The model asked for {_the(calls[0])}{named[0]}, and there is none here."
        )
    more = len(calls) - len(named)
    last = f"{more} more" if more else named.pop()
    several = f"{', '.join(named)} and {last}"
    return f"The model asked for the tools {several}, and there are none here."


def short_note(calls: Sequence[ToolCall]) -> str:
    """Return the sentence about calls, none or more, whose lines stand above it."""
    if not calls:
        return note(calls)
    is_one = len(calls) == 1
    return "There is no such tool here." if is_one else "There are no such tools here."


def _the(call: ToolCall) -> str:
    return "the tool " if call.name else ""


def _called(call: ToolCall, longest: int) -> str:
    return f"{name(call)}({excerpt(printable(call.arguments), longest)})"


def inside(part: ToolCall | ToolResult) -> str:
    """Return the arguments, or the result, line by line where they are JSON."""
    written = part.arguments if isinstance(part, ToolCall) else part.text
    written = written.strip()
    left_out = len(written) - _LONGEST
    if left_out > 0:
        return f"{written[:_LONGEST]}\n… {left_out} more characters"
    return _indented(written)


def _indented(written: str) -> str:
    """Return JSON with a line for each field, if that changes nothing but blanks."""
    try:
        read = json.loads(written)
        pretty = json.dumps(read, indent=2, ensure_ascii=written.isascii())
    except (ValueError, RecursionError):
        return written
    return pretty if _letters(pretty) == _letters(written) else written


def _letters(text: str) -> str:
    return "".join(text.split())
