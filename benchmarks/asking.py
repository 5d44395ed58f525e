"""A kernel in which somebody asks, seen from outside as a front end sees it."""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import peers
from contestants import Contestant, filled
from kernel_driver import Kernel, Outcome, running_kernel
from sse_server import Script

_SHOW = ("display_data", "update_display_data", "execute_result")
_FOREIGN = ("APERTIS_", "OPENAI_", "STIMA_")


@dataclass(frozen=True)
class Cost:
    """What one cell took.

    Attributes:
        wall: seconds from the request to the kernel's being idle.
        cpu: seconds of the kernel's processor time, of all its threads.
        displays: how many outputs the cell has.
        messages: how many messages showed them.
        sent: bytes in the content of these messages.
    """

    wall: float
    cpu: float
    displays: int
    messages: int
    sent: int


@dataclass(frozen=True)
class Asker:
    """A contestant in a kernel that is set up, and the server that it asks."""

    contestant: Contestant
    kernel: Kernel
    url: str

    def start(self, script: Script) -> str:
        """Start the cell that asks for *script*; return the request's id."""
        if self.contestant.before:
            run(self.kernel, filled(self.contestant.before, self.url, script))
        return self.kernel.start(self.contestant.asking(self.url, script))

    def cost(self, script: Script) -> Cost:
        """Ask for *script*, and return what the cell took."""
        if self.contestant.before:
            run(self.kernel, filled(self.contestant.before, self.url, script))
        return measure(self.kernel, self.contestant.asking(self.url, script))


@contextmanager
def private() -> Iterator[None]:
    """Keep the user's profile, keys and addresses out of what is measured."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(_FOREIGN) or name.lower().endswith("_proxy"):
            del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        names = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME")
        os.environ |= dict.fromkeys(names, folder) | peers.environment()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= kept


@contextmanager
def asker(contestant: Contestant, url: str) -> Iterator[Asker]:
    """Start a kernel in which a contestant is set up to ask the server at *url*."""
    with running_kernel(contestant.kernel) as kernel:
        run(kernel, filled(contestant.setup, url, Script()))
        yield Asker(contestant, kernel, url)


@contextmanager
def askers(contestants: Sequence[Contestant], url: str) -> Iterator[list[Asker]]:
    """Start kernels for those of the contestants whose environments can be had."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(asker(each, url))
            for each in contestants
            if each.kernel == "python3" or not peers.missing(each.kernel)
        ]


def in_turn(found: Sequence[Asker], rounds: int) -> Iterator[list[Asker]]:
    """Give who asks, round by round, every other round the other way about."""
    for number in range(rounds):
        yield list(found if number % 2 else reversed(found))


def run(kernel: Kernel, source: str) -> Outcome:
    """Run a cell that must not fail."""
    done = kernel.run(source)
    assert done.reply["status"] == "ok", done.reply

    return done


def measure(kernel: Kernel, source: str) -> Cost:
    """Run a cell that must not fail, and return what it took."""
    begun, used = perf_counter(), cpu(kernel)
    done = run(kernel, source)
    wall, spent = perf_counter() - begun, cpu(kernel) - used
    shown = [m for m in done.messages if m["msg_type"] in _SHOW]
    return Cost(
        wall=wall,
        cpu=spent,
        displays=sum(m["msg_type"] != "update_display_data" for m in shown),
        messages=len(shown),
        sent=sum(map(_size, shown)),
    )


def cpu(kernel: Kernel) -> float:
    """Return the seconds of processor time that a kernel has used."""
    # Linux's clock_getcpuclockid(3), which Python has only for threads.
    return time.clock_gettime((~kernel.pid << 3) | 2)


def _size(message: Any) -> int:
    return len(json.dumps(message["content"], ensure_ascii=False).encode())
