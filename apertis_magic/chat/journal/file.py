"""The journal's file: made for its owner alone, opened, told apart, and set aside."""

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from apertis_magic import regular
from apertis_magic.chat.journal import salvage, schema
from apertis_magic.chat.journal.faults import (
    DamagedError,
    NewerSchemaError,
    failure,
    has_no_room,
    is_damaged,
    reason,
)
from apertis_magic.chat.journal.schema import MIGRATIONS, Migrations
from apertis_magic.errors import ApertisError

working = threading.RLock()
"""Held while SQLite works: it cannot be copied in the middle of that by a fork."""

_PATIENCE = 1.0
"""Seconds that one try waits for other processes to let the file go."""

_SMALL = 20_000_000
"""Bytes of a file that is examined whenever it is opened, which takes 0.1 s then."""

_LARGEST = 200_000_000
"""Bytes of a row's text; an answer of 32 MB and what was attached are much less."""

_COMPANIONS = ("-wal", "-shm", "-journal")
"""What the names of the files end in that SQLite keeps beside its own."""

_NETWORK = (
    "nfs cifs smb smb2 smb3 smbfs 9p afs ceph lustre gpfs glusterfs beegfs ncpfs "
    "fuse.sshfs fuse.glusterfs fuse.s3fs fuse.rclone fuse.gcsfuse vboxsf"
).split()


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


def open_to_write(
    file: Path,
    migrations: Migrations = MIGRATIONS,
    *,
    damaged: Identity | None = None,
) -> Opened:
    """Open the journal, made where there is none, with the newest schema.

    What is no journal is put under another name, and a damaged one too; what can be
    read of that goes on in the new one.

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
        set_aside = _put_aside(file, migrations) if is_known else None
        try:
            db = _open(file, migrations)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if not is_damaged(error):
                raise
            set_aside = _put_aside(file, migrations)
            db = _open(file, migrations)
        found = {each: Identity.of(each) for each in _with_companions(file)}
    there = {each: identity for each, identity in found.items() if identity}
    return Opened(file, db, set_aside, there)


@contextmanager
def reading(
    file: Path, migrations: Migrations = MIGRATIONS, *, salvaged: bool = False
) -> Iterator[sqlite3.Connection | None]:
    """Give a connection that only reads, None where there is no journal yet.

    Args:
        file: where it is.
        migrations: what leads from each version of the schema to the next.
        salvaged: whether to read, in memory, what can be read of a damaged one.

    Raises:
        DamagedError: a page of it cannot be read.
        ApertisError: it cannot be read; one line says why.
    """
    newest = len(migrations)
    try:
        with working, _connected(file) as db:
            if db is None:
                yield None
                return
            if salvaged:
                with closing(_connect(":memory:")) as copied:
                    _copy(db, copied, migrations)
                    if not salvage.is_worth_it(copied):
                        raise failure(sqlite3.SQLITE_CORRUPT)
                    yield copied
                return
            found = schema.version(db, newest)
            schema.check(db)
            if 0 < found < newest:
                # A damaged one is set aside by whoever tells the user of it.
                examine(db, None)
                open_to_write(file, migrations).close()
            db.execute("PRAGMA query_only = 1")
            db.execute("BEGIN")  # one moment for all that is read
            yield db if schema.version(db, newest) else None
    except (sqlite3.Error, OSError, ValueError, MemoryError, NewerSchemaError) as error:
        kind = DamagedError if is_damaged(error) else ApertisError
        raise kind(
            f"The journal {file} cannot be read: {reason(error)}.",
            hint="A damaged one is set aside when the next question is asked.",
        ) from error


def examine(db: sqlite3.Connection, _written: object) -> None:
    """See that all of the file can be read; nothing of it is changed.

    Raises:
        sqlite3.DatabaseError: it is damaged.
    """
    [verdict] = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise failure(sqlite3.SQLITE_CORRUPT)


def compact(file: Path) -> None:
    """Give back what is not used; what was removed cannot be read from it any more.

    Raises:
        sqlite3.Error: it cannot be done, or not now.
    """
    with working, closing(_connect(file)) as db:
        db.execute("VACUUM")
        [was_busy, *_] = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if was_busy:
            raise failure(sqlite3.SQLITE_BUSY)


def size(file: Path) -> int:
    """Return the bytes that the journal takes on disk."""
    used = 0
    for each in _with_companions(file):
        with suppress(OSError):
            used += each.stat().st_size
    return used


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


def _open(file: Path, migrations: Migrations) -> sqlite3.Connection:
    _check_regular(file)
    # Made here: SQLite would make it as the umask says.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    for each in _with_companions(file):
        with suppress(OSError):  # it is not there, or another owner's
            # By its name: to close a file would free SQLite's locks on it.
            if S_ISREG(each.lstat().st_mode):
                each.chmod(0o600)
    db = _connect(file)
    try:
        # Before anything is changed: it may be another program's.
        version = schema.version(db, len(migrations))
        schema.check(db)
        if size(file) <= _SMALL:  # an index that is wrong is not noticed else
            examine(db, None)
        _set_mode(db, file)
        if version < len(migrations):
            schema.migrate(db, migrations)
    except BaseException:
        db.close()
        raise
    return db


def _connect(file: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(
        file, _PATIENCE, isolation_level=None, check_same_thread=False, uri=uri
    )
    db.text_factory = _text
    return db


def _text(content: bytes) -> str | None:
    """Return a text; one damaged row must not cost all that are asked for together."""
    return None if len(content) > _LARGEST else content.decode("utf-8", "replace")


@contextmanager
def _connected(file: Path) -> Iterator[sqlite3.Connection | None]:
    """Give a connection to a file, None where there is none; SQLite would make one."""
    if not file.exists():
        yield None
        return
    _check_regular(file)
    with closing(_connect(file)) as db:
        yield db


def _check_regular(file: Path) -> None:
    """See that no device or pipe is there, which SQLite would read or wait for.

    Raises:
        OSError: one is, in the place of the file or of one that SQLite keeps beside it.
    """
    for each in _with_companions(file):
        with suppress(FileNotFoundError):
            regular.check(each.stat().st_mode)


def _copy(
    damaged: sqlite3.Connection, sound: sqlite3.Connection, migrations: Migrations
) -> None:
    """Copy what can be read of a damaged journal, and lead it to the newest schema."""
    damaged.execute("PRAGMA writable_schema = 1")  # also of one whose end is missing
    schema.migrate(sound, migrations[: schema.version(damaged, len(migrations))])
    salvage.copy(damaged, sound)
    schema.migrate(sound, migrations)


def _set_mode(db: sqlite3.Connection, file: Path) -> None:
    """Choose how changes are made: many at once where the file system carries it."""
    wanted = "DELETE" if is_network(file) else "WAL"
    [got] = db.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    # In WAL mode the end of a process loses nothing that was written.
    level = "NORMAL" if got == "wal" else "FULL"
    db.execute(f"PRAGMA synchronous = {level}")


def _put_aside(file: Path, migrations: Migrations) -> Path:
    """Rename a damaged file with its companions; a new one has what can be read of it.

    No other process does so meanwhile.
    """
    salvaged = _salvaged(file, migrations)
    base = f"{file.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}"
    names = (f"{base}{n or ''}" for n in range(1_000))
    name = next(each for each in names if not file.with_name(each).exists())
    # The file comes last: a new one must not meet what belongs to the old one.
    for each in reversed(_with_companions(file)):
        with suppress(FileNotFoundError):
            each.rename(file.with_name(name + each.name.removeprefix(file.name)))
    if salvaged is not None:
        salvaged.rename(file)
    return file.with_name(name)


def _salvaged(file: Path, migrations: Migrations) -> Path | None:
    """Return a new file with what can be read of a damaged one, None for nothing.

    The damaged one stays as it is, to the byte.

    Raises:
        sqlite3.Error: the disk has no room for it.
    """
    new = file.with_name(file.name + ".salvaged")
    _remove(new)  # of a process that died over it
    has_log = file.with_name(file.name + "-wal").exists()
    how = "mode=ro" if has_log else "immutable=1"
    try:
        uri = f"{file.absolute().as_uri()}?{how}"
        with closing(_connect(uri, uri=True)) as damaged:
            damaged.execute("PRAGMA writable_schema = 1")
            version = schema.version(damaged, len(migrations))
            if version:
                with closing(_open(new, migrations[:version])) as sound:
                    _copy(damaged, sound, migrations)
                return new
    except (sqlite3.Error, UnicodeDecodeError, NewerSchemaError) as error:
        _remove(new)
        if has_no_room(error):  # there may be some later
            raise
    return None


def _remove(file: Path) -> None:
    for each in _with_companions(file):
        each.unlink(missing_ok=True)


def _with_companions(file: Path) -> list[Path]:
    return [file, *(file.with_name(file.name + end) for end in _COMPANIONS)]


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
