"""Keeps IPython from reading a message as code before the magic sees it.

IPython strips what looks like a prompt (``>>> ``) from every line of a cell, takes a
line that ends in ``?`` for a request for help, and refuses a cell magic without a body.
"""

import re
import tokenize
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

from IPython.core.inputtransformer2 import (
    TokenTransformBase,
    assemble_continued_line,
    find_end_of_continued_line,
)

_CELL = re.compile(r"[ \t]*%%chat(?=\s|$)[ \t]*(.*)")
_OTHER = re.compile(r"%%(\w+)[ \t]*(.*)")
_LINE = re.compile(r"%(\w+)[ \t]+(\S.*)")
_INSIDE = re.compile(r"(?<!\S)%chat[ \t]")
_OPEN, _CLOSE = ("(", "[", "{"), (")", "]", "}")
_BLOCKS = "for while if elif else with try except finally def async".split()
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
    """A statement with a magic; IPython has made Python of those above it.

    Args:
        start: line and column of the statement's first token.
        at: the column of the magic, which is another one where it is assigned.
    """

    priority = 4  # before a request for help (5)

    def __init__(self, start: tuple[int, int], at: int) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]  # IPython's
        self.at = at

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[Any]]) -> Self | None:
        """Return the first such statement, if there is one."""
        for line in tokens_by_line:
            steps = (tokenize.INDENT, tokenize.DEDENT)
            tokens = [token for token in line if token.type not in steps]
            percent = cls.percent(tokens) if tokens else None
            if percent and cls.is_ours(percent.line[percent.start[1] :]):
                return cls(tokens[0].start, percent.start[1])
        return None

    @classmethod
    def percent(cls, tokens: Sequence[Any]) -> Any:
        """Return the token that the magic begins with, None where there is none."""
        return tokens[0]

    @classmethod
    def is_ours(cls, text: str) -> bool:
        """Tell whether a line that begins with this is ours."""
        raise NotImplementedError


class ChatLine(_Statement):
    """``%chat ask …?`` is a question; ``%chat?`` stays a request for help.

    So is ``answer = %chat ask …?``, ``%time %chat ask …?`` and ``for …: %chat ask …?``.
    Other lines are taken as well: an open bracket in one would hide the lines below it.
    """

    @classmethod
    def percent(cls, tokens: Sequence[Any]) -> Any:
        """Return the token that the magic begins with.

        It may stand behind ``name =``, and behind a block's colon, where IPython itself
        knows none.
        """
        if tokens[0].string == "%":
            return tokens[0]
        ends = {"=", ":"} if tokens[0].string in _BLOCKS else {"="}
        depth = 0
        for token, behind in pairwise(tokens):
            depth += (token.string in _OPEN) - (token.string in _CLOSE)
            is_end = token.string in ends and not depth and behind.string == "%"
            if is_end and behind.start[0] == tokens[0].start[0]:
                return behind
        return None

    @classmethod
    def is_ours(cls, text: str) -> bool:
        """Tell whether a line is of ``%chat``, or of a magic that runs such a line."""
        found = _LINE.match(text)
        return bool(found and (found[1] == "chat" or _INSIDE.search(found[2])))

    def transform(self, lines: list[str]) -> list[str]:
        """Return *lines* with the call in place of the magic."""
        start = self.start_line
        end = find_end_of_continued_line(lines, start)
        line = assemble_continued_line(lines, (start, self.at), end)
        name, text = [*line[1:].split(None, 1), ""][:2]
        call = f"get_ipython().run_line_magic({name!r}, {text!r})\n"
        return [*lines[:start], lines[start][: self.at] + call, *lines[end + 1 :]]


class Misplaced(_Statement):
    """``%%chat`` below something else.

    It would be looked for among the line magics, and its message read as Python.
    """

    @classmethod
    def is_ours(cls, text: str) -> bool:
        """Tell whether a line begins with ``%%chat``."""
        return bool(_CELL.match(text))

    def transform(self, lines: list[str]) -> list[str]:  # noqa: ARG002  none of them runs
        """Return a cell that says what is wrong."""
        return [_MISPLACED]
