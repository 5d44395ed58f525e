"""Removes from the journal what has not changed for long, whatever the clock says.

A clock that is wrong for a while must cost nothing. So a day passes for the journal
when it is opened on another day, and a gap of more than a week counts as one day: the
clock may have been ahead, or the user on holiday. What was changed in the future was
changed today, once a week of the journal's days tells that the clock is right by now.
"""

from collections.abc import Sequence
from itertools import pairwise
from sqlite3 import Connection
from time import time

from apertis_magic.chat.journal.salvage import adopt

_DAY = 86_400.0
_WEEK = 7 * _DAY
_DAYS_TO_TELL = 7
"""Days in a row after which the clock is right, not the time that was before."""

_MOST = 1_000
"""Days on which the journal was opened that are known, at the most."""


def sweep(db: Connection, days: float) -> None:
    """Remove what has not changed for so many days, at most once a day; 0 keeps all."""
    now = time()
    today = "SELECT 1 FROM swept WHERE at BETWEEN ? AND ?"
    if not days or db.execute(today, (now - _DAY, now)).fetchone():
        return
    is_sure = _is_sure(db, now)
    db.execute("INSERT INTO swept VALUES (?)", (now,))
    if not is_sure:
        return
    _set_right(db, now)
    opened = [at for (at,) in db.execute("SELECT at FROM swept ORDER BY at DESC")]
    if len(opened) > _MOST:
        db.execute("DELETE FROM swept WHERE at < ?", (opened[_MOST],))
    _remove(db, oldest(opened, days))


def oldest(opened: Sequence[float], days: float) -> float:
    """Return the moment that is so many of the journal's days ago.

    Args:
        opened: when the journal was opened, the latest first, once a day.
        days: how many.
    """
    left = days * _DAY
    for later, earlier in pairwise(opened):
        gap = later - earlier
        passed = gap if gap <= _WEEK else _DAY
        if left < passed:
            return earlier + passed - left
        left -= passed
    return opened[-1] - left


def _is_sure(db: Connection, now: float) -> bool:
    """Tell whether the clock has not been set back, or has been right since for days.

    Else it may be behind, and all that is in the future have its right time.
    """
    days, has_future = db.execute(
        "SELECT count(CASE WHEN at <= :now THEN 1 END), count(*) FROM swept WHERE "
        "rowid >= (SELECT max(rowid) FROM swept WHERE at > :now)",
        {"now": now},
    ).fetchone()
    return not has_future or days >= _DAYS_TO_TELL


def _set_right(db: Connection, now: float) -> None:
    """Have nothing be in the future, where it would stay for ever."""
    for table, column in (("conversation", "changed"), ("turn", "started")):
        # A text is more than any number.
        wrong = f"UPDATE {table} SET {column} = ? WHERE {column} > ?"  # noqa: S608  names of ours
        db.execute(wrong, (now, now + _DAY))
    db.execute("DELETE FROM swept WHERE at > ?", (now,))


def _remove(db: Connection, oldest: float) -> None:
    """Remove the conversations that changed last before then, and what only they had.

    Entries whose conversation is damaged are not theirs.
    """
    adopt(db)
    db.execute(
        "DELETE FROM entry WHERE conversation IN "
        "(SELECT id FROM conversation WHERE changed < ?)",
        (oldest,),
    )
    db.execute("DELETE FROM conversation WHERE changed < ?", (oldest,))
    db.execute(
        "DELETE FROM turn WHERE started < ? AND key NOT IN (SELECT turn FROM entry) "
        "AND coalesce(conversation, '') NOT IN (SELECT id FROM conversation)",
        (oldest,),
    )
    db.execute("DELETE FROM piece WHERE turn NOT IN (SELECT id FROM turn WHERE open)")
