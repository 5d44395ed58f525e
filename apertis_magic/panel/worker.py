"""``Worker``: does one request after the other on a thread of its own; few may wait."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from apertis_magic.api.wakeup import Wakeup
from apertis_magic.panel.requests import LARGEST, Request

MOST = 32
"""Requests that may wait."""

_HEAVIEST = 2 * LARGEST
"""Bytes and characters of all that wait."""

_log = logging.getLogger(__name__)


class Worker:
    """A thread that does what pages ask, in their order; one that waits waits once.

    So what a page costs is bounded by how much it takes to do one request, whatever it
    sends and however often.

    Args:
        do: does one request; what it raises is logged.
    """

    def __init__(self, do: Callable[[Request], None]) -> None:
        self._do = do
        self._waiting: deque[Request | None] = deque()
        self._lock, self._changed = threading.Lock(), Wakeup()
        self._thread = threading.Thread(
            target=self._run, name="apertis-panel", daemon=True
        )
        self._thread.start()

    def add(self, request: Request) -> bool:
        """Have a request done, and tell whether it will be: there may be too many."""
        with self._lock:
            if request in self._waiting:
                return True
            waiting = [each for each in self._waiting if each]
            weight = request.weight + sum(each.weight for each in waiting)
            if len(waiting) >= MOST or (waiting and weight > _HEAVIEST):
                return False
            self._waiting.append(request)
        self._changed.wake()
        return True

    def close(self) -> None:
        """End the thread once what waits is done."""
        self._waiting.append(None)
        self._changed.wake()

    def _run(self) -> None:
        while (request := self._next()) is not None:
            try:
                self._do(request)
            except Exception:  # noqa: BLE001  a mistake must not end the panel
                _log.exception("The panel could not do what its page asked.")

    def _next(self) -> Request | None:
        self._changed.wait(lambda: bool(self._waiting))
        return self._waiting.popleft()
