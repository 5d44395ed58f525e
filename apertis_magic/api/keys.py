"""The one place that finds or stores an API key and checks that it can be one.

A stored key is bound to the origin it was stored for and never goes to another. It is
in the system's keyring or, where there is none, in our file. The keyring is slow to
import and may wait for a person, so it is asked only where the file says so.
"""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field

from apertis_magic.api import address, defaults, environment, key_file
from apertis_magic.errors import ConfigurationError

ENVIRONMENT = "APERTIS_API_KEY"
KEYRING = "the system's keyring"
_SERVICE = "apertis_magic"
_BEARER = re.compile(r"(?:authorization\s*:\s*)?bearer\s+", re.IGNORECASE)
"""What stands before a key in a header, and is pasted along with it."""

_memory: dict[str, tuple[tuple[int, int], str | None]] = {}


@dataclass(frozen=True, slots=True)
class Found:
    """A key and where it was found.

    Attributes:
        key: the key; never in the repr.
        source: ``api_key``, ``APERTIS_API_KEY``, ``the system's keyring`` or ``the
            file …``; behind that, what was taken off of it.
    """

    key: str = field(repr=False)
    source: str


def find(key: str | None = None, *, base_url: str) -> Found | None:
    """Return the key to send: *key*, or the environment's, or the stored one.

    Args:
        key: goes before all others.
        base_url: where it is to go; a key that was stored for elsewhere is not found.

    Raises:
        ConfigurationError: the key that was found cannot be one, or the stored ones
            cannot be read.
    """
    if key is not None:
        return _found(key, "api_key")
    if is_in_environment():
        return _found(os.environ[ENVIRONMENT], ENVIRONMENT)
    return _stored(address.origin(base_url))


def is_in_environment() -> bool:
    """Tell whether the environment has a key; one that is blank is none."""
    return bool(environment.variable(ENVIRONMENT))


def store(key: str, base_url: str) -> str:
    """Store *key* for the origin of *base_url* and return, in words, where.

    Raises:
        ConfigurationError: it cannot be a key, or cannot be stored; the key that was
            stored before stays.
    """
    (key, taken), origin = _cleaned(key), address.origin(base_url)
    key_file.read()  # whether it can be is seen before anything is changed
    try:
        failure = _into_keyring(origin, key)
        with key_file.changing() as held:
            held[origin] = None if failure is None else key
    except BaseException:  # an interrupt too: no key stays that nothing knows of
        _out_of_keyring(origin)
        raise
    if failure is None:
        return KEYRING + taken
    return f"the file {key_file.path()}, which only you can read{failure}{taken}"


def clear(base_url: str) -> bool:
    """Forget the key stored for the origin of *base_url*; tell whether there was one.

    Raises:
        ConfigurationError: the file cannot be changed; or the key is no longer used,
            but still in a keyring that does not answer.
    """
    origin = address.origin(base_url)
    if origin not in key_file.read():
        return False
    with key_file.changing() as held:
        was_in_keyring = held.pop(origin, "") is None
    if was_in_keyring and not _out_of_keyring(origin):
        raise ConfigurationError(
            f"The key for {origin} is no longer used, but {KEYRING} did not remove it.",
            hint=f"Remove the entry {_SERVICE} there.",
        )
    return True


def _stored(origin: str) -> Found | None:
    held = key_file.read()
    if origin not in held:
        return None
    key, source = held[origin], f"the file {key_file.path()}"
    if key is None:
        key, source = _remembered(origin), KEYRING
    return _found(key, source) if key else None


def _found(key: str, source: str) -> Found:
    key, taken = _cleaned(key)
    return Found(key, source + taken)


def _remembered(origin: str) -> str | None:
    """Return the keyring's key, asked for once until the file changes."""
    now = key_file.stamp()
    if _memory.get(origin, (None,))[0] != now:
        _memory[origin] = now, _from_keyring(origin)
    return _memory[origin][1]


def _from_keyring(origin: str) -> str | None:
    """Return the key, None where it was removed there.

    Raises:
        ConfigurationError: the keyring does not answer.
    """
    try:
        import keyring

        return keyring.get_password(_SERVICE, origin)
    except Exception as error:  # noqa: BLE001  backends raise what they like
        failure = type(error).__name__
    raise ConfigurationError(
        f"The key for {origin} is in {KEYRING}, which failed ({failure}).",
        hint="Unlock the keyring, or store the key again with %chat key.",
    )


def _into_keyring(origin: str, key: str) -> str | None:
    """Put *key* into the keyring; return None, or what to say where it is not there."""
    try:
        import keyring

        keyring.set_password(_SERVICE, origin, key)
        # One that is switched off takes every key and keeps none.
        is_there = keyring.get_password(_SERVICE, origin) == key
    except ModuleNotFoundError:
        return ""
    except Exception as error:  # noqa: BLE001  see _from_keyring
        return f" ({KEYRING} failed: {type(error).__name__})"
    return None if is_there else f" ({KEYRING} did not keep it)"


def _out_of_keyring(origin: str) -> bool:
    """Tell whether the keyring holds no key of *origin* any more."""
    with suppress(Exception):
        import keyring

        if keyring.get_password(_SERVICE, origin) is not None:
            keyring.delete_password(_SERVICE, origin)
        return True
    return False


def clean(key: str) -> str:
    """Return *key* without what pasting leaves around it.

    That is white space, one pair of quotes, and the ``Bearer`` of a header.

    Raises:
        ConfigurationError: it is empty, or has characters that no key has. The
            message never repeats it.
    """
    return _cleaned(key)[0]


def _cleaned(key: str) -> tuple[str, str]:
    """Return *key* as ``clean`` does, and what was taken off in words.

    Raises:
        ConfigurationError: as ``clean`` says.
    """
    value: object = key
    if not isinstance(value, str):
        raise ConfigurationError("The API key must be text.")
    bare, taken = environment.unquoted(key), ""
    if bare != key.strip():
        taken = ", without the quotes around it"
    if header := _BEARER.match(bare):
        bare = environment.unquoted(bare[header.end() :])
        taken += ", without the Bearer before it"
    if not bare:
        raise ConfigurationError("The API key is empty.", hint=how_to_give_one())
    if not bare.isascii() or not bare.isprintable() or " " in bare:
        raise ConfigurationError(
            "The API key has characters that no key has, such as spaces or curly "
            "quotes.",
            hint="Copy it again from where it was made.",
        )
    return bare, taken


def how_to_give_one() -> str:
    """Return, in one line, the ways to give a key or do without."""
    if defaults.in_notebook():
        return (
            f"Run %chat key, or set {ENVIRONMENT} before the kernel starts (or in "
            f"Python: os.environ['{ENVIRONMENT}'] = getpass.getpass()), or use the "
            "local model: %chat local."
        )
    return (
        f"Set {ENVIRONMENT}, or use the local model: python -m apertis_magic.local "
        "serve prints what to set. (In a notebook, %load_ext apertis_magic, then "
        "%chat key or %chat local.)"
    )
