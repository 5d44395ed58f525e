"""Lists as models write them: tasks, and bullets two columns in below a number."""

import re
from collections.abc import Sequence
from math import nan

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=[^ \t])")
# In front of a list's first mark, where it is the only one in the line.
_MARKS = {
    "ordered_list_open": re.compile(
        r" *(?=\d{1,9}[.)](?!\s+(?:[-*+]|\d{1,9}[.)])(?:\s|$)))"
    ),
    "bullet_list_open": re.compile(r" *(?=[-*+])"),
}
_LEAST = 2  # columns by which a bullet stands further in than the number above it


def tasks(state: StateCore) -> None:
    """Take the boxes in front of tasks, and note on the items which are ticked."""
    tokens = state.tokens
    for number, token in enumerate(tokens[2:], 2):
        item = tokens[number - 2]
        if token.type != "inline" or item.type != "list_item_open":
            continue
        found = _TASK.match(token.content)
        if found and tokens[number - 1].type == "paragraph_open":
            token.content = token.content[found.end() :]
            item.meta["ticked"] = found[1] != " "


def adopt(state: StateCore) -> None:
    """Put bullets that stand further in than the number above them into its item.

    The number that follows them then goes on in the same list.
    """
    if any(token.type == "ordered_list_open" for token in state.tokens):
        state.tokens = _adopted(state.tokens, state.src.split("\n"))


def _adopted(tokens: Sequence[Token], lines: Sequence[str]) -> list[Token]:
    kept: list[Token] = []
    lists: list[Token] = []  # the beginnings of those around this place
    adopting: list[tuple[Token, list[Token]]] = []  # a list, and its last two tokens
    merged: Token | None = None
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type in _MARKS:
            lists.append(token)
        if token is not merged:
            kept.append(token)
        if token.type not in {"ordered_list_close", "bullet_list_close"}:
            continue
        begun = lists.pop()
        if begun.type == "ordered_list_open" and _is_inner(after, begun, lines):
            adopting.append((begun, kept[-2:]))
            del kept[-2:]
        elif adopting and adopting[-1][0].level == token.level:
            numbers, ends = adopting.pop()
            if _goes_on(after, numbers):
                merged = after
                del ends[-1:]
            kept += ends
    return kept


def _is_inner(after: Token | None, numbers: Token, lines: Sequence[str]) -> bool:
    """Tell whether bullets follow a list of numbers at once, and stand further in."""
    if after is None or after.type != "bullet_list_open":
        return False
    return _column(after, lines) >= _column(numbers, lines) + _LEAST


def _goes_on(after: Token | None, numbers: Token) -> bool:
    if after is None or after.type != "ordered_list_open":
        return False
    return after.markup == numbers.markup


def _column(token: Token, lines: Sequence[str]) -> float:
    """Return in which column a list begins, if nothing but white space is before it."""
    found = _MARKS[token.type].match(lines[token.map[0]]) if token.map else None
    return found.end() if found else nan
