"""What a conversation goes through while an answer is under way, on a real server."""

import os
import sys
from collections.abc import Callable, Iterator
from itertools import count, islice
from linecache import getline
from pathlib import Path
from threading import Event, Thread, Timer
from types import FrameType
from typing import Any

import pytest
from asks import ask
from conftest import Shell
from scripted_server import (
    DONE,
    NEVER,
    PATIENCE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    says,
)
from turns import turn_of

from apertis_magic import Conversation, errors
from apertis_magic.chat import session
from apertis_magic.chat.history import Entry
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State, history_of, merged
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.asking import Asker


@pytest.fixture
def here() -> Iterator[Session]:
    """Yield a Session with a journal of its own."""
    made = Session()
    yield made

    assert made.journal is not None

    made.journal.close()


def prompts(chat: Conversation) -> list[str]:
    """Return what was asked, in its order."""
    return [turn.prompt for turn in chat.turns]


def later(text: str, go: Event) -> Answer:
    """Return an answer that ends when the test says so."""
    return Answer((Wait(go), chunk(text, finish="stop"), DONE))


@pytest.mark.parametrize("asked_before", [0, 1])
def test_an_answer_under_way_is_in_what_is_restored_meanwhile(
    here: Session, server: ScriptedServer, asked_before: int
) -> None:
    """It is there when it ends, after the turns that were brought back."""
    go = Event()
    server.will(*[says("a")] * (1 + asked_before), later("paid for", go), says("b"))
    here.ask(ask("first")).result()
    here.current.reset()
    for _ in range(asked_before):
        here.ask(ask("second")).result()
    reply = here.ask(ask("third"))
    server.wait_for(2 + asked_before)
    here.restore("main")
    go.set()
    reply.result()
    here.ask(ask("last")).result()
    expected = ["first", *["second"] * asked_before, "third", "last"]

    assert here.journal is not None
    assert here.journal.flush(60)
    assert expected == prompts(here.current)
    assert here.current.state == here.journal.read(here.current.state.id)
    assert [] == here.restorable


def test_what_goes_on_twice_at_once_goes_on_once(server: ScriptedServer) -> None:
    """The second was asked of an answer that has more by now, which must not go."""
    go = Event()
    server.will(says("half", finish="length"), later(" and more", go), says(" else"))
    chat = Conversation()
    chat.ask("x").result()
    first, second = chat.resume(), chat.resume()
    server.wait_for(2)
    go.set()
    first.result()
    with pytest.raises(errors.ConfigurationError, match="meanwhile"):
        second.result()

    assert ["half and more"] == [turn.text for turn in chat.turns]
    assert 2 == len(server.requests)


def test_options_are_those_of_the_moment_of_asking(server: ScriptedServer) -> None:
    """Whoever changes a list or a mapping afterwards changes another question."""
    go = Event()
    server.will(later("one", go), says("two"))
    chat, body, stop = Conversation(), {"top": {"k": 1}}, ["x"]
    replies = [chat.ask("a"), chat.ask("b", extra_body=body, stop=stop)]
    body["top"]["k"] = 2
    stop.append("y")
    go.set()
    turn = [reply.result() for reply in replies][1]

    assert ({"k": 1}, ["x"]) == tuple(
        server.requests[1].body[name] for name in ("top", "stop")
    )
    assert {"extra_body": {"top": {"k": 1}}, "stop": ["x"]} == turn.options


def in_child(work: Callable[[], Any]) -> int:
    """Do *work* in a fork; return 0 if it ended well, within some seconds."""
    child = os.fork()
    if not child:
        Timer(20, os._exit, [3]).start()
        try:
            work()
        except BaseException:  # noqa: BLE001  a child must not go on with the tests
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
quiet = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Slow(Journal):
    """A journal that takes its time with what it is handed."""

    taken = Event()

    def keep(self, *given: Any, **named: Any) -> None:
        """Keep it after a while."""
        self.taken.set()
        Event().wait(0.5)
        super().keep(*given, **named)


@forks
@quiet
def test_a_fork_while_another_thread_changes_turns(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """The child can ask, though the thread that held the lock is not there."""
    server.will(says("a"))
    journal = Slow(tmp_path / "journal.sqlite")
    chat = Conversation(journal=journal)
    chat.ask("x").result()
    journal.taken.clear()
    renaming = Thread(target=lambda: chat.transcript.rename("else"))
    renaming.start()
    journal.taken.wait(PATIENCE)
    status = in_child(lambda: chat.ask("x").result())
    renaming.join()
    journal.close()

    assert 0 == status


@forks
@quiet
def test_a_fork_looks_at_its_parents_answer(server: ScriptedServer) -> None:
    """Which comes there: it is told so, and does not look for ever."""
    server.will(later("a", Event()))
    reply = Conversation().ask("x")
    server.wait_for(1)

    def look() -> None:
        with pytest.raises(errors.ApertisError, match="belongs to the process"):
            list(reply.updates())

    status = in_child(look)
    reply.stop()

    assert 0 == status


def turn(name: str, **fields: Any) -> Turn:
    """Return a whole turn with an id that can be read."""
    return turn_of(id=name, question=Question(name), text="a", finish="stop", **fields)


def test_a_restored_conversation_knows_in_which_order_it_was_asked() -> None:
    """Its own turns came first; those after them keep their age and their slots."""
    restored = State(name="x", history=history_of([turn("a"), turn("b", cell="c1")]))
    _, second = history_of([turn("c"), turn("d")])
    again = Entry(turn("c2"), 3, "e2", "c")
    live = State(name="x", history=(again, second))
    whole = merged(restored, live)

    assert ["a", "b", "c2", "d"] == [each.id for each in whole.turns]
    assert [1, 2, 5, 4] == [entry.order for entry in whole.history]
    assert ["a", "b", "c", "d"] == [entry.slot for entry in whole.history]


def interrupted_at(number: int, work: Callable[[], None], shown: Event) -> bool:
    """Interrupt *work* at the so-maniest line of sending; tell if it came so far.

    *shown* is set when all is ready for the answer.
    """
    lines, former = count(1), sys.gettrace()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event == "line" and code is Asker._show.__code__:
            line = getline(code.co_filename, frame.f_lineno).strip()
            if "cell.show" in line:
                shown.set()
            # Where a try begins, Python does not look for interrupts.
            if line != "try:" and next(lines) == number:
                sys.settrace(former)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(former)
    return False


def test_an_interrupt_leaves_no_answer_running(
    shell: Shell, server: ScriptedServer
) -> None:
    """Whichever line of sending and showing it meets: the next question is asked."""
    number, is_further = 0, True
    while is_further:
        number, shown = number + 1, Event()
        server.will(later("all", shown))
        is_further = interrupted_at(number, lambda: shell.run("%%chat\nx"), shown)
        server.will(Answer((chunk("half"), NEVER)))
        probe = session.current().ask(ask("next"))

        assert any(seen.text for seen in islice(probe.progress(heartbeat=0.1), 100))

        probe.result()

    assert number > 5
