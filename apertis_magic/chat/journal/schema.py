"""The journal's tables, and how those of an older version become today's."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from apertis_magic.chat import former
from apertis_magic.chat.journal.faults import NewerSchemaError, code_of, failure

_OURS = 0x61706D6A
"""SQLite's mark of the application that a file belongs to."""

_COLUMNS = {
    "conversation": "id, name, notebook, model, system, changed, dropped, revision",
    "turn": "key, id, started, open, conversation, place, request, tokens, cost, "
    "saved, cached, data",
    "entry": "conversation, id, turn, slot, position, made, execution",
    "piece": "turn",
    "swept": "at",
}
"""What every version of the schema has; a file without it is damaged."""

Migrations: TypeAlias = tuple[tuple[str, ...], ...]

MIGRATIONS: Migrations = (
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


def _upgraded(data: str) -> str:
    """Return a turn's JSON as it is written today; what is none stays as it is."""
    try:
        raw = json.loads(data)
        return json.dumps(former.upgraded(raw)) if isinstance(raw, dict) else data
    except (ValueError, TypeError, RecursionError):
        return data


def migrate(db: sqlite3.Connection, migrations: Migrations) -> None:
    """Lead the tables to the last of these versions."""
    newest = len(migrations)
    db.create_function("upgraded", 1, _upgraded)
    with transaction(db):
        # Once more: where there are no locks another process may have been faster.
        for statements in migrations[version(db, newest) :]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {newest}")


def version(db: sqlite3.Connection, newest: int) -> int:
    """Return the version of the schema, 0 for an empty file.

    Raises:
        NewerSchemaError: it is newer than *newest*.
        sqlite3.DatabaseError: it is no journal.
    """
    [mark] = db.execute("PRAGMA application_id").fetchone()
    [found] = db.execute("PRAGMA user_version").fetchone()
    [tables] = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark != _OURS and (mark or found or tables):
        raise failure(sqlite3.SQLITE_NOTADB)
    if found > newest:
        raise NewerSchemaError
    return int(found)


def check(db: sqlite3.Connection) -> None:
    """See that the tables are there, if it is no empty file.

    Raises:
        sqlite3.DatabaseError: the schema itself is damaged.
    """
    [is_begun] = db.execute("PRAGMA user_version").fetchone()
    try:
        for table, columns in _COLUMNS.items() if is_begun else ():
            db.execute(f"SELECT {columns} FROM {table} LIMIT 0")  # noqa: S608  names of ours
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_ERROR:
            raise
        raise failure(sqlite3.SQLITE_CORRUPT) from error
