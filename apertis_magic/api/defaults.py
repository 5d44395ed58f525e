"""Whom to ask where nobody says: whom a notebook's cells ask, else the environment.

A client reads this when it is made, a conversation at each question.
"""

from collections.abc import Callable
from typing import Protocol

from apertis_magic.api.environment import (
    base_url_from_environment,
    model_from_environment,
)


class Default(Protocol):
    """Whom to ask."""

    @property
    def base_url(self) -> str:
        """The API's address."""

    @property
    def model(self) -> str:
        """The model's id."""

    @property
    def api_key(self) -> str | None:
        """The key for that address; None for the one that is kept for it."""

    @property
    def local_model(self) -> str:
        """What names the local model, if it is the one to answer; else empty."""


class Source(Protocol):
    """What knows whom to ask, such as the Session of a notebook."""

    @property
    def settings(self) -> Default:
        """Whom the next question asks."""

    @property
    def base_url(self) -> str:
        """The API's address, also while the local model answers."""


class _Environment:
    """Whom the environment says, read anew each time."""

    api_key = None
    local_model = ""

    @property
    def settings(self) -> Default:
        return self

    @property
    def base_url(self) -> str:
        return base_url_from_environment()

    @property
    def model(self) -> str:
        return model_from_environment()


_source: Callable[[], Source] = _Environment


def follow(source: Callable[[], Source]) -> None:
    """Have clients and conversations ask whom *source* says, from now on."""
    global _source  # noqa: PLW0603  a process has one notebook
    _source = source


def leave(source: Callable[[], Source]) -> None:
    """Have them ask whom the environment says, if it is *source* that they follow."""
    if _source == source:
        follow(_Environment)


def in_notebook() -> bool:
    """Tell whether a notebook's cells say whom to ask."""
    return _source is not _Environment


def current() -> Default:
    """Return whom to ask where nobody says.

    Raises:
        ConfigurationError: the address or the key that is set cannot be one.
    """
    return _source().settings


def base_url() -> str:
    """Return the API's address for who gives a key of theirs, never the local model's.

    Raises:
        ConfigurationError: it cannot be one.
    """
    return _source().base_url
