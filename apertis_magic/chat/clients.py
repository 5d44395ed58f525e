"""The clients of a Session: one for each address and key, so that connections last."""

import threading

from apertis_magic.api.client import AsyncApertis
from apertis_magic.chat.settings import Settings


class Clients:
    """Makes a client for an address and a key once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str | None], AsyncApertis] = {}
        self._lock = threading.Lock()

    def of(self, settings: Settings) -> AsyncApertis:
        """Return the one client for the address and key of *settings*.

        Raises:
            ConfigurationError: the address or the key cannot be right.
        """
        target = settings.base_url, settings.api_key
        with self._lock:
            if target not in self._made:
                self._made[target] = AsyncApertis(settings.api_key, settings.base_url)
            return self._made[target]
