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
        self._told: dict[object, Callable[[], None]] = {}

    def add(self, told: Callable[[], None]) -> Callable[[], None]:
        """Have *told* be called from now on; return what takes it out again."""
        place = object()
        self._told[place] = told

        def take_out() -> None:
            self._told.pop(place, None)

        return take_out

    def tell(self) -> None:
        """Tell all of them, from any thread; one that fails hinders nobody."""
        for told in tuple(self._told.values()):
            try:
                told()
            except Exception:  # noqa: BLE001  whatever it is, it is theirs
                _log.exception("A watcher failed.")
