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
    fence, start = "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif not fence and holding in line and not line.startswith(("    ", "\t")):
            prose = _CODE.sub(lambda span: " " * len(span[0]), line[:_LONGEST])
            yield start, prose + line[_LONGEST:]
        start += len(line) + 1
