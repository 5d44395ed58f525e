r"""Tables, in which a bar inside code or a formula ends no cell.

While the reader's own rule reads a table, another character stands for such bars: NUL,
which no text has, since the reader replaces it.
"""

import re
from collections.abc import Iterator

from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as read_table
from markdown_it.utils import EnvType

from apertis_magic.render.rules.lines import once, rest
from apertis_magic.render.rules.mathematics import formula_at
from apertis_magic.render.rules.spans import code_spans

_BAR, _STAND_IN = "|", "\0"
_COLUMNS = set("|-: \t")
_FORMULA = re.compile(r"\\[(\[]|\$|\\.")
_UNESCAPED, _ANY = re.compile(r"(?<!\\)\|"), re.compile(r"\|")


def table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table."""
    if start + 2 > end or _BAR not in rest(state, start):
        return False
    if not set(rest(state, start + 1)) <= _COLUMNS:
        return False
    whole, count = state.src, len(state.tokens)
    state.src = once(state.env, _hidden, whole)
    try:
        return read_table(state, start, end, silent)
    finally:
        state.src = whole
        for token in state.tokens[count:]:
            token.content = token.content.replace(_STAND_IN, _BAR)


def _hidden(text: str) -> str:
    """Return *text* with other signs for the bars in its code and formulas."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _BAR in line and ("`" in line or "$" in line or "\\" in line):
            lines[number] = _without_bars(line)
    return "\n".join(lines)


def _without_bars(line: str) -> str:
    pieces, at = [], 0
    for start, end, is_code in _spans(line, {}):
        # In code, a backslash before a bar is GitHub's, and goes.
        pattern = _UNESCAPED if is_code else _ANY
        pieces += [line[at:start], pattern.sub(_STAND_IN, line[start:end])]
        at = end
    return "".join([*pieces, line[at:]])


def _spans(line: str, env: EnvType) -> Iterator[tuple[int, int, bool]]:
    """Give beginning and end of each formula and code span, and whether it is code."""
    at = 0
    for start, end in [*code_spans(line), (len(line), len(line))]:
        while found := _FORMULA.search(line, at, start):
            behind = formula_at(line, found.start(), start, env)
            at = behind if behind > 0 else found.end()
            if behind > 0:
                yield found.start(), behind, False
        if end > start:
            yield start, end, True
        at = max(at, end)
