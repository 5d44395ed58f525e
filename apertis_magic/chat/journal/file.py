"""The journal's file: made for its owner alone, opened, told apart, and set aside."""

import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from apertis_magic.chat import former
from apertis_magic.errors import ApertisError

working = threading.RLock()
"""Held while SQLite works: it cannot be copied in the middle of that by a fork."""

_PATIENCE = 1.0
"""Seconds that one try waits for other processes to let the file go."""

_COMPANIONS = ("-wal", "-shm", "-journal")
"""What the names of the files end in that SQLite keeps beside its own."""

_NETWORK = (
    "nfs cifs smb smb2 smb3 smbfs 9p afs ceph lustre gpfs glusterfs beegfs ncpfs "
    "fuse.sshfs fuse.glusterfs fuse.s3fs fuse.rclone fuse.gcsfuse vboxsf"
).split()

_OURS = 0x61706D6A
"""SQLite's mark of the application that a file belongs to."""

_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"PRAGMA application_id = {_OURS}",
        # The revision is another after each change of its entries.
        """CREATE TABLE conversation (
             id TEXT PRIMARY KEY, name TEXT NOT NULL, notebook TEXT, model TEXT,
             system TEXT, changed REAL NOT NULL, dropped INTEGER NOT NULL,
             revision TEXT)""",
        # A turn as it was at one time: where conversations that share it go on with
        # it, each has its own. One that is under way is open, and knows its place.
        """CREATE TABLE turn (
             key INTEGER PRIMARY KEY, id TEXT NOT NULL, started REAL NOT NULL,
             open INTEGER NOT NULL, conversation TEXT, place TEXT, request TEXT,
             tokens REAL, cost REAL, saved REAL, cached INTEGER, data TEXT NOT NULL)""",
        "CREATE INDEX turn_id ON turn (id)",
        "CREATE INDEX turn_request ON turn (request) WHERE request IS NOT NULL",
        "CREATE INDEX turn_open ON turn (conversation) WHERE open",
        # Without a position it is a version, or was dropped.
        """CREATE TABLE entry (
             conversation TEXT NOT NULL, id TEXT NOT NULL, turn INTEGER NOT NULL,
             slot TEXT NOT NULL, position INTEGER, made INTEGER NOT NULL,
             execution TEXT, PRIMARY KEY (conversation, id)) WITHOUT ROWID""",
        "CREATE INDEX entry_turn ON entry (turn)",
        # What an answer has grown by, until it has ended.
        "CREATE TABLE piece (turn TEXT NOT NULL, part TEXT NOT NULL, text BLOB)",
        "CREATE INDEX piece_turn ON piece (turn)",
        "CREATE TABLE swept (at REAL NOT NULL)",
    ),
    (
        "UPDATE turn SET data = upgraded(data)",
        "DROP INDEX piece_turn",
        "ALTER TABLE piece RENAME TO former_piece",
        # What answers have grown by, until they have ended: which one, and by what.
        """CREATE TABLE piece (
             turn TEXT NOT NULL, answer INTEGER NOT NULL, kind TEXT NOT NULL,
             data BLOB NOT NULL)""",
        """INSERT INTO piece SELECT turn,
             CASE WHEN part GLOB '[0-9]*' THEN CAST(part AS INTEGER) ELSE 0 END,
             CASE WHEN part GLOB '[0-9]*' THEN 'text' ELSE part END,
             text FROM former_piece ORDER BY rowid""",
        "DROP TABLE former_piece",
        "CREATE INDEX piece_turn ON piece (turn)",
    ),
)
"""The statements that lead from each version of the schema to the next."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file it is, whatever stands under its name by now."""

    device: int
    inode: int

    @classmethod
    def of(cls, file: Path) -> "Identity | None":
        """Return that of *file*, None where there is none."""
        try:
            about = file.stat()
        except OSError:
            return None
        return cls(about.st_dev, about.st_ino)


@dataclass(frozen=True, slots=True)
class Opened:
    """A journal that is open to be written.

    Attributes:
        file: where it was opened.
        db: the connection.
        set_aside: the name of a damaged file that stood there, None for none.
        identities: which files SQLite has open, those that are there.
    """

    file: Path
    db: sqlite3.Connection
    set_aside: Path | None
    identities: Mapping[Path, Identity]

    @property
    def identity(self) -> Identity | None:
        """Which file it is, None if it was gone before it was seen."""
        return self.identities.get(self.file)

    @property
    def stands(self) -> bool:
        """Whether what is open is what stands there now."""
        try:
            is_cut = not self.file.stat().st_size
        except OSError:
            return False
        return not is_cut and Identity.of(self.file) == self.identity

    def close(self) -> None:
        """Close it; a file that was moved takes along what is not yet in it."""
        with suppress(sqlite3.Error, OSError), closing(self.db):
            if not self.stands:
                self.db.execute("PRAGMA wal_checkpoint")
                # Else they would be taken for those of the file that is there now.
                for file, identity in self.identities.items():
                    if file != self.file and Identity.of(file) == identity:
                        file.unlink()


class NewerSchemaError(Exception):
    """The file was written by a newer version, and is left alone."""


def open_to_write(
    file: Path,
    migrations: tuple[tuple[str, ...], ...] = _MIGRATIONS,
    *,
    damaged: Identity | None = None,
) -> Opened:
    """Open the journal, made where there is none, with the newest schema.

    What is no journal is put under another name.

    Args:
        file: where it is.
        migrations: what leads from each version of the schema to the next.
        damaged: a file that was found to be damaged, if it still stands there.

    Raises:
        OSError: the file cannot be made, or another process opens it right now.
        sqlite3.Error: it cannot be opened.
        NewerSchemaError: a newer version wrote it.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(file):
        is_known = damaged is not None and Identity.of(file) == damaged
        set_aside = _put_aside(file) if is_known else None
        try:
            db = _open(file, migrations)
        except sqlite3.Error as error:
            if not is_damaged(error):
                raise
            set_aside = _put_aside(file)
            db = _open(file, migrations)
        found = {each: Identity.of(each) for each in _with_companions(file)}
    there = {each: identity for each, identity in found.items() if identity}
    return Opened(file, db, set_aside, there)


@contextmanager
def reading(
    file: Path, migrations: tuple[tuple[str, ...], ...] = _MIGRATIONS
) -> Iterator[sqlite3.Connection | None]:
    """Give a connection that only reads, None where there is no journal yet.

    Raises:
        ApertisError: it cannot be read; one line says why.
    """
    if not file.exists():
        yield None
        return
    newest = len(migrations)
    try:
        with working, closing(_connect(file)) as db:
            if 0 < _known(db, newest) < newest:
                open_to_write(file, migrations).close()
            db.execute("PRAGMA query_only = 1")
            db.execute("BEGIN")  # one moment for all that is read
            yield db if _known(db, newest) else None
    except (sqlite3.Error, OSError, ValueError, NewerSchemaError) as error:
        raise ApertisError(
            f"The journal {file} cannot be read: {reason(error)}.",
            hint="A damaged one is set aside when the next question is asked.",
        ) from error


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Write all that follows, or nothing."""
    # At once: a lock that is asked for later cannot always be waited for.
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise


def compact(file: Path) -> None:
    """Give back what is not used; what was removed cannot be read from it any more.

    Raises:
        sqlite3.Error: it cannot be done, or not now.
    """
    with working, closing(_connect(file)) as db:
        db.execute("VACUUM")
        [was_busy, *_] = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if was_busy:
            raise _error(sqlite3.SQLITE_BUSY)


def size(file: Path) -> int:
    """Return the bytes that the journal takes on disk."""
    used = 0
    for each in _with_companions(file):
        with suppress(OSError):
            used += each.stat().st_size
    return used


def is_busy(error: BaseException) -> bool:
    """Tell whether another process holds the file, which passes."""
    held = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, BlockingIOError) or _code(error) in held


def is_damaged(error: BaseException) -> bool:
    """Tell whether what is in the file is no journal (any more)."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split())


def is_network(file: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Tell whether *file* is on another machine, as far as this one tells."""
    if sys.platform == "win32":
        return str(file.resolve()).startswith("\\\\")
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    parents = {str(each) for each in file.resolve().parents}
    kind, longest = "", 0
    for line in lines:
        _, where, found, *_ = [*line.split(" "), "", "", ""]
        where = where.replace("\\040", " ")
        if where in parents and len(where) >= longest:
            kind, longest = found, len(where)
    return kind.startswith("nfs") or kind in _NETWORK


def _open(file: Path, migrations: tuple[tuple[str, ...], ...]) -> sqlite3.Connection:
    # Made here: SQLite would make it as the umask says.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    for each in _with_companions(file):
        with suppress(OSError):  # it is not there, or another owner's
            each.chmod(0o600)
    db = _connect(file)
    try:
        # Before anything is changed: it may be another program's.
        version = _known(db, len(migrations))
        _set_mode(db, file)
        if version < len(migrations):
            _migrate(db, migrations)
    except BaseException:
        db.close()
        raise
    return db


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        file, _PATIENCE, isolation_level=None, check_same_thread=False
    )


def _set_mode(db: sqlite3.Connection, file: Path) -> None:
    """Choose how changes are made: many at once where the file system carries it."""
    wanted = "DELETE" if is_network(file) else "WAL"
    [got] = db.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    # In WAL mode the end of a process loses nothing that was written.
    level = "NORMAL" if got == "wal" else "FULL"
    db.execute(f"PRAGMA synchronous = {level}")


def _upgraded(data: str) -> str:
    """Return a turn's JSON as it is written today; what is none stays as it is."""
    try:
        raw = json.loads(data)
        return json.dumps(former.upgraded(raw)) if isinstance(raw, dict) else data
    except (ValueError, TypeError, RecursionError):
        return data


def _migrate(db: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...]) -> None:
    newest = len(migrations)
    db.create_function("upgraded", 1, _upgraded)
    with transaction(db):
        # Once more: where there are no locks another process may have been faster.
        for statements in migrations[_known(db, newest) :]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {newest}")


def _known(db: sqlite3.Connection, newest: int) -> int:
    """Return the version of the schema, 0 for an empty file.

    Raises:
        NewerSchemaError: it is newer than *newest*.
        sqlite3.DatabaseError: it is no journal.
    """
    [mark] = db.execute("PRAGMA application_id").fetchone()
    [version] = db.execute("PRAGMA user_version").fetchone()
    [tables] = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark != _OURS and (mark or version or tables):
        raise _error(sqlite3.SQLITE_NOTADB)
    if version > newest:
        raise NewerSchemaError
    return int(version)


def _put_aside(file: Path) -> Path:
    """Rename a damaged file with its companions; no other process does meanwhile."""
    base = f"{file.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (f"{base}{n or ''}" for n in range(1_000))
    name = next(each for each in names if not file.with_name(each).exists())
    # The file comes last: a new one must not meet what belongs to the old one.
    for each in reversed(_with_companions(file)):
        with suppress(FileNotFoundError):
            each.rename(file.with_name(name + each.name.removeprefix(file.name)))
    return file.with_name(name)


def _with_companions(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in _COMPANIONS)]


def _error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("it is no journal")
    error.sqlite_errorcode = code
    return error


def _code(error: BaseException) -> int:
    # The lower byte; the upper ones say more than is needed.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other processes from opening *file*, or putting it aside, meanwhile.

    Raises:
        BlockingIOError: one of them does so right now.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    folder = os.open(file.parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # some network file systems have no locks
        yield
    finally:
        os.close(folder)
