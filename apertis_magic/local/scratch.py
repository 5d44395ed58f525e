"""Temporary folders of installations, and what is left of those that were killed.

Whoever works in one holds its lock, which ends with the process, however that ends. On
Windows, and on network file systems without locks, nobody can tell: there such folders
stay.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PREFIX = ".install-"


@contextmanager
def folder(parent: Path) -> Iterator[Path]:
    """Give a temporary folder in *parent* that no other process sweeps away.

    Raises:
        OSError: it cannot be made.
    """
    with ExitStack() as stack:
        with _lock(parent):  # nobody sweeps before it has its lock
            made = tempfile.TemporaryDirectory(
                prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True
            )
            name = Path(stack.enter_context(made))
            stack.enter_context(_lock(name))
        yield name


def sweep(parent: Path) -> None:
    """Delete the temporary folders in *parent* that nobody works in any more."""
    with _lock(parent):
        for left in parent.glob(f"{_PREFIX}*"):
            with suppress(OSError), _lock(left, wait=False) as is_held:
                if is_held:
                    shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _lock(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a folder's lock; tell whether it could be had.

    Raises:
        OSError: there is no such folder.
    """
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(opened)
