"""How the work on a text grows with it: by CPU time, the least of a few tries."""

from collections.abc import Callable
from math import log
from time import process_time

Work = Callable[[str], object]

_FACTOR = 4
"""How much longer the longer text is."""
_QUICK = 8e-6
"""Seconds of CPU for each character below which nothing has to be told."""
_TRIES = 3


def seconds(work: Work, text: str, tries: int = 1) -> float:
    """Return the seconds of CPU that *work* takes, the least of *tries*."""
    return min(_once(work, text) for _ in range(tries))


def exponent(work: Work, unit: str, length: int, head: str = "") -> float:
    """Return with which power of a text's length the work on it grows.

    Args:
        work: what is done with the text.
        unit: what the text consists of, again and again.
        length: of the longer text.
        head: what stands in front of it.

    Returns:
        About 1 for work that grows as the text does, 2 for its square; 1 for work that
        is quick anyway.
    """
    longer = head + unit * (length // len(unit))
    took = seconds(work, longer)
    if took < _QUICK * length:
        return 1.0
    shorter = head + unit * (length // len(unit) // _FACTOR)
    found = 2.0
    for _ in range(_TRIES):  # what is slow by chance is not slow each time
        took = min(took, _once(work, longer))
        found = log(took / seconds(work, shorter, _TRIES), _FACTOR)
        if found < 1.2:
            break
    return found


def _once(work: Work, text: str) -> float:
    begin = process_time()
    work(text)
    return process_time() - begin
