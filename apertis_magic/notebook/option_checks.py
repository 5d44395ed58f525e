"""What the values of the magic line's own options must be.

Each check returns the value as it counts, and raises ``ConfigurationError`` where it
cannot be one.
"""

import re
from collections.abc import Callable
from keyword import iskeyword
from math import isfinite
from typing import TypeVar
from unicodedata import normalize

from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError

NO_KEYS = (
    "a key does not belong in a cell, where it would be saved and shared. Set "
    "APERTIS_API_KEY before the kernel starts, or store one with %chat key."
)
_IPYTHONS = {"get_ipython", "In", "Out", "exit", "quit"}
"""Names that IPython and IPython's users need."""

_Value = TypeVar("_Value")


def anything(value: _Value) -> _Value:
    """Return any value as it is."""
    return value


def not_empty(name: str) -> Callable[[str], str]:
    """Return the check of a text that the option *name* cannot do without."""

    def check(text: str) -> str:
        if not text:
            raise ConfigurationError(f"{name} needs text.")
        return text

    return check


def not_below_0(name: str) -> Callable[[int], int]:
    """Return the check of a number that the option *name* takes."""

    def check(number: int) -> int:
        if number < 0:
            raise ConfigurationError(f"{name} must be 0 or more, not {number}")
        return number

    return check


def seconds(value: float) -> float:
    """Return the seconds of ``--timeout``."""
    if not (value > 0 and isfinite(value)):
        raise ConfigurationError(f"--timeout must be seconds above 0, not {value}")
    return value


def model(name: str) -> str:
    """Return a model's id."""
    if redact(name) != name:
        raise ConfigurationError(NO_KEYS)
    if not name.strip():
        raise ConfigurationError("-m needs a name.")
    return name


def variable(name: str) -> str:
    """Return the name of a variable that an answer may be bound to."""
    is_taken = name in _IPYTHONS or not name.strip("_") or re.fullmatch("__.*__", name)
    # Python reads other spellings of a letter as that letter.
    is_plain = normalize("NFKC", name) == name
    if not name.isidentifier() or not is_plain or iskeyword(name) or is_taken:
        raise ConfigurationError(f"-o needs a variable's name, not {redact(name)!r}")
    return name
