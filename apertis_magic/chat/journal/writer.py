"""The thread that writes the journal: all that has gathered, in one transaction.

It waits for other processes, mends or replaces the file where it must, and keeps what
cannot be written for a later try.
"""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import TypeAlias

from apertis_magic.chat.journal import rows
from apertis_magic.chat.journal.file import (
    Identity,
    Opened,
    is_busy,
    is_damaged,
    is_outside,
    open_to_write,
    reason,
    transaction,
    working,
)
from apertis_magic.chat.journal.rows import Written

BUSY = 30.0
"""Seconds for which another process may hold the file before the user hears of it."""

_PAUSE = 0.02
"""Seconds between two tries to get at a file that another process holds."""

_AT_ONCE = 200
"""Changes in one transaction, and that wait for a file to be mended, at the most."""

Change: TypeAlias = Callable[[sqlite3.Connection, Written], None]


@dataclass(frozen=True, slots=True)
class Work:
    """A change that waits for the writing thread, and why it could not be made."""

    change: Change
    done: "Future[str]" = field(default_factory=Future)


class Writer:
    """The thread that writes one journal's file, and its connection.

    Args:
        file: where the journal is.
        days: gives the days without a change after which a conversation is removed; 0
            for never.
        tell: is told each problem, and "" once it has passed.
        problem: what is known to be wrong already, empty for nothing.

    Attributes:
        queue: takes the changes to write, and None at the end.
        problem: why nothing can be written, or what was found damaged, in one line for
            the user; empty while all is well.
    """

    def __init__(
        self,
        file: Path,
        *,
        days: Callable[[], float],
        tell: Callable[[str], None],
        problem: str = "",
    ) -> None:
        self.queue: SimpleQueue[Work | None] = SimpleQueue()
        self.problem = problem
        self._file = file
        self._days = days
        self._tell = tell
        self._opened: Opened | None = None
        self._damaged: Identity | None = None  # to be set aside
        self._written: Written = {}
        self._unwritten: list[Change] = []  # what could not be written yet
        self._fault = problem  # what was told of that
        self._thread = threading.Thread(
            target=self._run, name="apertis-journal", daemon=True
        )
        self._thread.start()

    def end(self, timeout: float) -> None:
        """End the thread after what it has been handed, and wait for that."""
        self.queue.put(None)
        self._thread.join(timeout)

    def let_go(self) -> None:
        """Close the file until the next change; nothing is being written."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _run(self) -> None:
        has_ended = False
        while not has_ended:
            batch = [self.queue.get()]
            with suppress(Empty):
                while len(batch) < _AT_ONCE:
                    batch.append(self.queue.get_nowait())
            works = [work for work in batch if work is not None]
            has_ended = len(works) < len(batch)
            fault = self._write([work.change for work in works])
            for work in works:
                work.done.set_result(fault)
        with working:
            self.let_go()

    def _write(self, changes: Sequence[Change]) -> str:
        """Make changes, and those that were left; return why that failed, if it did.

        It waits for other processes as long as it takes.
        """
        changes, self._unwritten = _since_cleared([*self._unwritten, *changes]), []
        begun = monotonic()
        may_mend = True
        while True:
            try:
                with working:
                    self._try(changes)
            except Exception as error:  # noqa: BLE001  the chat goes on, whatever it is
                if is_busy(error):
                    if monotonic() - begun > BUSY:
                        self._cannot_write(error)
                    sleep(_PAUSE)
                elif may_mend and is_damaged(error):
                    may_mend = False
                    with working:
                        opened = self._opened
                        self._damaged = opened.identity if opened else None
                        self.let_go()
                else:
                    return self._fail(changes, error)
            else:
                if self.problem and self.problem == self._fault:
                    self._note("")
                return ""

    def _fail(self, changes: Sequence[Change], error: Exception) -> str:
        if is_outside(error):
            with working:
                self.let_go()
            self._unwritten = list(changes[-_AT_ONCE:])
        elif len(changes) > 1:  # one that cannot be written must not cost the others
            faults = [self._write([change]) for change in changes]
            return next(filter(None, faults), "")
        return self._cannot_write(error)

    def _try(self, changes: Sequence[Change]) -> None:
        stands = False
        while not stands:  # else it was replaced meanwhile
            opened = self._open()
            with transaction(opened.db):
                for change in changes:
                    change(opened.db, self._written)
            stands = opened.stands

    def _open(self) -> Opened:
        """Return the file that stands there now."""
        opened = self._opened
        if opened is not None and opened.stands:
            return opened
        if opened is not None:
            self.let_go()
            self._note(
                f"The journal {self._file} was removed or replaced; a new one is kept "
                "from now on."
            )
        opened = open_to_write(self._file, damaged=self._damaged)
        self._opened, self._damaged = opened, None
        if opened.set_aside is not None:
            self._note(
                f"The journal was damaged and is set aside as {opened.set_aside}; a "
                "new one is kept from now on."
            )
        with transaction(opened.db):
            rows.sweep(opened.db, self._days())
        return opened

    def _cannot_write(self, error: BaseException) -> str:
        self._fault = fault(self._file, error)
        self._note(self._fault)
        return self._fault

    def _note(self, problem: str) -> None:
        self.problem = problem
        self._tell(problem)


def fault(file: Path, error: BaseException) -> str:
    """Return what the user is told where nothing can be written."""
    return (
        f"The journal {file} cannot be written: {reason(error)}. Answers "
        "are kept in memory alone."
    )


def _since_cleared(changes: list[Change]) -> list[Change]:
    """Return what is left to do: there may be no room for what is removed anyway."""
    cleared = rows.clear
    return changes[changes.index(cleared) :] if cleared in changes else changes
