"""What a server repeats of a request's key is taken out of what came of its answer."""

from bisect import bisect
from collections.abc import Iterator, Sequence

from apertis_magic.api.assemble import Run
from apertis_magic.credentials import KEY, Echo


def without(runs: Sequence[Run], echo: Echo) -> Sequence[Run]:
    """Return runs without keys, also where other runs stand between a key's halves."""
    if not echo:
        return runs
    clean = list(runs)
    for kind in {run.kind for run in runs} - {"picture"}:
        numbers = [n for n, run in enumerate(runs) if run.kind == kind]
        texts = _without([runs[n].text for n in numbers], echo)
        for number, text in zip(numbers, texts, strict=True):
            clean[number] = Run(kind, [text])
    return clean


def _without(texts: Sequence[str], echo: Echo) -> Iterator[str]:
    """Give texts that follow each other without the keys that are in all of them."""
    whole = "".join(texts)
    spans = echo.spans(whole)
    ends = [end for _, end in spans]
    begin = 0
    for text in texts:
        at, end, kept = begin, begin + len(text), []
        for start, stop in spans[bisect(ends, begin) :]:
            if start >= end:
                break
            kept += [whole[at:start], KEY] if start >= begin else []
            at = min(stop, end)
        yield "".join([*kept, whole[at:end]])
        begin = end
