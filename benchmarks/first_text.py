"""How soon the first text is shown after the first piece of it has left the server."""

from collections.abc import Iterator
from dataclasses import replace

import peers
from answers import BEGIN
from asking import Asker, asker
from contestants import STREAMING, Contestant, ours, printing
from figures import OURS, Figure, slowest
from report import show
from sse_server import Script, visits
from watching import seen

KERNELS = 5
TIMES, THEIR_TIMES = 20, 5
MOST = 50

_ANSWER = Script(size=1_000, seed=1, rate=3_600)
_WAIT = 0.5
"""Seconds that a real server takes before it streams, at the least."""

_FIRST = "first text, a kernel's first answer"
_LATER = "first text, later answers"


def figures(url: str) -> Iterator[Figure]:
    """Ask in fresh kernels, then again and again in one."""
    slow = replace(_ANSWER, wait=_WAIT)
    yield slowest([_fresh(ours, url, slow) for _ in range(KERNELS)], _FIRST, MOST)
    for contestant in (ours, printing, *STREAMING):
        yield from _later(contestant, url, slow)


def _fresh(contestant: Contestant, url: str, script: Script) -> float:
    with asker(contestant, url) as found:
        return first_text(found, script)


def _later(contestant: Contestant, url: str, script: Script) -> Iterator[Figure]:
    name = contestant.name
    if contestant.kernel != "python3" and (why := peers.missing(contestant.kernel)):
        yield Figure(what=_LATER, who=name, value=None, note=why)
        return
    with asker(contestant, url) as found:
        first = first_text(found, script)
        times = TIMES if name == OURS else THEIR_TIMES
        later = [first_text(found, script) for _ in range(times)]
    if name == OURS:
        yield slowest(later, _LATER, MOST)
        return
    yield Figure(what=_FIRST, who=name, value=first, unit=" ms")
    yield replace(slowest(later, _LATER), who=name)


def first_text(found: Asker, script: Script) -> float:
    """Return the ms from the first piece's leaving the server to its being shown."""
    request = found.start(script)
    shown = seen(found.kernel.messages(request), BEGIN)
    assert found.kernel.finish(request).reply["status"] == "ok"

    return (shown - visits(found.url)[-1].first) * 1000


if __name__ == "__main__":
    show(figures)
