"""What a conversation can be called."""

from collections.abc import Collection
from itertools import count

from apertis_magic.clean import printable, quoted
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError

DEFAULT_CONVERSATION = "main"

LONGEST = 100
"""Characters in a conversation's name."""


def checked(name: str) -> str:
    """Return a conversation's name without blanks around it.

    Raises:
        ConfigurationError: it is no name; a key in it is not repeated.
    """
    value: object = name
    if not isinstance(value, str):
        raise ConfigurationError(
            f"A conversation is given by its name, not by a {type(value).__name__}."
        )
    name = name.strip()
    if not name:
        problem = "cannot be blank"
    elif redact(name) != name:
        problem = "cannot be a key, or look like one"
    elif len(name) > LONGEST:
        problem = f"has {LONGEST} characters at the most, not {len(name)}"
    elif printable(name) != name or len(name.splitlines()) > 1 or "\t" in name:
        problem = "holds no control characters"
    else:
        return name
    raise ConfigurationError(f"A conversation's name {problem}.")


def from_text(text: str) -> str:
    """Return a name made of *text*, which comes from elsewhere and may be none."""
    return redact(" ".join(printable(text).split()))[:LONGEST].strip() or "loaded"


def free(name: str, taken: Collection[str]) -> str:
    """Return *name* with a number behind it that no other name has."""
    numbers = (f"{name}-{number}" for number in count(2))
    return next(each for each in numbers if each not in taken)


def check_free(name: str, taken: Collection[str]) -> None:
    """See that no conversation has that name.

    Raises:
        ConfigurationError: one does; it says how to go there, or make room.
    """
    if name in taken:
        word = quoted(name)
        raise ConfigurationError(
            f"There is a conversation {name!r} already.",
            hint=f"%chat use {word} goes there; %chat delete {word} makes room.",
        )
