r"""Bars inside code and formulas, which end no cell of a table.

While blocks are read, another character stands for them. There is none such in a text,
as the reader replaces it.
"""

import re
from collections.abc import Iterator

from markdown_it.rules_core import StateCore

from apertis_magic.render.rules.mathematics import formula_at
from apertis_magic.render.rules.spans import code_spans

_BAR, _STAND_IN = "|", "\0"
_COLUMNS = re.compile(
    r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*+\|?[ \t]*$"
)
_FORMULA = re.compile(r"\\[(\[]|\$|\\.")
_UNESCAPED, _ANY = re.compile(r"(?<!\\)\|"), re.compile(r"\|")


def hide(state: StateCore) -> None:
    """Put something else in the place of the bars in the rows of tables."""
    if _BAR not in state.src:
        return
    lines = state.src.split("\n")
    in_table = False
    for number, line in enumerate(lines):
        is_below_head = number > 0 and "-" in line and bool(_COLUMNS.match(line))
        if is_below_head:
            lines[number - 1] = _hidden(lines[number - 1])
        in_table = bool(line.strip(" \t>")) and (in_table or is_below_head)
        if in_table:
            lines[number] = _hidden(line)
    state.src = "\n".join(lines)


def show(state: StateCore) -> None:
    """Put the bars back."""
    for token in state.tokens:
        if _STAND_IN in token.content:
            token.content = token.content.replace(_STAND_IN, _BAR)
        if _STAND_IN in token.info:
            token.info = token.info.replace(_STAND_IN, _BAR)
    state.src = state.src.replace(_STAND_IN, _BAR)


def _hidden(line: str) -> str:
    if _BAR not in line or not ("`" in line or "$" in line or "\\" in line):
        return line
    pieces, at = [], 0
    for start, end, is_code in _spans(line):
        pieces += [line[at:start]]
        inner = line[start:end]
        # In code, a backslash before a bar is GitHub's, and goes.
        pattern = _UNESCAPED if is_code else _ANY
        pieces.append(pattern.sub(_STAND_IN, inner))
        at = end
    return "".join([*pieces, line[at:]])


def _spans(line: str) -> Iterator[tuple[int, int, bool]]:
    """Give beginning and end of each formula and code span, and whether it is code."""
    at = 0
    for start, end in [*code_spans(line), (len(line), len(line))]:
        while found := _FORMULA.search(line, at, start):
            behind = formula_at(line, found.start(), start)
            at = behind if behind > 0 else found.end()
            if behind > 0:
                yield found.start(), behind, False
        if end > start:
            yield start, end, True
        at = max(at, end)
