"""How costs grow: with the turns of a conversation, and with conversations at once."""

from collections.abc import Iterator, Sequence
from statistics import median

from asking import Asker, asker, measure, run
from contestants import ours
from figures import Figure, exponent, middle
from report import show
from sse_server import Script

ROUNDS = 5
TURNS = (10, 100, 1_000)
AT_ONCE = (1, 4, 16)

_FILLED = """
from apertis_magic.chat import session
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.question import Question
from apertis_magic.chat.parts import Text
from apertis_magic.chat.turn import Turn
turns = [Turn(question=Question(f"Question {{n}}?"),
              answers=((Text({text!r}),),), finish="stop", model="m")
         for n in range({number})]
session.current().adopt(State(name="long-{number}", history=history_of(turns)));
"""
_ASKED = """
from apertis_magic import Conversation
talks = [Conversation(model="{script}") for _ in range({number})]
replies = [talk.ask("Go on.") for talk in talks]
assert {{len(reply.result().text) for reply in replies}} == {{{size}}};
"""


def figures(url: str) -> Iterator[Figure]:
    """Ask at the end of long conversations, and in many at once."""
    with asker(ours, url) as found:
        yield from _turns(found)
        yield from _at_once(found)


def _turns(found: Asker) -> Iterator[Figure]:
    """Ask once more after so many turns of 1 KB, all of which are sent along."""
    text = "Some **words** and `code` of an answer, again and again. " * 18
    cell = f"%%chat -c long-{{}} --append -m {Script(size=4_000, seed=1)}\nGo on."
    costs = []
    for number in TURNS:
        run(found.kernel, _FILLED.format(text=text, number=number))
        asking = cell.format(number)
        measure(found.kernel, asking)
        costs.append([measure(found.kernel, asking) for _ in range(ROUNDS)])
    for of, name in (("wall", "time"), ("cpu", "CPU")):
        took = [[getattr(cost, of) for cost in each] for each in costs]
        yield from _grown(f"4 KB after so many turns: {name}", TURNS, took)


def _at_once(found: Asker) -> Iterator[Figure]:
    """Ask in several conversations, each answered with 4 KB at a model's pace."""
    script = Script(size=4_000, seed=1, rate=3_600)
    costs = []
    for number in AT_ONCE:
        cell = _ASKED.format(script=script, number=number, size=script.size)
        measure(found.kernel, cell)
        costs.append([measure(found.kernel, cell) for _ in range(ROUNDS)])
    for of, name in (("wall", "time"), ("cpu", "CPU")):
        took = [[getattr(cost, of) for cost in each] for each in costs]
        what = f"4 KB at 3.6 KB/s in so many conversations at once: {name}"
        yield from _grown(what, AT_ONCE, took)


def _grown(
    what: str, sizes: Sequence[int], took: Sequence[Sequence[float]]
) -> Iterator[Figure]:
    told = ", ".join(f"{median(each) * 1000:.0f} ms" for each in took)
    for size, each in list(zip(sizes, took, strict=True))[1:]:
        ratios = [b / a for a, b in zip(took[0], each, strict=True)]
        yield middle(ratios, f"{what}, {size:,} beside {sizes[0]}", unit="x")
    slope = exponent(sizes, [median(each) for each in took])
    counts = " / ".join(f"{size:,}" for size in sizes)
    yield Figure(what=f"growth, {what} ({counts})", value=slope, note=told)


if __name__ == "__main__":
    show(figures)
