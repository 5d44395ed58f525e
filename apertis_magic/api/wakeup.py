"""Waits for another thread in a way in which an interrupt leaves nothing behind.

``threading.Event``, ``Condition`` and ``Future`` keep their lock for good where an
interrupt comes just as they have taken it: the thread that would notify them then waits
for ever, and with the background loop every answer.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic

SLICE = 0.1
"""Seconds; a wait on a lock cannot be interrupted on Windows, so waits are sliced."""


class Wakeup:
    """Has the threads that wait for a change look whether it has come.

    Any thread may wait, and any may wake the others; whoever wakes never waits.
    """

    def __init__(self) -> None:
        # One each, since a lock that an interrupt has left behind concerns nobody else.
        self._locks: set[threading.Lock] = set()

    def wake(self) -> None:
        """Have all that wait look again."""
        for lock in tuple(self._locks):
            with suppress(RuntimeError):  # it is released already
                lock.release()

    def wait(self, is_due: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until the change has come, and return whether it has.

        Args:
            is_due: tells whether it has come; it is asked whenever somebody wakes.
            timeout: seconds to wait at the most; None for as long as it takes.
        """
        deadline = inf if timeout is None else monotonic() + timeout
        is_main = threading.current_thread() is threading.main_thread()
        longest = SLICE if is_main else threading.TIMEOUT_MAX
        while not is_due() and (left := deadline - monotonic()) > 0:
            self._wait(is_due, min(left, longest))
        return is_due()

    def _wait(self, is_due: Callable[[], bool], timeout: float) -> None:
        lock = threading.Lock()
        lock.acquire()
        self._locks.add(lock)
        try:
            if not is_due():  # it may have come before the lock was known
                lock.acquire(timeout=timeout)
        finally:
            self._locks.discard(lock)
