"""The journal: every turn on disk as it happens, so that nothing paid for is lost.

One thread writes what it is handed, all that has gathered in one transaction; whoever
hands it over never waits and never fails. Reading opens the file anew each time.
"""

import atexit
import os
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import ref

from apertis_magic.chat.growth import Piece
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.journal import rows, views
from apertis_magic.chat.journal.faults import DamagedError, reason
from apertis_magic.chat.journal.file import compact, examine, reading, size, working
from apertis_magic.chat.journal.rows import Written
from apertis_magic.chat.journal.views import KeptConversation, Lost, Spent, View
from apertis_magic.chat.journal.writer import BUSY, Change, Work, Writer, fault
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Journal", "KeptConversation", "Size", "Spent"]

_T = TypeVar("_T")

_PATIENCE = 5.0
"""Seconds that a command waits for the journal to have all that it was handed."""

_AT_EXIT = 5.0
"""Seconds that the interpreter's end waits for what is not yet written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much the journal holds.

    Attributes:
        bytes: on disk.
        conversations: how many of them.
        turns: how many, the versions included; a question that got no answer is not
            counted.
        is_empty: whether there is nothing at all.
    """

    bytes: int = 0
    conversations: int = 0
    turns: int = 0
    is_empty: bool = True


class Journal:
    """A file that keeps turns as they happen.

    Nothing is opened or made before the first change. A forked child goes on with a
    connection and a thread of its own. What cannot be written now is written with a
    later change, if that can be.

    Args:
        file: where it is.
        days: days without a change after which a conversation is removed; 0 for never.
        notebook: the path of the notebook whose conversations come from now on.

    Attributes:
        before_exit: is called when the process ends, before the last is written.
        given_again: the answers that were given again by this process: how many, and
            what they had cost.
        problem: why nothing can be kept, or what was found damaged, in one line for the
            user; empty while all is well.
    """

    def __init__(
        self, file: Path, *, days: float = 90, notebook: str | None = None
    ) -> None:
        self.file = file
        self.days = days
        self.notebook = notebook
        self.problem = ""
        self.given_again = Spent()
        self.before_exit: Callable[[], None] = _no_more
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._numbers = count(1)
        self._lost: set[Lost] = set()  # what was found damaged
        self._untold: set[Lost] = set()
        _journals.append(ref(self, _journals.remove))

    def __repr__(self) -> str:
        return f"<Journal {str(self.file)!r}>"

    def begin(
        self, state: State | None, turn: Turn, placement: Placement
    ) -> "Future[str]":
        """Note a question that is about to be sent.

        Args:
            state: the conversation it is asked in, None for none.
            turn: the question, as the turn that it is so far.
            placement: where the turn will stand.

        Returns:
            A future that ends, never with an error, once that was written or failed;
            it says why it failed, and nothing if it did not.
        """
        make = partial(
            rows.begin,
            state=state,
            turn=turn,
            placement=placement,
            notebook=self.notebook,
        )
        return self._hand(Change(make, turn=turn.id)).done

    def grow(self, turn_id: str, pieces: Sequence[Piece]) -> None:
        """Note what an answer has grown by since the last time.

        Args:
            turn_id: the turn's id.
            pieces: what has come, in its order.
        """
        make = partial(rows.grow, turn=turn_id, pieces=pieces)
        self._hand(Change(make, turn=turn_id))

    def keep(
        self,
        state: State | None,
        entry: Entry | None = None,
        *,
        fingerprint: str | None = None,
    ) -> None:
        """Note what a conversation is now.

        Args:
            state: the conversation, None where the turn is in none.
            entry: the turn that has just ended, which need not be in the history: it
                may be a failed try.
            fingerprint: what is the same for the same request, for ``answer``.
        """
        ends = entry.turn.id if entry else None
        if state is not None:
            make = partial(
                rows.keep,
                state=state,
                entry=entry,
                fingerprint=fingerprint,
                notebook=self.notebook,
                number=next(self._numbers),
            )
            # By which one it is: to compare each with all costs more than to write it.
            is_in = entry is None or any(
                each.turn is entry.turn for each in reversed(state.history)
            )
            whole = state.id if is_in else None
            self._hand(Change(make, ends=ends, whole=whole))
        elif entry is not None:
            alone = partial(rows.keep_alone, turn=entry.turn, fingerprint=fingerprint)
            self._hand(Change(alone, ends=ends))

    def inherit(self, conversation: str, origin: str) -> None:
        """Note that a conversation came from another, whose turns are known to it."""
        make = partial(rows.inherit, conversation=conversation, origin=origin)
        self._hand(Change(make))

    def drop(self, conversation: str, *, superseded: bool = False) -> None:
        """Note that a conversation is over, or that all of it goes on in another."""
        make = partial(
            rows.drop,
            conversation=conversation,
            superseded=superseded,
            number=next(self._numbers),
        )
        self._hand(Change(make))

    def flush(self, timeout: float = _PATIENCE) -> bool:
        """Wait, at most *timeout* seconds, until all is written; tell if it is."""
        if self._writer is None:
            return not self.problem
        return self._hand(Change(_nothing)).wait(timeout) == ""

    def close(self) -> None:
        """Write what is left, for some seconds at most, and close the file."""
        with self._lock:
            writer, self._writer = self._writer, None
        atexit.unregister(self._exit)
        if writer is not None:
            with suppress(KeyboardInterrupt):
                writer.end(_AT_EXIT)

    def conversations(self, *, without: Collection[str] = ()) -> list[KeptConversation]:
        """Return the conversations that have turns, the latest first.

        Args:
            without: ids of those that are not wanted.

        Raises:
            ApertisError: the file cannot be read.
        """
        return self._read(partial(views.conversations, without=without), [])

    def read(self, conversation: str) -> State:
        """Return a conversation by its id.

        A turn that was under way when its kernel died is in it, as interrupted.

        Raises:
            ApertisError: there is none, or the file cannot be read.
        """
        view = partial(views.read, conversation=conversation)
        state: State | None = self._read(view, None)
        if state is None:
            raise ApertisError("The conversation is not in the journal any more.")
        return state

    def versions(self, conversation: str) -> tuple[Entry, ...]:
        """Return the turns that were replaced, failed or taken back, the oldest first.

        Raises:
            ApertisError: the file cannot be read.
        """
        return self._read(partial(views.versions, conversation=conversation), ())

    def answer(self, fingerprint: str, *, since: float) -> Turn | None:
        """Return the newest whole answer to the very same request.

        Args:
            fingerprint: what is the same for the same request.
            since: the oldest that is wanted, in seconds since 1970.

        Raises:
            ApertisError: the file cannot be read.
        """
        view = partial(views.answer, fingerprint=fingerprint, since=since)
        turn: Turn | None = self._read(view, None)
        if turn is not None:
            known, cost = self.given_again, turn.cost or 0.0
            self.given_again = Spent(turns=known.turns + 1, saved=known.saved + cost)
        return turn

    def spent(self, since: float = 0, conversation: str | None = None) -> Spent:
        """Return what the turns took that were asked since then.

        Args:
            since: in seconds since 1970.
            conversation: the id of the only one that counts.

        Raises:
            ApertisError: the file cannot be read.
        """
        view = partial(views.spent, since=since, conversation=conversation)
        return self._read(view, Spent())

    def size(self) -> Size:
        """Return how much it holds.

        Raises:
            ApertisError: the file cannot be read.
        """
        conversations, turns, rows = self._read(views.counts, (0, 0, 0))
        return Size(
            bytes=size(self.file),
            conversations=conversations,
            turns=turns,
            is_empty=not rows,
        )

    def news_of_damage(self) -> str:
        """Return what could not be read since this was asked last, in one line."""
        untold, self._untold = self._untold, set()
        numbers = sorted(Counter((each.noun, each.of) for each in untold).items())
        what = ", ".join(
            f"{number} {noun}{'s' * (number > 1)}" + (f" of {of}" if of else "")
            for (noun, of), number in numbers
        )
        return f"Damaged in the journal, and left out: {what}." if what else ""

    def clear(self) -> None:
        """Remove everything, so that nothing of it can be read from the file.

        A conversation that goes on is kept again, whole, from its next turn on.

        Raises:
            ApertisError: the file cannot be written.
        """
        if self._writer is None and not self.file.exists():
            return
        try:
            fault = self._hand(Change(rows.clear)).wait(BUSY)
            if fault is None:
                raise TimeoutError("another program keeps it locked")
            if fault:
                raise ApertisError(fault)
            compact(self.file)
        except (sqlite3.Error, OSError) as error:
            why = reason(error)
            raise ApertisError(
                f"The journal {self.file} cannot be cleared: {why}.",
                hint="Clear it again in a moment.",
            ) from error

    def let_go(self) -> None:
        """Close the file until the next change; nothing is being written."""
        writer = self._writer
        if writer is not None:
            writer.let_go()

    def start_anew(self) -> None:
        """Take note that this is a fork, where no other thread came along."""
        self._lock, self._writer = threading.Lock(), None

    def _read(self, view: View[_T], nothing: _T) -> _T:
        """Return what a view of the file tells, *nothing* where there is no file.

        Of a damaged one that is what can be read; it is mended with the next change.
        """
        lost: set[Lost] = set()
        try:
            with reading(self.file) as db:
                found = view(db, lost) if db else nothing
        except DamagedError:
            with reading(self.file, salvaged=True) as db:
                found = view(db, lost) if db else nothing
            self._hand(Change(examine))
        self._untold |= lost - self._lost
        self._lost |= lost
        return found

    def _hand(self, change: Change) -> Work:
        work = Work(change)
        work.done.set_running_or_notify_cancel()  # from now on it cannot be cancelled
        with self._lock:
            try:
                if self._writer is None:
                    self._writer = Writer(
                        self.file,
                        days=lambda: self.days,
                        tell=self._note_problem,
                        problem=self.problem,
                    )
                    # After the connections' own, and so before it.
                    atexit.register(self._exit)
                self._writer.queue.put(work)
            except RuntimeError as error:  # there can be no more threads
                self.problem = fault(self.file, error)
                work.end(self.problem)
        return work

    def _exit(self) -> None:
        self.before_exit()
        self.close()

    def _note_problem(self, problem: str) -> None:
        self.problem = problem


def _no_more() -> None:
    """Have nothing more to be written."""


def _nothing(_db: sqlite3.Connection, _written: Written) -> None:
    """Change nothing; what came before is written by then."""


_journals: "list[ref[Journal]]" = []
"""Those that there are, for the forks of this process.

SQLite's locks do not survive a fork: with the copy of a connection about, a child would
take the file's locks for its own, and have changes go to a file that is deleted.
"""


def _live() -> list[Journal]:
    return [journal for each in tuple(_journals) if (journal := each())]


def _before_fork() -> None:
    working.acquire()
    for journal in _live():
        journal.let_go()


def _in_child() -> None:
    working.release()
    for journal in _live():
        journal.start_anew()


if sys.platform != "win32":
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=working.release,
        after_in_child=_in_child,
    )
