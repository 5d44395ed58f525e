"""A key that a function gives: asked for before each request, for it may change."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from apertis_magic.api import keys
from apertis_magic.errors import ConfigurationError

KeyFunction: TypeAlias = Callable[[], str | Awaitable[str]]

_MOST = 100
"""Keys that are remembered: a server may repeat one that was replaced meanwhile."""


class AskedKey:
    """The keys that one function gives.

    Args:
        function: gives the key, or something to await that does.

    Attributes:
        known: the last keys that it gave, the newest first.
    """

    def __init__(self, function: KeyFunction) -> None:
        self._function = function
        self._lock = threading.Lock()
        self.known: tuple[str, ...] = ()

    async def ask(self) -> str:
        """Return the key for the next request.

        Raises:
            ConfigurationError: the function failed, or gives what cannot be a key. The
                message repeats nothing of what it says.
        """
        value, failure = await _called(self._function)
        if failure:
            raise ConfigurationError(
                f"The function that gives the API key failed ({failure}).",
                hint="Call it by itself to see why.",
            )
        try:
            key = keys.clean(value)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error} It is what the function of api_key gives."
            ) from None
        with self._lock:
            others = (each for each in self.known if each != key)
            self.known = (key, *others)[:_MOST]
        return key


async def _called(function: KeyFunction) -> tuple[str, str]:
    """Return what a function gives, and the name of what it raised, one of them empty.

    One that waits keeps no event loop from running. Its error stays behind, for its
    text may hold the key.
    """
    try:
        if inspect.iscoroutinefunction(function):
            return await function(), ""
        value, failure = await asyncio.to_thread(_tried, function)
        if inspect.isawaitable(value):
            value = await value
    except (Exception, SystemExit) as error:  # noqa: BLE001  it raises what it likes
        return "", type(error).__name__
    return value, failure


def _tried(function: KeyFunction) -> tuple[str | Awaitable[str], str]:
    try:
        return function(), ""
    except BaseException as error:  # noqa: BLE001  a future takes no StopIteration
        return "", type(error).__name__
