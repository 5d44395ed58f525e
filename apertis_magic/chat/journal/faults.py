"""What SQLite's errors and the system's mean for the journal."""

import sqlite3

from apertis_magic.errors import ApertisError


class NewerSchemaError(Exception):
    """The file was written by a newer version, and is left alone."""


class DamagedError(ApertisError):
    """The file is damaged, and cannot be read as it stands."""


def is_busy(error: BaseException) -> bool:
    """Tell whether another process holds the file, which passes."""
    held = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, BlockingIOError) or code_of(error) in held


def is_damaged(error: BaseException) -> bool:
    """Tell whether what is in the file is no journal (any more)."""
    # SQLite's own words may hold what it has found, which then is no text.
    is_garbled = isinstance(error, UnicodeDecodeError)
    return is_garbled or code_of(error) in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def has_no_room(error: BaseException) -> bool:
    """Tell whether the disk did not take what was to be written."""
    return code_of(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_outside(error: BaseException) -> bool:
    """Tell whether the file, the disk or the system is the cause, not what is kept."""
    causes = (OSError, NewerSchemaError, sqlite3.OperationalError)
    return isinstance(error, causes) or is_damaged(error)


def reason(error: BaseException) -> str:
    """Return what is wrong, in words for the middle of a sentence."""
    if isinstance(error, NewerSchemaError):
        return "a newer version of apertis_magic wrote it"
    if is_damaged(error):
        return "it is damaged"
    if is_busy(error):
        return "another program keeps it locked"
    if isinstance(error, MemoryError):
        return "it is larger than the memory that is left"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())


def failure(code: int) -> sqlite3.OperationalError:
    """Return the error that SQLite itself would raise with that code."""
    error = sqlite3.OperationalError("it is no journal")
    error.sqlite_errorcode = code
    return error


def code_of(error: BaseException) -> int:
    """Return SQLite's code of an error, 0 where it is another's."""
    # The lower byte; the upper ones say more than is needed.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
