"""Where the code spans of a text are, and where a mark stands in it."""

import re
from bisect import bisect_left
from collections import defaultdict

_RUN = re.compile(r"\\.|`+", re.DOTALL)


def code_spans(text: str) -> list[tuple[int, int]]:
    """Return where each code span of *text* begins and ends, the backticks included."""
    starts = defaultdict(list)
    for run in re.finditer("`+", text):
        starts[run.end() - run.start()].append(run.start())
    spans, at = [], 0
    while found := _RUN.search(text, at):
        at = found.end()
        if found[0][0] == "\\":
            continue
        length = at - found.start()
        places = starts[length]
        number = bisect_left(places, at)
        if number < len(places):
            at = places[number] + length
            spans.append((found.start(), at))
    return spans


def places(text: str, mark: str) -> list[int]:
    """Return where *mark* stands in *text*."""
    return [found.start() for found in re.finditer(re.escape(mark), text)]
