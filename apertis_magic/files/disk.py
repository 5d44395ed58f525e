"""Reads a file whole, and replaces one whole or not at all."""

import os
from contextlib import suppress
from errno import EEXIST
from functools import partial
from pathlib import Path
from stat import S_ISREG
from uuid import uuid4

from apertis_magic import regular

LARGEST = 200_000_000
"""Bytes of a file that is read; of an answer's pictures and text 32 MB are kept."""

_RIGHTS = 0o777


def read(file: Path) -> str:
    """Return a file's text, without the mark that some editors put before it.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is too large, or holds no text.
    """
    try:
        text = regular.read(file, LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    if not text.strip():
        raise ValueError("it is empty")
    return text


def target(file: Path) -> Path:
    """Return the file that a path leads to: what is looked at, and what is written.

    A link stays one: what it points to is meant.

    Raises:
        OSError: it leads nowhere.
        ValueError: there can be no such file; says why.
    """
    try:
        parent = file.parent.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"there is no folder {file.parent}") from None
    found = Path(os.path.realpath(parent / file.name))
    if found.is_symlink():
        raise ValueError("it is a link that leads to itself")
    if not found.parent.is_dir():
        raise ValueError(f"there is no folder {found.parent}")
    return found


def write(file: Path, text: str, *, is_new: bool) -> None:
    """Put *text* in the place of what *file* holds.

    The file's permissions stay, and a new one has those that the process gives. A link
    that has come in its place meanwhile is replaced, not followed.

    Args:
        file: what ``target`` returned.
        text: what it is to hold.
        is_new: whether there must be no such file yet.

    Raises:
        OSError: it cannot be written; it is as it was.
        ValueError: there can be no such file.
    """
    # Half a character, which only an option can hold, is left to JSON to escape.
    content = text.encode("utf-8", "backslashreplace")
    before = None if is_new else file.lstat()
    if before and not S_ISREG(before.st_mode):
        raise ValueError("it is a folder or no regular file")
    # What only its owner may read must not be open to others even for a moment.
    mode = before.st_mode & _RIGHTS if before else 0o666
    temporary = file.with_name(f".apertis-{uuid4().hex}")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if before:
            temporary.chmod(mode)
            temporary.replace(file)
        else:
            _put(temporary, file)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _put(temporary: Path, file: Path) -> None:
    """Give a file its name, which no other must have got meanwhile.

    Raises:
        FileExistsError: one has.
    """
    try:
        file.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # the file system has no such links
        if os.path.lexists(file):
            raise FileExistsError(EEXIST, os.strerror(EEXIST)) from None
        temporary.replace(file)
    else:
        temporary.unlink()
