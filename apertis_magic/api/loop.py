"""The one background event loop, in one daemon thread, made on first use.

``asyncio.run`` fails inside ipykernel, and a task on the kernel's own loop starves
while a cell runs; so the network lives here, and any thread may hand work over.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from apertis_magic.api.wakeup import Wakeup

T = TypeVar("T")

_lock = threading.RLock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0
_abandoned: list[asyncio.AbstractEventLoop | None] = []


def background() -> asyncio.AbstractEventLoop:
    """Return this process's background loop; a forked child gets one of its own."""
    global _loop, _pid
    with _lock:
        if _loop is None or _pid != os.getpid():
            _abandoned.append(_loop)
            loop = asyncio.new_event_loop()
            threading.Thread(
                target=loop.run_forever, name="apertis-magic", daemon=True
            ).start()
            _loop, _pid = loop, os.getpid()
        return _loop


def submit(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Start *work* on the background loop; cancelling the future cancels it."""
    return asyncio.run_coroutine_threadsafe(work, background())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* on the background loop and wait for it; an interrupt cancels it.

    Raises:
        RuntimeError: it would wait for ever, on the loop's own thread or at the
            interpreter's end.
    """
    loop = background()
    ended = Wakeup()
    tasks: list[asyncio.Task[T]] = []

    def start() -> None:
        tasks.append(loop.create_task(work))
        tasks[0].add_done_callback(lambda _: ended.wake())

    def is_due() -> bool:
        if sys.is_finalizing() or asyncio._get_running_loop() is loop:  # noqa: SLF001  get_running_loop raises
            raise RuntimeError("this cannot be waited for here")
        return bool(tasks) and tasks[0].done()

    try:
        loop.call_soon_threadsafe(start)
        ended.wait(is_due)
        return tasks[0].result()
    finally:
        loop.call_soon_threadsafe(_cancel, tasks)


def _cancel(tasks: list[asyncio.Task[T]]) -> None:
    while tasks:  # one keeps its error, whose traceback has a frame that has the list
        tasks.pop().cancel()


def _renew_lock() -> None:
    # The thread that held the lock at a fork does not exist in the child. The parent's
    # loop stays referenced: closing it there would close the parent's selector.
    global _lock  # noqa: PLW0603  as above
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
