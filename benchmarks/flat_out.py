"""What an answer costs that comes as fast as it can: time, CPU, bytes to the front end.

The loop that every SDK's users write sends the whole text with every piece, which at
400 KB is gigabytes. So only those who do not do that are measured there.
"""

from collections.abc import Iterator

from asking import Asker, Cost, askers, in_turn
from contestants import AT_ONCE, STREAMING, bare, ours
from figures import FLOOR, OURS, Figure, exponent, middle
from report import show
from sse_server import Script

ROUNDS = 5
SMALL, MIDDLE, LARGE = 4_000, 40_000, 400_000
MOST_BYTES = {SMALL: 10, MIDDLE: 6, LARGE: 5}
MOST_DISPLAYS = 45
Costs = dict[str, dict[int, list[Cost]]]


def figures(url: str) -> Iterator[Figure]:
    """Stream answers of three sizes to everybody, in turn."""
    with askers((ours, bare, *STREAMING, *AT_ONCE), url) as found:
        costs = _measured(found)
    for of in ("wall", "cpu"):
        yield from _beside_floor(costs, of)
    for size in MOST_BYTES:
        yield from _sent(costs, size)
    for of in ("wall", "cpu"):
        yield from _grown(costs, of)


_NAMES = {"wall": "time", "cpu": "CPU"}


def _measured(found: list[Asker]) -> Costs:
    costs: Costs = {asker.contestant.name: {} for asker in found}
    for asker in found:
        asker.cost(_script(SMALL))  # imports what it needs
    for size in MOST_BYTES:
        for turn in in_turn(found, ROUNDS):
            for asker in turn:
                if size < LARGE or asker.contestant not in STREAMING:
                    name = asker.contestant.name
                    costs[name].setdefault(size, []).append(asker.cost(_script(size)))
    return costs


def _script(size: int) -> Script:
    return Script(size=size, seed=1)


def _beside_floor(costs: Costs, of: str) -> Iterator[Figure]:
    what = f"40 KB flat out: {_NAMES[of]}"
    floor = [getattr(cost, of) for cost in costs[FLOOR][MIDDLE]]
    for who, sizes in costs.items():
        took = [getattr(cost, of) for cost in sizes[MIDDLE]]
        ratios = [mine / bare for mine, bare in zip(took, floor, strict=True)]
        yield middle(ratios, what, who, unit="x", most=5 if who == OURS else None)


def _sent(costs: Costs, size: int) -> Iterator[Figure]:
    name = f"{size // 1000} KB flat out"
    for who, sizes in costs.items():
        what = f"{name}: bytes per byte"
        if size not in sizes:
            yield Figure(what=what, who=who, value=None, note=_TOO_MUCH)
            continue
        factors = [cost.sent / size for cost in sizes[size]]
        messages = f"{max(cost.messages for cost in sizes[size]):,} messages"
        most = MOST_BYTES[size] if who == OURS else None
        yield middle(factors, what, who, most=most, note=messages)
    displays = [cost.displays for cost in costs[OURS][size]]
    yield middle(displays, f"{name}: displays", most=MOST_DISPLAYS)


_TOO_MUCH = "not run: the whole text with every piece would be gigabytes"


def _grown(costs: Costs, of: str) -> Iterator[Figure]:
    """Tell how the costs grow from 40 to 400 KB, and over all sizes."""
    what = f"400 KB beside 40 KB: {_NAMES[of]}"
    for who, sizes in costs.items():
        took = {s: [getattr(c, of) for c in found] for s, found in sizes.items()}
        if LARGE not in took:
            yield Figure(what=what, who=who, value=None, note=_TOO_MUCH)
            continue
        ratios = [b / a for a, b in zip(took[MIDDLE], took[LARGE], strict=True)]
        yield middle(ratios, what, who, unit="x", most=11 if who == OURS else None)
    for who, sizes in costs.items():
        lowest = [min(getattr(c, of) for c in found) for found in sizes.values()]
        yield Figure(
            what=f"growth with the answer, {' / '.join(_KB)} KB: {_NAMES[of]}",
            who=who,
            value=exponent(list(sizes), lowest),
            note="" if LARGE in sizes else "4 and 40 KB alone",
        )


_KB = [f"{size // 1000}" for size in MOST_BYTES]


if __name__ == "__main__":
    show(figures)
