r"""Formulas: ``\(…\)``, ``\[…\]``, ``$…$``, ``$$…$$`` and environments.

``$5 and $6`` are prices. A formula on lines of its own is a block, which may follow a
paragraph at once; one without its end is text.
"""

import re
from bisect import bisect_left
from collections import defaultdict

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.utils import EnvType

from apertis_magic.render.rules.lines import hold, is_cut, is_last, once, rest
from apertis_magic.render.rules.spans import places

_OPENER = re.compile(r"\\\[|\$\$(?!\$)|\\begin\{(?P<name>[A-Za-z]{1,32}\*?)\}")
_CLOSERS = {"\\[": "\\]", "$$": "$$"}
_DISPLAY = re.compile(r"\$\$(?!\$)([^$]++)\$\$(?!\$)")
_FORMULA = re.compile(r"\$(?![\s$])((?:[^$\\`]|\\.)*+)(?<![\s\\])\$(?!\d)", re.DOTALL)
_CLOSER = re.compile(r"(\\\]|\$\$|\\end\{[A-Za-z]{1,32}\*?\})[ \t]*+$")
_NAME, _LETTER = re.compile(r"[A-Za-z_]{2}"), re.compile(r"[A-Za-z_{]")
_PRICE = re.compile(r"\d[\d.,]*[A-Za-z]?(?:\s+\(?|[/-])[A-Za-z]{2,}")


def formula_at(text: str, at: int, end: int, env: EnvType) -> int:
    """Return where the formula ends that begins at *at* within a line, or -1."""
    if text[at] == "$":
        return _between_dollars(text, at, end)
    closer = {"(": "\\)", "[": "\\]"}.get(text[at + 1 : at + 2])
    if closer is None:
        return -1
    ends = once(env, places, text, closer)
    number = bisect_left(ends, at + 2)
    if number == len(ends) or ends[number] + 2 > end:
        return -1
    return ends[number] + 2 if text[at + 2 : ends[number]].strip() else -1


def _between_dollars(text: str, at: int, end: int) -> int:
    found = _DISPLAY.match(text, at, end)
    if found and found[1].strip():
        return found.end()
    found = _FORMULA.match(text, at, end)
    is_glued = at > 0 and text[at - 1].isalnum()
    if found is None or is_glued or _PRICE.match(found[1]):
        return -1
    # As in $HOME/$USER, though $n$th is a formula.
    is_variable = _NAME.match(found[1]) and _LETTER.match(text, found.end(), end)
    return -1 if is_variable else found.end()


def inline(state: StateInline, silent: bool) -> bool:
    """Read a formula within a line."""
    if state.src[state.pos] not in "$\\":
        return False
    end = formula_at(state.src, state.pos, state.posMax, state.env)
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
    if is_cut(state, last) if is_whole else is_last(state, last):
        hold(state, start)
    may_become_one = is_last(state, last) and (not body or found["name"])
    if not is_whole and not may_become_one:
        return False
    if not silent:
        _push(state, start, last, is_whole=is_whole)
    return True


def _end(
    state: StateBlock, start: int, end: int, closer: str, opener: int
) -> tuple[int, bool]:
    """Return the line behind the formula, and whether the formula has its end."""
    if rest(state, start).rstrip(" \t").endswith(closer, opener):
        return start + 1, True
    lines = once(state.env, _closers, state.src).get(closer, ())
    number = bisect_left(lines, start + 1)
    last = lines[number] if number < len(lines) else end
    stop = _stop(state, start, end)
    return (last + 1, True) if last < stop else (stop, False)


def _closers(text: str) -> dict[str, list[int]]:
    """Return the lines of *text* that end with the end of a formula, by that end."""
    found = defaultdict(list)
    for number, line in enumerate(text.split("\n")):
        if end := _CLOSER.search(line):
            found[end[1]].append(number)
    return found


def _stop(state: StateBlock, start: int, end: int) -> int:
    """Return the first line below *start* that is no part of the same block.

    Many lines in a row may begin formulas; what is below them is looked at once.
    """
    least = min(state.blkIndent, state.sCount[start])
    known: dict[tuple[int, int, int], tuple[int, int]]
    known = state.env.setdefault("stops", {})
    key = least, state.level, end
    first, stop = known.get(key, (0, 0))
    if not first <= start < stop:
        stop = start + 1
        while stop < end and not state.isEmpty(stop) and state.sCount[stop] >= least:
            stop += 1
        known[key] = start, stop
    return stop


def _push(state: StateBlock, start: int, last: int, *, is_whole: bool) -> None:
    text = "\n".join(rest(state, number) for number in range(start, last)).strip()
    if is_whole:
        token = state.push("math_block", "div", 0)
        token.content, token.map = text, [start, last]
    else:  # its end may still come: until then, its lines begin no lists or headings
        state.push("paragraph_open", "p", 1).map = [start, last]
        token = state.push("inline", "", 0)
        token.content, token.map, token.children = text, [start, last], []
        state.push("paragraph_close", "p", -1)
    state.line = last
