"""Interrupts at any instruction: what the threads share is left as they found it."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from textwrap import dedent

import pytest
from conftest import Shell
from scale import ALL

import apertis_magic
from apertis_magic.api.wakeup import Wakeup
from apertis_magic.errors import Interrupted
from apertis_magic.notebook.magics import ChatMagics

INTERRUPTS = 20_000 if ALL else 1_500
PATIENCE = 120.0

# An interrupt comes somewhere in the work, which is done again and again until then.
PROGRAM = """
import random, signal, sys, threading, time
from apertis_magic.api import loop
from apertis_magic.api.wakeup import Wakeup

def interrupted(work):
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.002))
        while True:
            work()
    except KeyboardInterrupt:
        pass

chance = random.Random(7)
signal.signal(signal.SIGALRM, signal.default_int_handler)
"""

# Another thread wakes whoever waits, in turn with the interrupts: it must never stop.
WAITING = """
woken, went_on, wakeup = 0, Wakeup(), Wakeup()

def wake():
    global woken
    while True:
        wakeup.wake()
        woken += 1
        went_on.wake()
        time.sleep(0.0002)

threading.Thread(target=wake, daemon=True).start()
for number in range(int(sys.argv[1])):
    interrupted(lambda: wakeup.wait(lambda: False, 0.0005))
    before = woken
    if not went_on.wait(lambda: woken > before + 1, 60):
        sys.exit(f"nobody is woken after {number} interrupts")
print("all went on")
"""

# The loop must do what comes next, and nothing of what was interrupted goes on.
RUNNING = """
import asyncio
under_way = 0

async def nap():
    global under_way
    under_way += 1
    try:
        await asyncio.sleep(chance.choice([0, 0, 60]))
    finally:
        under_way -= 1

async def rest():
    for _ in range(3):
        await asyncio.sleep(0)
    return under_way

for number in range(int(sys.argv[1])):
    interrupted(lambda: loop.run(nap()))
    if loop.run(rest()):
        sys.exit(f"what was interrupted goes on after {number}")
print("all went on")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timer")
@pytest.mark.parametrize("work", [WAITING, RUNNING], ids=["waiting", "running"])
def test_an_interrupt_at_any_instruction(work: str) -> None:
    """Whoever wakes is never held up, and the background loop neither."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", dedent(PROGRAM + work), str(INTERRUPTS)],
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
        check=False,
    )

    assert "all went on\n" == done.stdout, done.stderr


@pytest.mark.parametrize("first", ["the answer was stopped", ""])
@pytest.mark.parametrize("others", [1, 3])
def test_other_interrupts_while_one_is_told(
    shell: Shell, first: str, others: int
) -> None:
    """The cell still ends in one line, and in that of the first where there is one."""
    magics = shell.magics_manager.registry[ChatMagics.__name__]

    def stopped(_: object, times: int = others) -> None:
        try:
            if times:
                stopped(_, times - 1)
            elif first:
                raise Interrupted(first)
        finally:
            if times or not first:
                raise KeyboardInterrupt

    def in_user_code() -> None:
        try:
            raise Interrupted("a question before")
        except KeyboardInterrupt:
            magics._run(stopped)

    with pytest.raises(Interrupted, match=first or "the cell was stopped") as found:
        in_user_code()

    assert found.value.__suppress_context__


def test_what_came_before_the_wait() -> None:
    """It is seen at once, without anybody who wakes."""
    assert Wakeup().wait(lambda: True)


def test_what_does_not_come() -> None:
    """The wait ends with its time, and says so."""
    assert not Wakeup().wait(lambda: False, 0.01)


def test_all_that_wait_are_woken() -> None:
    """Each looks for itself, and waits on where it is not its turn."""
    wakeup, turn = Wakeup(), 0
    came: list[int] = []

    def wait_for(number: int) -> None:
        nonlocal turn
        assert wakeup.wait(lambda: turn == number, PATIENCE)
        came.append(number)
        turn += 1
        wakeup.wake()

    threads = [threading.Thread(target=wait_for, args=(n,)) for n in (3, 2, 1)]
    for thread in threads:
        thread.start()
    turn = 1
    wakeup.wake()
    for thread in threads:
        thread.join(PATIENCE)

    assert [1, 2, 3] == came


def test_nothing_waits_otherwise() -> None:
    """The standard library's own ways are written in Python, around a lock."""
    folder = Path(apertis_magic.__file__).parent
    way = re.compile(r"threading\.(Event|Condition|Semaphore|Barrier)\(|\bQueue\(")
    found = {
        str(file.relative_to(folder)): match[0]
        for file in folder.rglob("*.py")
        if (match := way.search(file.read_text(encoding="utf-8")))
    }

    assert {} == found
