"""Interrupts at any place of an answer: nothing that came is lost, and one can go on.

``make test-slow`` tries many more of them.
"""

import ast
import os
import signal
import threading
from collections.abc import Iterator
from random import Random

import pytest
from kernel_driver import Kernel
from scale import ALL
from scripted_server import Answer, ScriptedServer, Wait, chunk, says
from turns import said

INTERRUPTS = 400 if ALL else 12
SOON = 0.02
"""Seconds until another comes, unless the kernel has hung up by then."""

AGAIN = 5.0
"""Seconds until one that was lost comes again."""

WORDS = [f"word{number} " for number in range(60)]
TEXT = "".join(WORDS)
KEPT = """
from apertis_magic.chat import session
turns = session.current().current.turns
print([(turn.prompt, turn.text, turn.finish) for turn in turns])
"""


def interrupting(kernel: Kernel, random: Random) -> Iterator[bytes | Wait]:
    """Give an answer word by word, with interrupts between, which alone end it."""
    places, is_first = places_of(random), True
    for number, word in enumerate(WORDS):
        for _ in range(places.count(number)):
            if not is_first:
                yield waiting(SOON)
            is_first = False
            os.kill(kernel.pid, signal.SIGINT)
        yield chunk(word)
    while True:  # Python loses one that comes while it frees an object
        yield waiting(AGAIN)
        os.kill(kernel.pid, signal.SIGINT)


def places_of(random: Random) -> list[int]:
    """Return before which words an interrupt comes."""
    return [random.randrange(len(WORDS)) for _ in range(random.choice([1, 1, 2, 5]))]


def waiting(seconds: float) -> Wait:
    """Return a wait of so long, which ends the answer where the kernel hangs up."""
    over = threading.Event()
    threading.Timer(seconds, over.set).start()
    return Wait(over)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("seed", range(INTERRUPTS))
def test_an_interrupt_loses_nothing(
    seed: int, kernel: Kernel, server: ScriptedServer
) -> None:
    """Wherever it comes, and if it comes again: what came is kept, shown and sent."""
    random = Random(seed)  # noqa: S311  anything
    server.will(Answer(interrupting(kernel, random)), says("done"))
    done = kernel.run("%%chat\nWhy?", cell="c1")
    kept = kernel.run(KEPT).printed
    again = kernel.run("%%chat\nAnd?", cell="c2")
    [(prompt, text, finish)] = ast.literal_eval(kept)
    shown = [said(o["data"]) for o in done.outputs if "data" in o]
    before = [("user", "Why?"), ("assistant", text)] if text else []

    # A second one may come when the cell is IPython's again, which shows the first.
    is_alone = 1 == len(places_of(Random(seed)))  # noqa: S311  same
    if is_alone or done.reply["ename"] != "KeyboardInterrupt":
        assert ("error", "Interrupted") == (done.reply["status"], done.reply["ename"])
        assert 1 == len(done.reply["traceback"])
    assert ("Why?", "interrupted") == (prompt, finish)
    assert TEXT.startswith(text)
    assert [text] == [each for each in shown if each] or not text
    assert [*before, ("user", "And?")] == server.messages[-1]
    assert "ok" == again.reply["status"]
