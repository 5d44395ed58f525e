"""Where the code spans of a text are."""

import re
from bisect import bisect_left
from collections import defaultdict
from functools import lru_cache

_RUN = re.compile(r"\\.|`+", re.DOTALL)


@lru_cache(maxsize=4)
def code_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where each code span of *text* begins and ends, the backticks included."""
    runs = [(run.start(), run.end()) for run in re.finditer("`+", text)]
    starts = defaultdict(list)
    for start, end in runs:
        starts[end - start].append(start)
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
    return tuple(spans)
