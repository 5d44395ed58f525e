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

from apertis_magic.api.wakeup import Wakeup
from apertis_magic.chat.journal import rows
from apertis_magic.chat.journal.faults import is_busy, is_damaged, is_outside, reason
from apertis_magic.chat.journal.file import Identity, Opened, open_to_write, working
from apertis_magic.chat.journal.rows import Written, is_due
from apertis_magic.chat.journal.schema import transaction
from apertis_magic.chat.journal.sweeping import sweep

BUSY = 30.0
"""Seconds for which another process may hold the file before the user hears of it."""

_PAUSE = 0.02
"""Seconds between two tries to get at a file that another process holds."""

_AT_ONCE = 200
"""Changes in one transaction, and that wait for a file to be mended, at the most."""


@dataclass(slots=True, eq=False)
class Change:
    """A change of the file, and what came of it.

    Attributes:
        make: makes it; what it returns is why a part of it was refused.
        turn: the turn whose answer it tells of, as far as that has come; without its
            end it waits for the changes before it.
        ends: the turn that ends by it, of which it tells all.
        whole: the conversation of which it tells all that there is then, but for what
            was replaced since.
        error: why it was not made; None before the first try, and when it was.
        tries: how often SQLite has refused it, by itself.
    """

    make: Callable[[sqlite3.Connection, Written], Exception | None]
    turn: str | None = None
    ends: str | None = None
    whole: str | None = None
    error: Exception | None = None
    tries: int = 0

    @property
    def is_due(self) -> bool:
        """Whether it is worth a try."""
        return self.error is None or is_outside(self.error) or is_due(self.tries)

    def covers(self, earlier: "Change") -> bool:
        """Tell whether it makes one needless that could not be made."""
        if earlier.turn is not None:
            return earlier.turn == self.ends
        is_refused = earlier.error is not None and not is_outside(earlier.error)
        return is_refused and self.whole is not None and earlier.whole == self.whole


@dataclass(slots=True, eq=False)
class Work:
    """A change that waits for the writing thread.

    Attributes:
        change: the change.
        fault: why it could not be made, empty where it was; None until that is known.
        done: ends with the fault, for an event loop.
        ended: wakes a thread that waits for the fault.
    """

    change: Change
    fault: str | None = None
    done: "Future[str]" = field(default_factory=Future)
    ended: Wakeup = field(default_factory=Wakeup)

    def end(self, fault: str) -> None:
        """Tell what has come of it."""
        self.fault = fault
        self.done.set_result(fault)
        self.ended.wake()

    def wait(self, timeout: float) -> str | None:
        """Return its fault, None where that is not known in so many seconds."""
        self.ended.wait(lambda: self.fault is not None, timeout)
        return self.fault


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
        self._written = Written()
        self._unwritten: list[Change] = []  # what could not be written yet
        self._left_out = 0  # changes that were too many to be kept for a later try
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
                work.end(fault)
        with working:
            self.let_go()

    def _write(self, changes: Sequence[Change]) -> str:
        """Make changes, and those that were left; return why that failed, if it did.

        It waits for other processes as long as it takes.
        """
        pending = _since_cleared([*self._unwritten, *changes])
        due = [change for change in pending if change.is_due]
        error = self._make(due)
        # Else it is the file, and none of them is to blame.
        if error is not None and self._opened is not None and not is_damaged(error):
            self._make_singly(due)
        self._unwritten = self._kept(pending)
        return self._tell_of(self._unwritten)

    def _make(self, changes: Sequence[Change]) -> Exception | None:
        """Make changes, all or none; return why not, None if they are made."""
        begun = monotonic()
        may_mend = True
        while True:
            try:
                with working:
                    self._try(changes)
            except Exception as error:  # noqa: BLE001  the chat goes on, whatever it is
                if is_busy(error):
                    if monotonic() - begun > BUSY:
                        self._cannot_write(fault(self._file, error))
                    sleep(_PAUSE)
                elif may_mend and is_damaged(error):
                    may_mend = False
                    with working:
                        opened = self._opened
                        self._damaged = opened.identity if opened else None
                        self.let_go()
                else:
                    for change in changes:
                        change.error = error
                    return error
            else:
                return None

    def _make_singly(self, changes: Sequence[Change]) -> None:
        """Make each that can be made: one that is refused must not cost the others."""
        waited_for: dict[str, Exception] = {}
        for change in changes:
            if change.ends:
                waited_for.pop(change.ends, None)
            error = waited_for.get(change.turn or "")
            if error is not None:
                change.error = error
            elif (error := self._make([change])) is not None:
                change.tries += 1
                if change.turn:
                    waited_for[change.turn] = error

    def _kept(self, changes: Sequence[Change]) -> list[Change]:
        """Return those that were not made and are tried again, not too many."""
        left: list[Change] = []
        for change in changes:
            left = [each for each in left if not change.covers(each)]
            if change.error is not None:
                left.append(change)
        if len(left) > _AT_ONCE:
            left = _fewest(left)
            self._left_out += max(len(left) - _AT_ONCE, 0)
        return left[-_AT_ONCE:]

    def _tell_of(self, unwritten: Sequence[Change]) -> str:
        """Tell the user what could not be written; return it, in one line."""
        errors = [change.error for change in unwritten if change.error]
        outside = [error for error in errors if is_outside(error)]
        if outside:
            with working:
                self.let_go()
            return self._cannot_write(fault(self._file, outside[0]))
        if errors:
            return self._cannot_write(refusal(self._file, len(errors), errors[0]))
        if self.problem and self.problem == self._fault:
            left_out, self._left_out = self._left_out, 0
            self._note(omission(self._file, left_out) if left_out else "")
        return ""

    def _try(self, changes: Sequence[Change]) -> None:
        stands, known = False, dict(self._written.known)
        while not stands:  # else it was replaced meanwhile
            opened = self._open()
            try:
                with transaction(opened.db):
                    results = [each.make(opened.db, self._written) for each in changes]
            except BaseException:
                self._written.known = known
                raise
            stands = opened.stands
        for change, error in zip(changes, results, strict=True):
            change.error = error
            change.tries += error is not None

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
                "new one, with what could be read, is kept from now on."
            )
        try:
            with transaction(opened.db):
                sweep(opened.db, self._days())
        except Exception as error:
            if is_damaged(error):
                raise
            # Another day will do; what is to be written must not wait for it.
        return opened

    def _cannot_write(self, told: str) -> str:
        self._fault = told
        self._note(told)
        return told

    def _note(self, problem: str) -> None:
        self.problem = problem
        self._tell(problem)


def fault(file: Path, error: BaseException) -> str:
    """Return what the user is told where nothing can be written."""
    return (
        f"The journal {file} cannot be written: {reason(error)}. Answers "
        "are kept in memory alone."
    )


def refusal(file: Path, number: int, error: BaseException) -> str:
    """Return what the user is told where the journal takes some changes, not all."""
    what = "1 change is" if number == 1 else f"{number} changes are"
    return (
        f"{what} not in the journal {file}: {reason(error)}. What is missing is kept "
        "in memory and tried again."
    )


def omission(file: Path, number: int) -> str:
    """Return what the user is told of changes that were too many to be kept."""
    return (
        f"The journal {file} is written again; {number} changes before are not in it, "
        "but for conversations that go on."
    )


def _fewest(changes: Sequence[Change]) -> list[Change]:
    """Return changes without those of which later ones tell all that still holds.

    An answer under way is written whole when it ends.
    """
    last = {change.whole: change for change in changes if change.whole}
    return [
        change
        for change in changes
        if not change.turn and last.get(change.whole or "", change) is change
    ]


def _since_cleared(changes: list[Change]) -> list[Change]:
    """Return what is left to do: there may be no room for what is removed anyway."""
    for at, change in enumerate(changes):
        if change.make is rows.clear:
            return changes[at:]
    return changes
