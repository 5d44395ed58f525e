"""Conversations asked, branched and restored at random, against plain lists."""

from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path

import pytest
from asks import again, ask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from scripted_server import ScriptedServer, says

from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Cell

CELLS = st.sampled_from(["c1", "c2", "c3"])
NAMES = st.sampled_from(["one", "two", "three"])


@dataclass(frozen=True)
class Asked:
    """A turn as the model of the test knows it.

    Attributes:
        prompt: what was asked.
        cell: where.
        made: when it was asked last, by the test's own count.
        first: when it was asked first.
    """

    prompt: str
    cell: str | None
    made: int
    first: int


@dataclass
class Talks:
    """What a Session is expected to hold."""

    turns: dict[str, list[Asked]] = field(default_factory=lambda: {"main": []})
    current: str = "main"

    @property
    def here(self) -> list[Asked]:
        """The turns of the current conversation."""
        return self.turns[self.current]


class Machine(RuleBasedStateMachine):
    """A person who asks, edits, takes back, branches and restarts the kernel."""

    server: ScriptedServer
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.monkeypatch.setenv(
            "XDG_DATA_HOME", str(self.folder / str(next(self.numbers)))
        )
        self.session = Session()
        self.talks = Talks()
        self.dropped: list[tuple[Entry, int, Asked]] = []

    def teardown(self) -> None:
        assert self.session.journal is not None

        self.session.journal.close()

    def went(self, name: str) -> None:
        """Take note that another conversation is the current one."""
        self.talks.current = name
        self.dropped.clear()

    def asked(self, at: int) -> None:
        """See that the last request held the turns before that place, and that one."""
        turns = self.talks.here[: at + 1]
        said = [[("user", turn.prompt), ("assistant", "a")] for turn in turns]

        assert list(chain.from_iterable(said))[:-1] == self.server.messages[-1]

    @rule(cell=CELLS, append=st.booleans())
    def run(self, cell: str, append: bool) -> None:  # noqa: FBT001  hypothesis' way
        """Run a cell, perhaps again: its turn is replaced, or one is added."""
        number = next(self.numbers)
        placement = Placement(cell=Cell(cell, str(number)), append=append)
        self.session.ask(ask(f"q{number}", placement=placement)).result()
        self.session.end_execution(str(number))
        turns, new = self.talks.here, Asked(f"q{number}", cell, number, number)
        own = [at for at, turn in enumerate(turns) if turn.cell == cell]
        if own and not append:
            new = replace(new, first=turns[own[0]].first)
        at = own[0] if own and not append else len(turns)
        turns[at : at + 1] = [new]
        self.asked(at)
        if not append:
            turns[:] = [t for t in turns if t.cell != cell or t is new]

    @rule()
    def ask(self) -> None:
        """Ask from where no cell is known."""
        number = next(self.numbers)
        self.session.ask(ask(f"q{number}")).result()
        self.talks.here.append(Asked(f"q{number}", None, number, number))
        self.asked(len(self.talks.here) - 1)

    @precondition(lambda self: self.talks.here)
    @rule()
    def retry(self) -> None:
        """Ask the last question again: it keeps its place and its cell."""
        again(self.session).result()
        turns = self.talks.here
        last = max(turns, key=lambda turn: turn.made)
        at = turns.index(last)
        turns[at] = replace(last, made=next(self.numbers))
        self.asked(at)

    @precondition(lambda self: self.talks.here)
    @rule(data=st.data())
    def retry_any(self, data: st.DataObject) -> None:
        """Ask any question again, which stays where it is."""
        turns = self.talks.here
        at = data.draw(st.sampled_from(range(len(turns))))
        again(self.session, self.session.current.turns[at].id).result()
        turns[at] = replace(turns[at], made=next(self.numbers))
        self.asked(at)

    @precondition(lambda self: self.talks.here)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        """Ask something else in the place of any question."""
        turns, number = self.talks.here, next(self.numbers)
        at = data.draw(st.sampled_from(range(len(turns))))
        placement = Placement(replaces=self.session.current.turns[at].id)
        self.session.ask(ask(f"q{number}", placement=placement)).result()
        turns[at] = replace(turns[at], prompt=f"q{number}", made=number)
        self.asked(at)

    @precondition(lambda self: self.talks.here)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        """Take any turn out."""
        turns = self.talks.here
        at = data.draw(st.sampled_from(range(len(turns))))
        entry, stood = self.session.current.transcript.drop(
            self.session.current.turns[at].id
        )
        self.dropped.append((entry, stood, turns.pop(at)))

        assert at == stood

    @precondition(lambda self: self.dropped)
    @rule(data=st.data())
    def put_back(self, data: st.DataObject) -> None:
        """Undo that, perhaps late, or again; never twice."""
        entry, at, turn = data.draw(st.sampled_from(self.dropped))
        self.session.current.transcript.put_back(entry, at)
        if turn.first not in [each.first for each in self.talks.here]:
            self.talks.here.insert(at, turn)

    @rule(number=st.integers(1, 3))
    def undo(self, number: int) -> None:
        """Take the last turns back."""
        taken = self.session.current.undo(number)
        gone = self.talks.here[-number:]
        del self.talks.here[-number:]

        assert [turn.prompt for turn in gone] == [turn.prompt for turn in taken]

    @rule()
    def reset(self) -> None:
        """Drop all turns."""
        assert len(self.talks.here) == self.session.current.reset()

        self.talks.here.clear()

    @rule(name=NAMES)
    def new_or_use(self, name: str) -> None:
        """Go to another conversation, made where there is none."""
        if name in self.talks.turns:
            self.session.use(name)
        else:
            self.session.new(name)
        self.talks.turns.setdefault(name, [])
        self.went(name)

    @rule(name=NAMES, rename=st.booleans())
    def fork_or_rename(self, name: str, rename: bool) -> None:  # noqa: FBT001  as above
        """Go on under another name, with the former conversation or without."""
        turns = list(self.talks.here)
        if name in self.talks.turns and rename:
            return
        if rename:
            self.session.rename(name)
            del self.talks.turns[self.talks.current]
        else:
            self.session.fork(name)
        self.talks.turns[name] = turns
        self.went(name)

    @precondition(lambda self: self.talks.here)
    @rule(name=NAMES, data=st.data())
    def fork_through(self, name: str, data: st.DataObject) -> None:
        """Go on from any turn in another conversation."""
        if name == self.talks.current:
            return
        turns = self.talks.here
        at = data.draw(st.sampled_from(range(len(turns))))
        self.session.fork(name, through=self.session.current.turns[at].id)
        self.talks.turns[name] = turns[: at + 1]
        self.went(name)

    @precondition(lambda self: len(self.talks.turns) > 1)
    @rule(back=st.booleans())
    def delete(self, back: bool) -> None:  # noqa: FBT001  as above
        """Forget the current conversation, and perhaps have it back."""
        talk = self.session.delete(self.talks.current)
        if back:
            self.session.adopt(talk.state)
            self.dropped.clear()
            return
        del self.talks.turns[self.talks.current]
        self.went(self.session.current.name)

    @rule()
    def restart(self) -> None:
        """End the kernel, and restore what it had in another."""
        self.teardown()
        self.session = Session()
        held = {name: turns for name, turns in self.talks.turns.items() if turns}
        for name in held:
            self.session.restore(name)
        self.talks.turns = held or {"main": []}
        self.went(list(self.talks.turns)[-1])

    @invariant()
    def agrees(self) -> None:
        """The Session holds what it should, and the journal the same."""
        journal = self.session.journal

        assert journal is not None
        assert self.talks.current == self.session.current.name
        assert set(self.talks.turns) == set(self.session.names)

        journal.flush(60)
        for name, turns in self.talks.turns.items():
            talk = self.session.conversation(name)
            got = [(turn.prompt, turn.cell) for turn in talk.turns]

            assert [(turn.prompt, turn.cell) for turn in turns] == got
            assert not turns or talk.state == journal.read(talk.state.id)
            assert "" == journal.problem


def test_conversations_are_what_a_person_made_them(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is done in whatever order, turns, requests and journal agree."""
    server.will(says("a"))
    Machine.server, Machine.folder = server, tmp_path
    Machine.monkeypatch = monkeypatch
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
