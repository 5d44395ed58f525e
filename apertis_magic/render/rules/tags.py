"""The few HTML tags that models write for what Markdown has no sign for.

Without attributes, and with their end, they are elements; all other HTML is text.
"""

import re
from collections import Counter

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from apertis_magic.render.rules.lines import hold, is_cut, once, rest
from apertis_magic.render.rules.spans import code_spans

_LONGEST = 20_480
"""Characters of a part that folds; an open one would hold back all behind it."""

_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(sub|sup|kbd|mark|u|s|small)>", re.IGNORECASE)
_FOLD = re.compile(
    r"<details>[ \t]*+(?:<summary>(?P<summary>.*?)</summary>[ \t]*+)?$", re.IGNORECASE
)
_UNFOLD = re.compile(r"</details>[ \t]*+$", re.IGNORECASE)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>[ \t]*+$", re.IGNORECASE)


def inline(state: StateInline, silent: bool) -> bool:
    """Read a tag within a line, with what stands in it."""
    if state.src[state.pos] != "<":
        return False
    if found := _BREAK.match(state.src, state.pos, state.posMax):
        if not silent:
            state.push("hardbreak", "br", 0)
        state.pos = found.end()
        return True
    found = _TAG.match(state.src, state.pos, state.posMax)
    closer = once(state.env, _pairs, state.src).get(state.pos) if found else None
    if found is None or closer is None or closer[1] > state.posMax:
        return False
    if not silent:
        _push(state, found[2].lower(), found.end(), closer[0])
    state.pos = closer[1]
    return True


def _push(state: StateInline, tag: str, start: int, end: int) -> None:
    behind = state.posMax
    state.push("tag_open", tag, 1)
    state.pos, state.posMax = start, end
    state.md.inline.tokenize(state)
    state.posMax = behind
    state.push("tag_close", tag, -1)


def _pairs(text: str) -> dict[int, tuple[int, int]]:
    """Return where each tag of *text* ends, as a span, by the place of the tag."""
    spans = iter([*code_spans(text), (len(text), len(text))])
    code = next(spans)
    opened: list[tuple[str, int]] = []
    waiting: Counter[str] = Counter()
    found: dict[int, tuple[int, int]] = {}
    for tag in _TAG.finditer(text):
        while tag.start() >= code[1] and code[0] < len(text):
            code = next(spans)
        name = tag[2].lower()
        if code[0] <= tag.start():
            continue
        if not tag[1]:
            opened.append((name, tag.start()))
            waiting[name] += 1
            continue
        while waiting[name]:  # what was opened since has no end, and is text
            inner, start = opened.pop()
            waiting[inner] -= 1
            if inner == name:
                found[start] = tag.span()
                break
    return found


def fold(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a part that folds, with its summary."""
    begins = state.src.startswith("<", state.bMarks[start] + state.tShift[start])
    if not begins or state.is_code_block(start):
        return False
    found = _FOLD.match(rest(state, start))
    if found is None:
        return False
    last = once(state.env, _folds, state.src).get(start)
    is_open = last is None or is_cut(state, last + 1)
    if is_open and _may_end(state, start):
        hold(state, start)
    if last is None or last >= end or not _is_inside(state, start, last):
        return False
    if not silent:
        _push_fold(state, found["summary"], start, last)
    return True


def _push_fold(state: StateBlock, summary: str | None, start: int, last: int) -> None:
    line = start + 1
    state.push("details_open", "details", 1).map = [start, last + 1]
    below = _SUMMARY.match(rest(state, line))
    if summary is None and below:
        summary, line = below[1], line + 1
    if summary is not None:
        state.push("summary_open", "summary", 1)
        token = state.push("inline", "", 0)
        token.content, token.map, token.children = summary.strip(), [start, line], []
        state.push("summary_close", "summary", -1)
    behind, state.lineMax = state.lineMax, last
    state.md.block.tokenize(state, line, last)
    state.lineMax = behind
    state.push("details_close", "details", -1)
    state.line = last + 1


def _folds(text: str) -> dict[int, int]:
    """Return the line in which each part that folds ends, by that of its beginning."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for number, line in enumerate(text.split("\n")):
        bare = line.lstrip(" \t>")
        if _FOLD.match(bare):
            opened.append(number)
        elif opened and _UNFOLD.match(bare):
            found[opened.pop()] = number
    return found


def _is_inside(state: StateBlock, start: int, last: int) -> bool:
    """Tell whether a part is not too long, and all of it in the same block."""
    if state.bMarks[last] - state.bMarks[start] > _LONGEST:
        return False
    least = min(state.blkIndent, state.sCount[start])
    return all(
        state.isEmpty(line) or state.sCount[line] >= least
        for line in range(start, last + 1)
    )


def _may_end(state: StateBlock, start: int) -> bool:
    """Tell whether the end of a part that has none may still come."""
    return len(state.src) - state.bMarks[start] <= _LONGEST
