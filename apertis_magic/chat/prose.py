"""Which of a Markdown text is prose, and which is code, line by line; no more of it."""

import re
from collections.abc import Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
_LONGEST = 2_000
"""Characters of a line in which spans of code are looked for: with many backticks the
work grows with their square."""


def lines(text: str, holding: str) -> Iterator[tuple[int, str]]:
    """Give the lines that are in no block of code, and where they begin.

    Blanks stand in place of the spans of code in them.

    Args:
        text: the text.
        holding: what a line must hold to be given.
    """
    for start, line, was_open, is_open in _fenced(text):
        is_code = was_open or is_open or line.startswith(("    ", "\t"))
        if holding in line and not is_code:
            yield start, _without_spans(line)


def ends_in_code(text: str) -> bool:
    """Tell whether a text ends in a block of code with fences, or in a span of code."""
    *_, (_, line, was_open, is_open) = _fenced(text)
    return is_open or (not was_open and "`" in _without_spans(line))


def _fenced(text: str) -> Iterator[tuple[int, str, bool, bool]]:
    """Give each line, where it begins, and whether a fence is open before and after."""
    fence, start = "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        was_open = bool(fence)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        yield start, line, was_open, bool(fence)
        start += len(line) + 1


def _without_spans(line: str) -> str:
    prose = _CODE.sub(lambda span: " " * len(span[0]), line[:_LONGEST])
    return prose + line[_LONGEST:]
