r"""Formulas: ``\(…\)``, ``\[…\]``, ``$…$``, ``$$…$$`` and environments.

``$5 and $6`` are prices. A formula on lines of its own is a block, which may follow a
paragraph at once; one without its end is text.
"""

import re
from functools import lru_cache

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_OPENER = re.compile(r"\\\[|\$\$(?!\$)|\\begin\{(?P<name>[A-Za-z]{1,32}\*?)\}")
_CLOSERS = {"\\[": "\\]", "$$": "$$"}
_DISPLAY = re.compile(r"\$\$(?!\$)([^$]++)\$\$(?!\$)")
_FORMULA = re.compile(r"\$(?![\s$])((?:[^$\\`]|\\.)*+)(?<![\s\\])\$(?!\d)", re.DOTALL)
_PRICE = re.compile(r"\d[\d.,]*[A-Za-z]?(?:\s+\(?|[/-])[A-Za-z]{2,}")


def formula_at(text: str, at: int, end: int) -> int:
    """Return where the formula ends that begins at *at* within a line, or -1."""
    if text[at] == "$":
        return _between_dollars(text, at, end)
    closer = {"(": "\\)", "[": "\\]"}.get(text[at + 1 : at + 2])
    if closer is None or _last(text, closer) < at:
        return -1
    found = text.find(closer, at + 2, end)
    return found + 2 if found > 0 and text[at + 2 : found].strip() else -1


def _between_dollars(text: str, at: int, end: int) -> int:
    found = _DISPLAY.match(text, at, end)
    if found and found[1].strip():
        return found.end()
    found = _FORMULA.match(text, at, end)
    is_glued = at > 0 and text[at - 1].isalnum()
    if found is None or is_glued or _PRICE.match(found[1]):
        return -1
    return found.end()


@lru_cache(maxsize=8)
def _last(text: str, mark: str) -> int:
    """Return where *mark* is last; what is absent is looked for only once."""
    return text.rfind(mark)


def inline(state: StateInline, silent: bool) -> bool:
    """Read a formula within a line."""
    if state.src[state.pos] not in "$\\":
        return False
    end = formula_at(state.src, state.pos, state.posMax)
    if end < 0:
        return False
    if not silent:
        token = state.push("math_inline", "span", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a formula on lines of its own."""
    found = _OPENER.match(state.src, state.bMarks[start] + state.tShift[start])
    if found is None or state.is_code_block(start):
        return False
    closer = _CLOSERS.get(found[0], f"\\end{{{found['name']}}}")
    body = state.src[found.end() : state.eMarks[start]].rstrip(" \t")
    if closer in body[: -len(closer)] or body == closer:
        return False  # a formula with text behind it, or an empty one
    last, is_whole = _end(state, start, end, closer, len(found[0]))
    may_become_one = last == state.lineMax and (not body or found["name"])
    if not is_whole and not may_become_one:
        return False
    if not silent:
        _push(state, start, last, is_whole=is_whole)
    return True


def _end(
    state: StateBlock, start: int, end: int, closer: str, opener: int
) -> tuple[int, bool]:
    """Return the line behind the formula, and whether the formula has its end."""
    if _rest(state, start).rstrip(" \t").endswith(closer, opener):
        return start + 1, True
    least = min(state.blkIndent, state.sCount[start])
    # Many lines in a row may begin formulas; what is below them is looked at once.
    known = state.env.setdefault("formulas", {})
    key = closer, least, state.level, end
    first, last, is_whole = known.get(key, (0, 0, False))
    if not first <= start < last - is_whole:
        last, is_whole = _searched(state, start + 1, end, closer, least)
        known[key] = start, last, is_whole
    return last, is_whole


def _searched(
    state: StateBlock, start: int, end: int, closer: str, least: int
) -> tuple[int, bool]:
    for number in range(start, end):
        line = _rest(state, number)
        if not line or state.sCount[number] < least:
            return number, False
        if line.rstrip(" \t").endswith(closer):
            return number + 1, True
    return end, False


def _push(state: StateBlock, start: int, last: int, *, is_whole: bool) -> None:
    text = "\n".join(_rest(state, number) for number in range(start, last)).strip()
    if is_whole:
        token = state.push("math_block", "div", 0)
        token.content, token.map = text, [start, last]
    else:  # its end may still come: until then, its lines begin no lists or headings
        state.env.setdefault("open", _paragraph_above(state, start))
        state.push("paragraph_open", "p", 1).map = [start, last]
        token = state.push("inline", "", 0)
        token.content, token.map, token.children = text, [start, last], []
        state.push("paragraph_close", "p", -1)
    state.line = last


def _paragraph_above(state: StateBlock, start: int) -> int:
    """Return where the paragraph begins that goes on in a line if no formula does."""
    above = state.tokens[-3:]
    is_paragraph = len(above) > 1 and above[0].type == "paragraph_open"
    first, last = (above[0].map if is_paragraph else None) or (start, start)
    return first if last == start else start


def _rest(state: StateBlock, line: int) -> str:
    """Return a line without the white space in front."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
