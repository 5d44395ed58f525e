"""How soon an interrupt ends the request, and shows what had come."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from threading import Timer
from time import time

import peers
from answers import BEGIN
from asking import Asker, asker
from contestants import STREAMING, Contestant, ours, printing
from figures import Figure, slowest
from report import show
from sse_server import Script, visits
from watching import seen, until

TIMES = 20
THEIR_TIMES = 5
CANCELLED, SHOWN = 50, 300
"""The bounds, in ms."""

RUNNING = "of a running stream"
_PHASES = {
    "while headers are waited for": Script(seed=1, stall=0),
    "of a stalled stream": Script(seed=1, stall=2_000),
    RUNNING: Script(size=400_000, seed=1, rate=3_600),
}
_LOST = 5.0
"""Seconds after which an interrupt was lost, and the user tries again."""


def figures(url: str) -> Iterator[Figure]:
    """Interrupt in every phase, and the peers in the middle of a stream."""
    with asker(ours, url) as found:
        for phase, script in _PHASES.items():
            yield from _ours(found, phase, script)
    for contestant in (printing, *STREAMING):
        yield from _theirs(contestant, url)


def _ends(phase: str) -> str:
    return f"interrupt {phase}: the request's end"


def _ours(found: Asker, phase: str, script: Script) -> Iterator[Figure]:
    both = [interrupt(found, script) for _ in range(TIMES)]
    ended, shown = zip(*both, strict=True)
    yield slowest(ended, _ends(phase), CANCELLED)
    yield slowest(shown, f"interrupt {phase}: what came is shown", SHOWN)


def _theirs(contestant: Contestant, url: str) -> Iterator[Figure]:
    what, name = _ends(RUNNING), contestant.name
    if contestant.kernel != "python3" and (why := peers.missing(contestant.kernel)):
        yield Figure(what=what, who=name, value=None, note=why)
        return
    with asker(contestant, url) as found:
        times = [interrupt(found, _PHASES[RUNNING])[0] for _ in range(THEIR_TIMES)]
    if max(times) == inf:
        why = f"the server streamed on: not ended within {_LOST:g} s"
        yield Figure(what=what, who=name, value=None, note=why)
    else:
        yield replace(slowest(times, what), who=name)


def interrupt(found: Asker, script: Script) -> tuple[float, float]:
    """Return the ms from an interrupt to the server's and to the reader's seeing it.

    Infinity stands for what was not seen within some seconds.
    """
    kernel, url = found.kernel, found.url
    before = len(visits(url))
    request = found.start(script)
    if script.stall:
        seen(kernel.messages(request), BEGIN)
    assert until(lambda: len(visits(url)) > before)

    begun = time()
    kernel.interrupt()
    once_more = Timer(_LOST, kernel.interrupt)
    once_more.start()
    shown = seen(kernel.messages(request), "interrupted", "metadata")
    if shown < inf:
        kernel.finish(request)
    once_more.cancel()
    until(lambda: visits(url)[before].hung_up > 0, _LOST)
    hung_up = visits(url)[before].hung_up
    return ((hung_up - begun) * 1000 if hung_up else inf), (shown - begun) * 1000


if __name__ == "__main__":
    show(figures)
