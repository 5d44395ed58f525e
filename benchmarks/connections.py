"""How many connections a hundred cells open: each new one costs a handshake."""

from collections.abc import Iterator

from asking import Asker, askers
from contestants import PEERS, bare, ours
from figures import OURS, Figure
from report import show
from sse_server import Script, visits

CELLS = 100


def figures(url: str) -> Iterator[Figure]:
    """Ask a hundred times, everybody in a kernel of their own."""
    with askers((ours, bare, *PEERS), url) as found:
        for asker in found:
            yield _opened(asker)


def _opened(asker: Asker) -> Figure:
    before = len(visits(asker.url))
    for _ in range(CELLS):
        asker.cost(Script(size=100, seed=1))
    used = {visit.connection for visit in visits(asker.url)[before:]}
    name = asker.contestant.name
    return Figure(
        what=f"connections opened by {CELLS} cells",
        who=name,
        value=len(used),
        most=1 if name == OURS else None,
    )


if __name__ == "__main__":
    show(figures)
