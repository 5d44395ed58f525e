"""How soon the first text is shown, and how soon an interrupt is felt."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import inf
from statistics import median
from threading import Timer
from time import sleep, time
from typing import Any

from answers import BEGIN
from asking import cell, ready_kernel
from kernel_driver import Kernel
from sse_server import Script, visits
from table import Row, percentile

KERNELS = 5
TIMES = 20

_ANSWER = Script(size=1_000, seed=1, rate=3_600)
_WAIT = 0.5
"""Seconds that a real server takes before it streams, at the least."""

_PHASES = {
    "while headers are waited for": Script(seed=1, stall=0),
    "of a stalled stream": Script(seed=1, stall=2_000),
    "of a running stream": Script(size=400_000, seed=1, rate=3_600),
}
_PATIENCE = 60.0
_LOST = 5.0
"""Seconds after which an interrupt was lost, and the user tries again."""


def rows(url: str) -> Iterator[Row]:
    """Measure first texts, then interrupts."""
    yield from _first_texts(url)
    with ready_kernel(url) as kernel:
        for phase, script in _PHASES.items():
            yield from _interrupts(kernel, url, phase, script)


def _first_texts(url: str) -> Iterator[Row]:
    slow = replace(_ANSWER, wait=_WAIT)
    waited = [_first_of_kernel(url, slow) for _ in range(KERNELS)]
    at_once = [_first_of_kernel(url, _ANSWER) for _ in range(KERNELS)]
    with ready_kernel(url) as kernel:
        first_text(kernel, url, slow)
        later = [first_text(kernel, url, slow) for _ in range(TIMES)]
    yield _times(f"a kernel's first text, {_WAIT:g} s after the question", waited, 50)
    yield _times("a kernel's first text, sent at once", at_once, None)
    yield _times("first text of a later answer", later, 50)


def _first_of_kernel(url: str, script: Script) -> float:
    with ready_kernel(url) as kernel:
        return first_text(kernel, url, script)


def first_text(kernel: Kernel, url: str, script: Script) -> float:
    """Return the ms from the first piece's leaving the server to its being shown."""
    request = kernel.start(cell(script))
    shown = _seen(kernel.messages(request), BEGIN, "data")
    assert kernel.finish(request).reply["status"] == "ok"

    return (shown - visits(url)[-1].first) * 1000


def _interrupts(kernel: Kernel, url: str, phase: str, script: Script) -> Iterator[Row]:
    found = [interrupt(kernel, url, script) for _ in range(TIMES)]
    cancelled, shown = zip(*found, strict=True)
    yield _times(f"interrupt {phase}, until the server sees it", cancelled, 50)
    yield _times(f"interrupt {phase}, until what came is shown", shown, 300)


def interrupt(kernel: Kernel, url: str, script: Script) -> tuple[float, float]:
    """Return the ms from an interrupt to the server's and to the reader's seeing it."""
    before = len(visits(url))
    request = kernel.start(cell(script))
    if script.stall:
        _seen(kernel.messages(request), BEGIN, "data")
    _until(lambda: len(visits(url)) > before)
    begun = time()
    kernel.interrupt()
    once_more = Timer(_LOST, kernel.interrupt)
    once_more.start()
    shown = _seen(kernel.messages(request), "interrupted", "metadata")
    once_more.cancel()
    if shown < inf:
        assert kernel.finish(request).reply["status"] == "error"

    _until(lambda: visits(url)[-1].hung_up > 0)
    return (visits(url)[-1].hung_up - begun) * 1000, (shown - begun) * 1000


def _seen(messages: Iterator[Any], words: str, part: str) -> float:
    """Return when there was a display with these words in its data or metadata."""
    for message in messages:
        if words in str(message["content"].get(part)):
            return time()
    return inf


def _until(is_so: Callable[[], bool]) -> None:
    give_up = time() + _PATIENCE
    while not is_so():
        assert time() < give_up

        sleep(0.01)


def _times(what: str, found: Sequence[float], most: float | None) -> Row:
    """Return the 95th percentile of some milliseconds."""
    return Row(
        what=f"{what}, 95th percentile of {len(found)}",
        figure=percentile(found, 0.95),
        most=most,
        unit=" ms",
        note=f"median {median(found):.0f} ms, worst {max(found):.0f} ms",
    )
