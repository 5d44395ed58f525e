"""A growing text -> its finished blocks and its open tail.

A block is finished when nothing that may still come can change how it looks. Link
references and footnotes are the exceptions; the last render puts them right.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate

from apertis_magic.render.markdown import to_html
from apertis_magic.render.source import fences

# A line that may belong to what stands above the blank line before it: indented, an
# item, a quote, a table's row, a definition, or a number that may become an item's.
_CONTINUES = re.compile(r"[ \t>|:+*-]|\d{1,9}(?:[.)]|$)|\[\^?[^\]]*\]:")
_GAP = re.compile(r"\n[ \t]*\n(?=[^\n])")


def finished(text: str) -> int:
    """Return the length of the part of *text* whose blocks are finished."""
    ends = _fence_ends(text)
    for gap in reversed(list(_GAP.finditer(text))):
        in_fence = bisect_right(ends, gap.end()) % 2
        line, end, _ = text[gap.end() :].partition("\n")
        # An unfinished line may still become anything.
        if end and not in_fence and not _CONTINUES.match(line):
            return gap.end()
    return 0


def _fence_ends(text: str) -> list[int]:
    """Return where fences open and close, in turn."""
    lines = text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    return [
        starts[fence.number] + 1 if fence.opens else starts[fence.number + 1] - 1
        for fence in fences(lines)
    ]


@dataclass(frozen=True, slots=True)
class Growing:
    """A text that grows, and the HTML of its finished blocks.

    Attributes:
        html: of the finished blocks.
        length: of the text they were made of.
        tail: HTML of the rest.
    """

    html: str = ""
    length: int = 0
    tail: str = ""

    def grown(self, text: str) -> "Growing":
        """Return the same for *text*, which begins as the text before it did."""
        rest = text[self.length :]
        end = finished(rest)
        if not end:
            return replace(self, tail=to_html(rest))
        return Growing(
            html=self.html + to_html(rest[:end]),
            length=self.length + end,
            tail=to_html(rest[end:]),
        )
