"""Messages that no page of ours sends, by the thousand, to a panel in a real kernel.

``make test-slow`` sends many more of them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kernel_driver import Kernel, running_kernel
from scale import ALL
from scripted_server import ScriptedServer, says
from test_panel_kernel import Page

from apertis_magic.panel import requests

MESSAGES = 30_000 if ALL else 600
BATCH = 30
"""Messages that are sent before the panel is asked whether it still answers.

Fewer than it lets wait, else it would refuse most of them unread."""

KINDS = sorted(set(requests._FIELDS) - {"local"})  # which would fetch a model
PATHS = ("rename", "export")
"""The kinds whose names a path could be made of."""

EXPORTED = re.compile(r"[\w-]+\.(ipynb|md|json)")
FORMATS = ("md", "json", "ipynb")
TEXTS = (
    "",
    " ",
    "x",
    "main",
    "main-2",
    "md",
    "temperature",
    "stop",
    "0",
    "1e999",
    "NaN",
    "9" * 5_000,
    "x/../../package.json",
    "../../x.md",
    "ipynb/../../../y",
    "/y.md",
    "C:\\y.md",
    "NUL",
    "con",
    "\\\\server\\share",
    "%2e%2e/",
    "a\0b",
    "\ud83d",
    "\ude00\ud83d",
    "\u202egnp",
    "\r\n\x1b[2J",
    "<img src=x onerror=alert()>",
    "sk-" + "a1b2c3d4" * 4,
    "constructor",
    "__proto__",
    "x" * 1_001,
    "y" * 250_000,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    2**31,
    2**70,
    1.5,
    [],
    ["a.png"] * 3,
    [["a"]],
    {},
    {"kind": "ask"},
    *TEXTS,
)
FIRST, THEN, LAST = "first", "then", "last"
PREPARE = """
import logging, os, threading
os.makedirs({folder!r}, exist_ok=True)
os.chdir({folder!r})
problems = []
class Keeps(logging.Handler):
    def emit(self, record): problems.append(self.format(record))
log = logging.getLogger("apertis_magic")
log.addHandler(Keeps(logging.ERROR))
log.propagate = False
"""
REPORT = """
import json
names = session.current().names
print(json.dumps([problems[:3], threading.active_count(), len(names)]))
"""


class Forger:
    """Makes messages: good ones, and what becomes of them by a few changes.

    Args:
        seed: which ones.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  no secret
        self.turns: list[str] = []

    def message(self) -> tuple[Any, list[bytes]]:
        """Return a message and what goes with it."""
        choose = self._random.choice
        kind = choose([*KINDS, *PATHS * 4])
        made = {"kind": kind, **{n: self._good(n) for n in requests._FIELDS[kind]}}
        buffers = [b"a,b"] * len(made.get("names", ()))
        for _ in range(choose((0, 0, 1, 1, 2, 5))):
            made[choose([*made, "anyway", "path", "view"])] = choose(VALUES)
        if self._random.random() < 0.1:
            made.pop(choose(list(made)))
        if self._random.random() < 0.1:
            buffers = [self._random.randbytes(choose((0, 1, 1_000)))] * choose((1, 3))
        return (made if self._random.random() < 0.98 else choose(VALUES)), buffers

    def _good(self, name: str) -> Any:
        """Return what a page could send in a field of that name."""
        kinds: dict[str, Any] = {
            "turn": self._random.choice([*self.turns, "", "gone"]),
            "view": str(self._random.randrange(300)),
            "token": "forged",
            "first": self._random.randrange(50),
            "last": self._random.randrange(50),
            "number": self._random.randrange(5),
            "name": self._random.choice([*FORMATS * 5, *TEXTS]),
            "names": self._random.choice(([], ["a.csv"], ["../a.png", "b"])),
            "anyway": self._random.random() < 0.5,
        }
        return kinds.get(name, self._random.choice(TEXTS))


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """Yield a kernel that no other test has been in."""
    with running_kernel() as kernel:
        yield kernel


def test_forged_messages(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """Each is done or dropped; none raises, leaves the folder or adds a thread."""
    server.will(says("so"))
    folder = tmp_path / "work"
    kernel.run(PREPARE.format(folder=str(folder)))
    page = Page(kernel, kernel.run("%chat panel"))
    page.until(kind="hello")
    page.ask("ask", token=FIRST, text="1?", names=[], anyway=False)
    page.last(open=False)
    before = {each for each in tmp_path.parent.rglob("*") if folder not in each.parents}
    threads = json.loads(kernel.run(REPORT).printed)[1]
    forger = Forger(17)
    for number in range(MESSAGES // BATCH):
        forger.turns = [turn["id"] for turn in page.turns]
        for _ in range(BATCH):
            content, buffers = forger.message()
            kernel.tell(page.comm, content, *buffers)
        page.ask("hello")
        page.ask("undo", token=f"alive {number}")
        page.until(f"alive {number}")
    page.ask("new", token=THEN)
    page.ask("use", token=LAST, name="main")
    page.until(LAST)
    problems, after, conversations = json.loads(kernel.run(REPORT).printed)
    beside = {each for each in tmp_path.parent.rglob("*") if folder not in each.parents}
    written = [each.name for each in folder.rglob("*")]
    print(  # noqa: T201  the figures of the long run
        f"{MESSAGES} forged messages: {len(server.requests)} questions, "
        f"{conversations} conversations, {len(written)} files"
    )

    assert [] == problems
    assert threads + 2 >= after
    assert 200 >= conversations
    assert set() == {each.name for each in beside - before if each.suffix != ".sqlite"}
    assert [] == [name for name in written if not EXPORTED.fullmatch(name)]
