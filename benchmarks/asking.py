"""One kernel with the extension in it, seen from outside as a front end sees it."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import clock_gettime, perf_counter
from typing import Any

from kernel_driver import Kernel, Outcome, running_kernel
from sse_server import Script

_DISPLAYS = ("display_data", "update_display_data")
_FOREIGN = ("APERTIS_", "OPENAI_", "STIMA_")


@dataclass(frozen=True)
class Cost:
    """What one cell took.

    Attributes:
        wall: seconds from the request to the kernel's being idle.
        cpu: seconds of the kernel's processor time, of all its threads.
        displays: how many displays the cell has.
        messages: how many messages showed them.
        sent: bytes in the content of these messages.
    """

    wall: float
    cpu: float
    displays: int
    messages: int
    sent: int


@contextmanager
def private() -> Iterator[None]:
    """Keep the user's profile, keys and addresses out of what is measured."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith(_FOREIGN) or name.lower().endswith("_proxy"):
            del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        names = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME")
        os.environ |= dict.fromkeys(names, folder)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= kept


@contextmanager
def ready_kernel(url: str) -> Iterator[Kernel]:
    """Start a kernel with the extension loaded, which will ask the server at *url*."""
    with running_kernel() as kernel:
        run(kernel, f"%env APERTIS_BASE_URL={url}\n%load_ext apertis_magic")
        yield kernel


def cell(script: Script) -> str:
    """Return the cell that asks for *script*."""
    return f"%%chat --new -m {script}\nGo on."


def run(kernel: Kernel, source: str) -> Outcome:
    """Run a cell that must not fail."""
    done = kernel.run(source)
    assert done.reply["status"] == "ok", done.reply

    return done


def measure(kernel: Kernel, source: str) -> Cost:
    """Run a cell that must not fail, and return what it took."""
    begun, used = perf_counter(), _cpu(kernel)
    done = run(kernel, source)
    wall, cpu = perf_counter() - begun, _cpu(kernel) - used
    shown = [m for m in done.messages if m["msg_type"] in _DISPLAYS]
    return Cost(
        wall=wall,
        cpu=cpu,
        displays=sum(m["msg_type"] == "display_data" for m in shown),
        messages=len(shown),
        sent=sum(map(_size, shown)),
    )


def _size(message: Any) -> int:
    return len(json.dumps(message["content"], ensure_ascii=False).encode())


def _cpu(kernel: Kernel) -> float:
    # Linux's clock_getcpuclockid(3), which Python has only for threads.
    return clock_gettime((~kernel.pid << 3) | 2)
