"""The tools that a model asked for, as a person reads them."""

import json

from apertis_magic.chat.parts import ToolCall
from apertis_magic.clean import excerpt, printable

_LONGEST_NAME, _LONGEST_LINE = 100, 500
_LONGEST = 20_000
"""Characters of the arguments that are shown; the turn has them all."""


def name(call: ToolCall) -> str:
    """Return the tool's name in one short line."""
    return excerpt(printable(call.name), _LONGEST_NAME) or "a tool"


def line(call: ToolCall) -> str:
    """Return the call in one line."""
    written = excerpt(printable(call.arguments), _LONGEST_LINE)
    return f"{name(call)}({written})"


def arguments(call: ToolCall) -> str:
    """Return the arguments, line by line where they are JSON."""
    written = call.arguments.strip()
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
