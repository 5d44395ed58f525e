"""A conversation's turns, and all that places them, takes them out and keeps them."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from uuid import uuid4

from apertis_magic.chat import history
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.history import Entry, History, Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State, merged
from apertis_magic.chat.turn import Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.errors import ConfigurationError

lock = threading.RLock()
"""Held while turns change, which is short, so that one is enough for all."""


class Transcript:
    """The turns, name, model and system prompt of one conversation.

    Args:
        state: what it begins with; its id is in use by no other.
        journal: what keeps its turns as they happen, None for nothing.

    Attributes:
        journal: what keeps its turns as they happen, None for nothing.
        watchers: are told whenever turns, name, model or system prompt change.
        default_system: the system prompt while the conversation has none of its own.
        on_abandon: is told the id under which the journal has what was left behind by
            a reset; None where nobody asks.
    """

    def __init__(self, state: State, journal: Journal | None = None) -> None:
        self.journal = journal
        self.watchers = Watchers()
        self.default_system: str | None = None
        self.on_abandon: Callable[[str], None] | None = None
        self._id, self._name = state.id, state.name
        self._model, self._system = state.model, state.system
        self._history: History = state.history
        self._made = state.made  # the highest order of a turn, also of one that is gone
        self._asked: Entry | None = None  # what was asked last

    @property
    def name(self) -> str:
        """What the conversation is called."""
        return self._name

    @property
    def model(self) -> str | None:
        """The model of its own, None for none."""
        return self._model

    @model.setter
    def model(self, model: str | None) -> None:
        self._model = model
        self.watchers.tell()

    @property
    def system(self) -> str | None:
        """The system prompt of its own, "" for none at all, None for the default."""
        return self._system

    @system.setter
    def system(self, system: str | None) -> None:
        self._system = system
        self.watchers.tell()

    def system_for(self, ask: Ask) -> str | None:
        """Return the system prompt that a question is asked under, None for none."""
        if ask.partial is not None and not ask.partial.question.untrusted:
            return ask.partial.system
        prompts = (ask.system, self._system, self.default_system)
        return next((each for each in prompts if each is not None), None)

    @property
    def state(self) -> State:
        """The conversation as it is now."""
        with lock:
            return State(
                id=self._id,
                name=self._name,
                model=self._model,
                system=self._system,
                history=self._history,
                made=max([self._made, *(entry.order for entry in self._history)]),
            )

    @property
    def last_asked(self) -> Turn | None:
        """The turn of the last question, whatever became of it."""
        with lock:
            if self._asked is not None:
                return self._asked.turn
            last = max(self._history, key=lambda entry: entry.order, default=None)
            return last.turn if last else None

    @property
    def last_answer(self) -> Turn | None:
        """The answer to the last question, which may be an old one given again."""
        with lock:
            asked = self._asked.turn.id if self._asked else None
            found = tuple(e for e in self._history if e.turn.id == asked)
            return history.newest(found) or history.newest(self._history)

    def find_turn(self, turn: str | None = None) -> Turn:
        """Return the turn of that id, or of the last question.

        Args:
            turn: the id; None for the last question's.

        Raises:
            ConfigurationError: there is none.
        """
        if turn is None:
            if (last := self.last_asked) is None:
                raise ConfigurationError("Nothing was asked yet.")
            return last
        for entry in self._known_entries:
            if entry.turn.id == turn:
                return entry.turn
        raise self._no_such_turn()

    def find_partial(self, turn: str | None = None) -> Turn:
        """Return the turn whose answer can be completed.

        Args:
            turn: its id; None for the last that was shown.

        Raises:
            ConfigurationError: there is none, or its answer is complete.
        """
        partial = self.last_answer if turn is None else self.find_turn(turn)
        if partial is not None and partial.is_partial:
            return partial
        last = self.last_asked if turn is None else partial
        raise _cannot_go_on(partial, last, is_last=turn is None)

    def lasting(self, ask: Ask, others: Iterable[Placement] = ()) -> Placement:
        """Return where a question stands, by names that last while it waits.

        Args:
            ask: what is asked.
            others: where those stand that wait as well: a cell may ask several at once.
        """
        placement = ask.placement
        if placement.cell and not (placement.append or placement.replaces or ask.once):
            taken = {o.replaces for o in others if o.cell == placement.cell}
            free = tuple(entry for entry in self._history if entry.slot not in taken)
            entry = history.due(free, placement.cell, ask.question.typed)
            return replace(placement, replaces=entry.slot) if entry else placement
        name = placement.replaces
        if name is None:
            return placement
        slots = {entry.turn.id: entry.slot for entry in reversed(self._known_entries)}
        return replace(placement, replaces=slots.get(name) or name)

    def before(self, ask: Ask) -> Sequence[Turn]:
        """Return the turns that stand before a question.

        Raises:
            ConfigurationError: the answer that was to be completed is gone.
        """
        entries = () if ask.once else self._history
        if ask.partial and ask.partial not in [entry.turn for entry in entries]:
            raise ConfigurationError(
                "The answer that was to go on is gone, or went on meanwhile."
            )
        end = history.place(entries, ask.placement).start
        return [entry.turn for entry in entries[:end]]

    def add(self, turn: Turn, ask: Ask, fingerprint: str | None = None) -> Turn:
        """Put a turn that has ended where it belongs, and have the journal keep it.

        Args:
            turn: the turn.
            ask: what it was asked by.
            fingerprint: what is the same for the same request, None for nothing.

        Returns:
            The turn as it stands there.
        """
        if ask.once:
            if self.journal is not None and not turn.cached:
                entry = Entry(turn, 0, None, turn.id)
                self.journal.keep(None, entry, fingerprint=fingerprint)
            return turn
        with lock:
            entry = self._completed(turn, ask) if ask.partial else self._put(turn, ask)
            self._asked = entry
            if self.journal is not None:
                self.journal.keep(self.state, entry, fingerprint=fingerprint)
        return replace(entry.turn, cached=turn.cached)

    def undo(self, number: int = 1) -> tuple[Turn, ...]:
        """Take the last turns back, at most *number*, and return them in their order.

        What failed since comes with them. A journal keeps them as versions.
        """
        with lock:
            kept = history.without_last(self._history, number)
            taken = self._history[len(kept) :]
            self._change(kept)
        self.watchers.tell()
        return tuple(entry.turn for entry in taken)

    def drop(self, turn: str) -> tuple[Entry, int]:
        """Take one turn out, which stays in the journal as a version.

        Args:
            turn: its id.

        Returns:
            What ``put_back`` takes: its entry, and where it stood.

        Raises:
            ConfigurationError: there is none.
        """
        with lock:
            try:
                kept, entry, at = history.without(self._history, turn)
            except KeyError:
                raise self._no_such_turn() from None
            last = self._asked
            self._change(kept, None if last and last.slot == entry.slot else last)
        self.watchers.tell()
        return entry, at

    def put_back(self, entry: Entry, at: int) -> None:
        """Undo ``drop``; where the turn, or a version of it, is back nothing happens.

        Args:
            entry: what was taken out.
            at: where it stood; at most the end.
        """
        with lock:
            whole = history.put_back(self._history, entry, at)
            if whole is self._history:
                return
            self._change(whole, self._asked)
        self.watchers.tell()

    def reset(self) -> int:
        """Drop all turns and return how many there were; the rest stays."""
        with lock:
            dropped = len(self._history)
            self._abandon()
            self._history, self._asked = (), None
        self.watchers.tell()
        return dropped

    def rename(self, name: str) -> None:
        """Call the conversation *name* from now on."""
        with lock:
            self._name = name
            self.keep()
        self.watchers.tell()

    def fork(self, name: str, *, through: str | None = None) -> "Transcript":
        """Return a transcript that shares the turns so far and goes its own way.

        Args:
            name: what it is called.
            through: the id of the last turn that is shared; None for all.

        Raises:
            ConfigurationError: there is no such turn.
        """
        now = self.state
        ids = [turn.id for turn in now.turns]
        if through is not None and through not in ids:
            raise self._no_such_turn()
        end = len(ids) if through is None else ids.index(through) + 1
        shared = replace(now, id=uuid4().hex, name=name, history=now.history[:end])
        forked = Transcript(shared, self.journal)
        forked.default_system = self.default_system
        forked.keep()
        forked._inherit(now.id)
        return forked

    def take_up(self, state: State) -> str | None:
        """Go on with *state*, whose turns come before those that are there.

        An answer under way comes after them. In the journal the conversation has
        another id from now on, so that both former conversations stay as they are.

        Returns:
            The id that this conversation had until now, None where it held nothing.
        """
        with lock:
            former, whole = self.state, state
            if former.history:
                self.keep()
                whole = merged(state, former)
            self._id, self._model, self._system = uuid4().hex, whole.model, whole.system
            self._history, self._made, self._asked = whole.history, whole.made, None
            self.keep()
            self._inherit(state.id)
            if former.history:
                self._inherit(former.id)
        self.watchers.tell()
        return former.id if former.history else None

    def keep(self) -> None:
        """Have the journal hold the turns, which was perhaps cleared or off before."""
        with lock:
            if self.journal is not None and self._history:
                self.journal.keep(self.state)

    def end_execution(self, execution: str) -> None:
        """Drop the turns that a cell made when it last ran and did not make now.

        Args:
            execution: the id of this run of the cell.
        """
        with lock:
            ended = history.end_execution(self._history, execution)
            if len(ended) == len(self._history):
                return
            self._change(ended)
        self.watchers.tell()

    @property
    def _known_entries(self) -> History:
        """The turns, and a try that failed beside the answer that stayed in place."""
        with lock:
            tried: History = (self._asked,) if self._asked else ()
            return (*self._history, *tried)

    def _put(self, turn: Turn, ask: Ask) -> Entry:
        """Put a turn in its place and return its entry; the lock is held."""
        if ask.placement.start_over and not turn.nothing_came:
            self._start_over(ask.placement)
        self._history, entry = history.put(
            self._history, self._named(turn, ask), ask.placement, after=self._made
        )
        self._made = max(self._made, entry.order)
        return entry

    def _named(self, turn: Turn, ask: Ask) -> Turn:
        """Return a turn under an id that no other turn of the conversation has.

        The journal may have given the same answer to two questions of the conversation,
        or one that was completed since, which is to be a version.
        """
        if not turn.cached:
            return turn
        own = self._history[history.place(self._history, ask.placement)]
        taken = {entry.turn.id for entry in self._history if entry not in own}
        for former in (entry.turn for entry in own):
            if former.started != turn.started:
                continue  # the answer to another request
            if former.elapsed == turn.elapsed:
                return replace(turn, id=former.id, cached=former.cached)
            turn = replace(turn, id=former.id)
            taken.add(former.id)  # it was completed since
        if turn.id not in taken:
            return replace(turn, cached=False)  # it is the very turn of then
        while turn.id in taken:
            # The same one each time, so that a notebook that runs again stays the same.
            turn = replace(turn, id=sha256(turn.id.encode()).hexdigest()[:32])
        return turn

    def _completed(self, turn: Turn, ask: Ask) -> Entry:
        """Put a completed turn in the place of the partial one; the lock is held."""
        partial = ask.partial
        if partial is None or turn.parts != partial.parts or turn.finish == "stop":
            self._history = history.swap(self._history, turn)
        same = [entry for entry in self._history if entry.turn.id == turn.id]
        return replace(same[0], turn=turn) if same else Entry(turn, 0, None, turn.id)

    def _start_over(self, placement: Placement) -> None:
        """Leave the turns behind if there are more than what is replaced."""
        if history.asked_again(self._history, placement) != self._history:
            self._abandon()

    def _change(self, entries: History, asked: Entry | None = None) -> None:
        """Have other turns from now on, without a new one; the lock is held."""
        is_new = not entries and not self._history  # nothing to be known of it yet
        self.keep()
        self._history, self._asked = entries, asked
        if self.journal is not None and not is_new:
            self.journal.keep(self.state)

    def _abandon(self) -> None:
        """Leave what the journal has as it is, and begin another conversation there."""
        if self.journal is not None and self._history:
            self.keep()
            self.journal.drop(self._id)
            if self.on_abandon is not None:
                self.on_abandon(self._id)
        self._id = uuid4().hex

    def _inherit(self, origin: str) -> None:
        """Have the versions of another conversation's turns be known here too."""
        if self.journal is not None:
            self.journal.inherit(self._id, origin)

    def _no_such_turn(self) -> ConfigurationError:
        return ConfigurationError(
            f"There is no such turn in {self._name}.",
            hint="It was taken out, or asked again, meanwhile.",
        )


def _cannot_go_on(
    partial: Turn | None, last: Turn | None, *, is_last: bool
) -> ConfigurationError:
    """Return the error for an answer that cannot be completed.

    Args:
        partial: the turn that was found, None for none.
        last: the turn that was meant, which may have no answer.
        is_last: whether the last one was meant.
    """
    if last is not None and last.reasoning and not last.is_answered:
        return ConfigurationError(
            "The answer ended while the model was still thinking.",
            hint="Ask again (%chat retry), with room for more tokens.",
        )
    what = "The last answer" if is_last else "That answer"
    nothing = "There is no answer yet." if is_last else "Nothing of it came."
    is_complete = partial and (partial.finish == "stop" or partial.is_answered)
    return ConfigurationError(
        f"{what} is complete." if is_complete else nothing,
        hint="Only an answer that was cut off or stopped can go on.",
    )


if hasattr(os, "register_at_fork"):
    # A child has none of the threads that could give the lock back.
    os.register_at_fork(
        before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
    )
