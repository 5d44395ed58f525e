"""Those who look on: they are told that something has changed, and look themselves."""

import logging
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Watchers:
    """Who wants to know that something has changed; they are told so, and no more.

    They are told from whichever thread changed it, often the background loop's, so that
    they only take note and return.
    """

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[], None]] = {}

    def add(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have *callback* called from now on; return what takes it out again."""
        place = object()
        self._callbacks[place] = callback

        def take_out() -> None:
            self._callbacks.pop(place, None)

        return take_out

    def tell(self) -> None:
        """Tell all of them, from any thread; one that fails hinders nobody."""
        for callback in tuple(self._callbacks.values()):
            try:
                callback()
            except Exception:  # noqa: BLE001  whatever it is, it is theirs
                _log.exception("A watcher failed.")
