"""The file that stored keys are in: JSON by origin, for its owner's eyes only.

An origin whose key is ``null`` has it in the system's keyring.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from apertis_magic import regular
from apertis_magic.errors import ConfigurationError
from apertis_magic.paths import config_dir

_MOST = 1_000_000
"""Bytes of the file, at the most."""


def path() -> Path:
    """Return where the file is, or would be."""
    return config_dir() / "keys.json"


def stamp() -> tuple[int, int]:
    """Return a value that differs after each change of the file."""
    status = path().stat()
    return status.st_mtime_ns, status.st_ino


def read() -> dict[str, str | None]:
    """Return each origin's key, None for one in the keyring; keep others from reading.

    Raises:
        ConfigurationError: the file is there, but cannot be read or understood. The
            message names its path and nothing of what it holds.
    """
    try:
        with regular.opened(path()) as file:
            with suppress(OSError):  # a file system that has no such rights
                regular.make_private(file, path())
            content = regular.content(file, _MOST)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(
            f"The stored keys in {path()} cannot be read: {reason}.",
            hint="Make the file readable for you, or delete it and run %chat key.",
        ) from None
    held = _parsed(content)
    if held is None:
        raise ConfigurationError(
            f"The file of stored keys, {path()}, is broken.",
            hint="Delete it, then run %chat key to store a key again.",
        )
    return held


@contextmanager
def changing() -> Iterator[dict[str, str | None]]:
    """Give the keys in the file; write them as they are then, whole or not at all.

    The file is written anew even with the same keys: that tells other processes that
    the keyring has changed.

    Raises:
        ConfigurationError: the file cannot be read or written; it has not changed.
    """
    try:
        path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone():
            held = read()
            yield held
            _write(held)
    except OSError as error:
        raise ConfigurationError(
            f"{path()} cannot be written: {error.strerror}.",
            hint="Set APERTIS_API_KEY before the kernel starts instead.",
        ) from None


def _parsed(content: bytes) -> dict[str, str | None] | None:
    # The error of a parser holds the text; nobody sees it, not even as a context.
    with suppress(ValueError, RecursionError):
        held = json.loads(content)
        if isinstance(held, dict) and all(
            key is None or isinstance(key, str) for key in held.values()
        ):
            return held
    return None


def _write(held: dict[str, str | None]) -> None:
    file = path()
    with suppress(OSError):
        regular.make_folder_private(file.parent)
    # Made for its owner alone from the start.
    opened, name = tempfile.mkstemp(dir=file.parent, prefix="keys-")
    try:
        with os.fdopen(opened, "w", encoding="utf-8") as temporary:
            json.dump(held, temporary, indent=1)
            temporary.flush()
            os.fsync(opened)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes from changing the file meanwhile.

    Windows has nothing as simple: there, of two changes at once the later one holds.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    folder = os.open(path().parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
