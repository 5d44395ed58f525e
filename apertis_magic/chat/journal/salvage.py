"""Copies what can be read of a damaged journal into a sound one, row by row.

Where a page of the file is broken, SQLite stops there. The rows behind it are found
from the other end, and by an index, which names rows without a look at them.
"""

from collections.abc import Iterator
from contextlib import suppress
from sqlite3 import Connection, DatabaseError, IntegrityError
from time import time

_ERRORS = (DatabaseError, UnicodeDecodeError)  # of rows, and of SQLite's own words

_NAMELESS = "recovered"
"""What a conversation is called whose name is lost."""

_LAST = 2**40
"""A position behind all others."""

_KEYS = {
    "conversation": "rowid",
    "turn": "rowid",
    "piece": "rowid",
    "entry": "conversation, id",
    "swept": "rowid",
}
"""What tells the rows of each table apart."""


def copy(damaged: Connection, sound: Connection) -> None:
    """Copy the rows that can be read to a journal of the same schema.

    Whoever goes on with one of their conversations writes it whole.

    Raises:
        DatabaseError: the sound one does not take them.
    """
    sound.execute("BEGIN IMMEDIATE")
    for table in _KEYS:
        for row in _rows(damaged, table, _columns(sound, table)):
            places = ", ".join("?" * len(row))
            with suppress(IntegrityError):  # it is not what the schema wants
                sound.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608  names of ours
    sound.execute("UPDATE conversation SET revision = NULL")
    with suppress(*_ERRORS):
        _place_again(damaged, sound)
    adopt(sound)
    sound.execute("COMMIT")


def is_worth_it(db: Connection) -> bool:
    """Tell whether a turn of a conversation is among what was copied."""
    query = "SELECT 1 FROM entry JOIN turn ON key = turn LIMIT 1"
    return db.execute(query).fetchone() is not None


def _place_again(damaged: Connection, sound: Connection) -> None:
    """Have turns whose places are lost be in their conversations, as an index tells.

    They come last, in the order in which they were written.

    Raises:
        DatabaseError: the rest of the index is damaged too.
    """
    query = "SELECT conversation, id, turn FROM entry INDEXED BY entry_turn"
    for conversation, name, turn in damaged.execute(query):
        sound.execute(
            "INSERT OR IGNORE INTO entry SELECT ?, ?, key, ?, ? + key, key, NULL "
            "FROM turn WHERE key = ? AND id = ?",
            (conversation, name, name, _LAST, turn, name),
        )


def adopt(db: Connection) -> None:
    """Have entries whose conversation is lost be in one again, under its id."""
    db.execute(
        "INSERT OR IGNORE INTO conversation SELECT DISTINCT conversation, ?, NULL, "
        "NULL, NULL, ?, 0, NULL FROM entry WHERE position IS NOT NULL "
        "AND conversation NOT IN "
        "(SELECT id FROM conversation WHERE id IS NOT NULL)",
        (_NAMELESS, time()),
    )


def _columns(db: Connection, table: str) -> str:
    return ", ".join(name for _, name, *_ in db.execute(f"PRAGMA table_info({table})"))


def _rows(db: Connection, table: str, columns: str) -> Iterator[tuple[object, ...]]:
    """Give each row that can be read, once."""
    names = _KEYS[table]
    which = " AND ".join(f"{name} IS ?" for name in names.split(", "))
    for key in sorted(_keys(db, table, names), key=repr if "," in names else None):
        with suppress(*_ERRORS):
            query = f"SELECT {columns} FROM {table} WHERE {which}"  # noqa: S608  names of ours
            yield from db.execute(query, key).fetchall()[:1]


def _keys(db: Connection, table: str, names: str) -> set[tuple[object, ...]]:
    """Return the keys of the rows that can be found, from either end or by an index."""
    found: set[tuple[object, ...]] = set()
    way_back = ", ".join(f"{name} DESC" for name in names.split(", "))
    ways = [f"NOT INDEXED ORDER BY {names}", f"NOT INDEXED ORDER BY {way_back}"]
    with suppress(*_ERRORS):
        indexes = [name for _, name, *_ in db.execute(f"PRAGMA index_list({table})")]
        ways += [f"INDEXED BY {name}" for name in indexes]
    for way in ways:
        with suppress(*_ERRORS):
            for key in db.execute(f"SELECT {names} FROM {table} {way}"):  # noqa: S608  names of ours
                found.add(key)
    return found
