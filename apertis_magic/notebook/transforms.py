"""Keeps IPython from reading a message as code before the magic sees it.

IPython strips what looks like a prompt (``>>> ``) from every line of a cell, takes a
line that ends in ``?`` for a request for help, and refuses a cell magic without a body.
"""

import re
import tokenize
from collections.abc import Sequence
from typing import Any, Self

from IPython.core.inputtransformer2 import TokenTransformBase

_CELL = re.compile(r"[ \t]*%%chat(?=\s|$)[ \t]*(.*)")
_OTHER = re.compile(r"%%(\w+)[ \t]*(.*)")
_LINE = re.compile(r"%chat[ \t]+(\S.*?)(?<!\\)\s*$")
_MISPLACED = (
    'raise __import__("IPython.core.error").core.error.UsageError('
    '"%%chat must be the first line of its cell; move what stands above it.")\n'
)


def give_message(lines: list[str]) -> list[str]:
    """Turn a ``%%chat`` cell into its call, with the message as it was typed.

    So with a cell magic such as ``%%time`` right above it.
    """
    first, *rest = [n for n, line in enumerate(lines) if line.strip()] or [0]
    cell = _CELL.match(lines[first]) if lines else None
    if cell:
        return _call("chat", cell[1], lines[first + 1 :])
    other = _OTHER.match(lines[first]) if rest else None
    if other and _CELL.match(lines[rest[0]]):
        return _call(other[1], other[2], lines[first + 1 :])
    return lines


# Not asked whether a cell is complete: a terminal would not wait for the message.
give_message.has_side_effects = True  # type: ignore[attr-defined]  # IPython's way


def _call(name: str, line: str, body: list[str]) -> list[str]:
    # IPython refuses a cell magic without a body before the magic runs.
    text = "".join(body) or "\n"
    return [f"get_ipython().run_cell_magic({name!r}, {line!r}, {text!r})\n"]


class _Statement(TokenTransformBase):
    """A statement that begins with ``%``; IPython has made Python of those above it."""

    priority = 4  # before a request for help (5)
    pattern: re.Pattern[str]

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[Any]]) -> Self | None:
        """Return the first such statement, if there is one."""
        for line in tokens_by_line:
            steps = (tokenize.INDENT, tokenize.DEDENT)
            first = next((token for token in line if token.type not in steps), None)
            if first and cls.pattern.match(first.line[first.start[1] :]):
                return cls(first.start)
        return None


class ChatLine(_Statement):
    """``%chat ask …?`` is a question; ``%chat?`` stays a request for help.

    Other lines are taken as well: an open bracket in one would hide the lines below it.
    """

    pattern = _LINE

    def transform(self, lines: list[str]) -> list[str]:
        """Return *lines* with the call in place of the statement."""
        at = self.start_line
        before, line = lines[at][: self.start_col], lines[at][self.start_col :]
        match = _LINE.match(line)
        asked = match[1] if match else ""
        call = f"{before}get_ipython().run_line_magic('chat', {asked!r})\n"
        return [*lines[:at], call, *lines[at + 1 :]]


class Misplaced(_Statement):
    """``%%chat`` below something else.

    It would be looked for among the line magics, and its message read as Python.
    """

    pattern = _CELL

    def transform(self, lines: list[str]) -> list[str]:  # noqa: ARG002  none of them runs
        """Return a cell that says what is wrong."""
        return [_MISPLACED]
