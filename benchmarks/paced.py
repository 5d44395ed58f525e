"""What reaches the front end of an answer that comes at a model's pace.

All ask at the same time, since bytes do not depend on how busy the machine is, and 400
KB take nearly two minutes.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from asking import Asker, Cost, askers
from contestants import AT_ONCE, STREAMING, bare, ours
from figures import OURS, Figure
from report import show
from sse_server import Script

PACE = 3_600
"""Characters per second of a fast model."""

MIDDLE, LARGE = 40_000, 400_000
MOST = 20


def figures(url: str) -> Iterator[Figure]:
    """Stream 40 KB to everybody, and 400 KB to ourselves."""
    everybody = (ours, bare, *STREAMING, *AT_ONCE, ours)
    with askers(everybody, url) as found, ThreadPoolExecutor(len(found)) as pool:
        sizes = [MIDDLE] * (len(found) - 1) + [LARGE]
        costs = list(pool.map(_cost, found, sizes))
    for asker, size, cost in zip(found, sizes, costs, strict=True):
        yield _sent(asker.contestant.name, size, cost)
    yield Figure(
        what="40 KB at 3.6 KB/s: the kernel's CPU, of one core",
        value=costs[0].cpu / costs[0].wall * 100,
        unit=" %",
    )


def _cost(asker: Asker, size: int) -> Cost:
    return asker.cost(Script(size=size, seed=1, rate=PACE))


def _sent(who: str, size: int, cost: Cost) -> Figure:
    return Figure(
        what=f"{size // 1000} KB at 3.6 KB/s: bytes per byte",
        who=who,
        value=cost.sent / size,
        most=MOST if who == OURS else None,
        note=f"{cost.messages:,} messages, {cost.displays} displays",
    )


if __name__ == "__main__":
    show(figures)
