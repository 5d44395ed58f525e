"""Reads regular files, no more than so much, whatever stands under their names.

A pipe is not waited for, a device not read without end, and what was put in the place
of a file after a first look at it is seen: all is told of the file that is open.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL, EISDIR
from pathlib import Path
from stat import S_ISDIR, S_ISREG

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_OTHERS = 0o077
_PIECE = 1 << 20


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """Give a descriptor that reads a file.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    check(file.stat().st_mode)  # only to look into some devices does something
    descriptor = os.open(file, os.O_RDONLY | _BINARY | _NO_WAIT)
    try:
        check(os.fstat(descriptor).st_mode)
        yield descriptor
    finally:
        os.close(descriptor)


def check(mode: int) -> None:
    """See that a file of that mode is a regular one.

    Raises:
        OSError: it is a folder, a pipe, a device or a socket; says so.
    """
    if S_ISDIR(mode):
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    if not S_ISREG(mode):
        raise OSError(EINVAL, "it is no regular file")


def content(descriptor: int, most: int) -> bytes:
    """Return all that a file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds more than so many bytes.
    """
    size = os.fstat(descriptor).st_size
    read = bytearray()
    while size <= most and len(read) <= most:  # some of the system's tell no size
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return bytes(read)
        read += piece
    much = f"{size / 1e6:,.0f} MB" if size > most else "more"
    raise ValueError(f"it has {much}; {most / 1e6:g} MB can be read")


def read(file: Path, most: int) -> bytes:
    """Return all that a file holds.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it holds more than so many bytes.
    """
    with opened(file) as descriptor:
        return content(descriptor, most)


def make_private(descriptor: int, file: Path) -> None:
    """Keep others from an open file, if it is this user's, with the link to it.

    Raises:
        OSError: that cannot be.
    """
    if sys.platform == "win32":
        return
    about = os.fstat(descriptor)
    owners = {about.st_uid, file.lstat().st_uid}
    if about.st_mode & _OTHERS and owners == {os.geteuid()}:
        os.fchmod(descriptor, 0o600)


def make_folder_private(folder: Path) -> None:
    """Keep others from a folder, if it is this user's and no link.

    Raises:
        OSError: that cannot be.
    """
    about = folder.lstat()
    if sys.platform == "win32" or not S_ISDIR(about.st_mode):
        return
    if about.st_mode & _OTHERS and about.st_uid == os.geteuid():
        folder.chmod(0o700)
