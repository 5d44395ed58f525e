"""What a second face sees of answers under way, while others ask: a real server."""

import os
import re
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import (
    DONE,
    NEVER,
    PATIENCE,
    PHASES,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    says,
)

from apertis_magic import Conversation, errors
from apertis_magic.chat.history import Placement
from apertis_magic.chat.state import State
from apertis_magic.chat.transcript import Transcript
from apertis_magic.chat.turn import Cell, Turn

if TYPE_CHECKING:
    from apertis_magic.chat.conversation import UnderWay

BANNER = {"id": "web-search", "choices": [{"delta": {"content": "searching"}}]}


class Looker:
    """Notes what it sees whenever it is told that something has changed."""

    def __init__(self, chat: Conversation, look: Callable[[], Any]) -> None:
        self.seen: list[Any] = []
        self._look = look
        self._told = Condition()
        chat.transcript.watchers.add(self)

    def __call__(self) -> None:
        with self._told:
            self.seen.append(self._look())
            self._told.notify_all()

    def until(self, what: Any) -> None:
        """Wait until it has seen *what*."""
        with self._told:
            assert self._told.wait_for(lambda: what in self.seen, PATIENCE), self.seen


def later(text: str, go: Event) -> Answer:
    """Return an answer that ends when the test says so."""
    return Answer((Wait(go), chunk(text, finish="stop"), DONE))


def prompts(chat: Conversation) -> list[str]:
    """Return what is under way, in its order."""
    return [each.ask.question.typed for each in chat.under_way]


def test_a_watcher_sees_an_answer_grow_and_end(server: ScriptedServer) -> None:
    """Each piece as it comes; of the end it hears once the turn is there."""
    more, end = Event(), Event()
    server.will(
        Answer((chunk("a"), Wait(more), chunk("b"), Wait(end), chunk("c"), DONE))
    )
    chat = Conversation()
    replies: list[Any] = []

    def look() -> tuple[str, bool, Any]:
        [reply] = replies or [each.reply for each in chat.under_way]
        return reply.text, reply.done, reply.turn

    looker = Looker(chat, look)
    reply = chat.ask("x")
    replies.append(reply)
    looker.until(("a", False, None))
    more.set()
    looker.until(("ab", False, None))
    end.set()
    looker.until(("abc", True, reply.result()))
    done = [turn for _, is_done, turn in looker.seen if is_done]

    assert [reply.turn] == done
    assert ("", False, None) == looker.seen[0]
    assert reply.error is None


TRY_AGAIN = fails(503, headers={"Retry-After": "50"})


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (later("a", Event()), r"· waiting \d"),
        (TRY_AGAIN, r"retrying in \d+ s \(503\)"),
        (Answer((event(BANNER), NEVER)), "searching the web"),
        (Answer((chunk(delta={"reasoning": "hm"}), NEVER)), "thinking"),
        (Answer((chunk(delta={"refusal": "no"}), NEVER)), "refusing"),
    ],
)
def test_a_watcher_is_told_of_each_phase(
    server: ScriptedServer, answer: Answer, phase: str
) -> None:
    """Also while nothing is there to be read."""
    assert_phase(server, answer, phase)


def test_a_watcher_is_told_of_a_try_without_a_stream(server: ScriptedServer) -> None:
    """That it is sent again is seen where the answer comes in one piece, too."""
    assert_phase(server, TRY_AGAIN, "retrying in", stream=False)


def assert_phase(
    server: ScriptedServer, answer: Answer, phase: str, **options: Any
) -> None:
    """Check that a watcher is told of a phase of an answer under way."""
    server.will(answer)
    chat, came = Conversation(), Event()

    def look() -> None:
        if any(re.search(phase, each.reply.status) for each in chat.under_way):
            came.set()

    chat.transcript.watchers.add(look)
    reply = chat.ask("x", **options)

    assert came.wait(PATIENCE)

    reply.stop()
    reply.wait()


def test_leaving_the_watch_leaves_the_answer_alone(server: ScriptedServer) -> None:
    """It goes on to its end for the one who asked, and another may watch."""
    go = Event()
    server.will(Answer((chunk("half"), Wait(go), chunk(" whole"), DONE)))
    reply = Conversation().ask("x")
    for text in reply.watch(every=0):
        assert "half" == text

        break
    go.set()

    assert "half whole" == list(reply.watch(every=0))[-1]
    assert "half whole" == reply.result().text
    assert not server.hung_up.is_set()


def test_the_error_is_there_without_raising(server: ScriptedServer) -> None:
    """None until the answer has failed; the very one that its result raises."""
    go = Event()
    server.will(Answer((chunk("half"), Wait(go), Cut())))
    reply = Conversation().ask("x")
    next(reply.watch())

    assert reply.error is None

    go.set()
    with pytest.raises(errors.ConnectionFailed) as caught:
        reply.result()

    assert caught.value is reply.error


def test_what_is_under_way_stands_in_the_order_of_asking(
    server: ScriptedServer,
) -> None:
    """Those that wait too, but not what is asked once; each leaves when it ends."""
    go, then = Event(), Event()
    server.will(later("1", go), later("once", go), later("2", then), says("3"))
    chat = Conversation()
    here = Placement(cell=Cell("c1", "e1"))
    first = chat.ask("first", placement=here)
    server.wait_for(1)
    once = chat.ask("alone", once=True)
    server.wait_for(2)
    second, third = chat.ask("second"), chat.ask("third")

    assert [
        (first, "first", here),
        (second, "second", Placement()),
        (third, "third", Placement()),
    ] == [
        (each.reply, each.ask.question.typed, each.ask.placement)
        for each in chat.under_way
    ]

    go.set()
    first.result()
    once.result()

    assert ["second", "third"] == prompts(chat)

    third.stop()
    third.wait()

    assert ["second"] == prompts(chat)

    then.set()
    second.result()

    assert () == chat.under_way


def test_what_goes_on_is_under_way_as_its_half(server: ScriptedServer) -> None:
    """By the id of the turn, which is there already."""
    go = Event()
    server.will(says("half", finish="length"), later(" more", go))
    chat = Conversation()
    half = chat.ask("x").result()
    rest = chat.resume()
    [asked] = chat.under_way

    assert (half.id, half.id, "x") == (
        asked.ask.placement.replaces,
        asked.reply.id,
        asked.ask.question.typed,
    )

    go.set()

    assert "half more" == rest.result().text
    assert () == chat.under_way


@pytest.mark.parametrize(("answer", "_text"), PHASES.values(), ids=PHASES)
def test_nothing_is_left_of_what_was_stopped(
    server: ScriptedServer, answer: Answer, _text: str
) -> None:
    """In whichever phase, and before it began."""
    server.will(answer)
    chat = Conversation()
    replies = [chat.ask("x"), chat.ask("waits"), chat.ask("at once")]
    replies[2].stop()
    server.wait_for(1)
    for reply in replies[:2]:
        reply.stop()
        reply.wait()
    replies[2].wait()

    assert () == chat.under_way
    assert 3 == len(chat.turns)


def test_nothing_is_left_of_what_failed(server: ScriptedServer) -> None:
    """By the server's fault, by ours, or since what was to go on is gone."""
    go = Event()
    server.will(
        fails(400), Answer((chunk("half", finish="length"), DONE)), later("a", go)
    )
    chat = Conversation()
    replies = [chat.ask("refused"), chat.ask("half"), chat.ask("x")]
    replies[1].wait()
    replies.append(chat.resume())
    chat.reset()
    go.set()
    for reply in replies:
        reply.wait()

    assert () == chat.under_way

    class Broken(Exception):
        """Raised where nothing may be."""

    class BrokenTranscript(Transcript):
        """One that has a mistake of ours in it."""

        def add(self, *_: object) -> Turn:
            raise Broken

    chat.transcript = BrokenTranscript(chat.state)
    reply = chat.ask("y")
    with pytest.raises(errors.ApertisError, match="Broken"):
        reply.result()

    assert () == chat.under_way
    assert "Broken" in str(reply.error)


def test_a_fork_of_the_process_has_nothing_under_way(server: ScriptedServer) -> None:
    """What its parent asked is answered there."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork")
    server.will(later("a", Event()))
    chat = Conversation()
    reply = chat.ask("x")
    server.wait_for(1)
    child = os.fork()
    if not child:
        os._exit(len(chat.under_way))
    _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert ["x"] == prompts(chat)

    reply.stop()
    reply.wait()


def test_every_look_has_each_turn_once(server: ScriptedServer) -> None:
    """However often, and whenever, one looks while answers come and go."""
    server.will(says("a"))
    chat, ended, number = Conversation(), Event(), 150
    wrong: list[tuple[State, tuple[UnderWay, ...]]] = []
    asked: set[str] = set()  # each before anyone looks for it
    looks = 0

    def look() -> None:
        nonlocal looks
        while not ended.is_set():
            expected = set(asked)
            state, under_way = chat.view
            turns = [turn.id for turn in state.turns]
            ids = [*turns, *(each.reply.id for each in under_way)]
            looks += 1
            if len(ids) != len(set(ids)) or expected - set(ids):
                wrong.append((state, under_way))

    threads = [Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    replies = []
    for _ in range(number):
        replies.append(chat.ask("x", last_turns=0))
        asked.add(replies[-1].id)
        if len(replies) % 3 == 0:
            replies[-1].wait()
    for reply in replies:
        reply.result()
    ended.set()
    for thread in threads:
        thread.join()

    assert [] == wrong
    assert looks > number
    assert [reply.id for reply in replies] == [turn.id for turn in chat.turns]


CHANGES: dict[str, Callable[[Conversation], Any]] = {
    "undo": lambda chat: chat.undo(),
    "reset": lambda chat: chat.reset(),
    "rename": lambda chat: chat.transcript.rename("else"),
    "drop": lambda chat: chat.transcript.drop(chat.turns[0].id),
    "put_back": lambda chat: chat.transcript.put_back(
        *chat.transcript.drop(chat.turns[0].id)
    ),
    "take_up": lambda chat: chat.transcript.take_up(State(name="x")),
    "end_execution": lambda chat: chat.transcript.end_execution("e2"),
    "model": lambda chat: setattr(chat, "model", "gpt-5"),
    "system": lambda chat: setattr(chat, "system", "Be brief."),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_watcher_is_told_of_every_change(
    server: ScriptedServer, change: Callable[[Conversation], Any]
) -> None:
    """And sees it when it is told; the lock is not held, so another thread can look."""
    server.will(says("a"))
    chat = Conversation()
    chat.ask("x", placement=Placement(cell=Cell("c1", "e1"))).result()
    chat.ask("y", placement=Placement(cell=Cell("c1", "e1"))).result()
    chat.ask("z", placement=Placement(cell=Cell("c1", "e2"))).result()
    seen: list[State] = []

    def look() -> None:
        thread = Thread(target=lambda: seen.append(chat.state), daemon=True)
        thread.start()
        thread.join(PATIENCE)

    chat.transcript.watchers.add(look)
    before = chat.state
    change(chat)

    assert seen
    assert chat.state == seen[-1]
    assert (before in seen) == (before == chat.state)
    assert len(seen) <= 2


def test_nobody_is_told_of_what_changes_nothing() -> None:
    """Nor of what another conversation does."""
    chat, other, told = Conversation(), Conversation(), list[None]()
    chat.transcript.watchers.add(lambda: told.append(None))
    chat.transcript.end_execution("e1")
    other.transcript.rename("else")
    with pytest.raises(errors.ConfigurationError):
        chat.ask(" ")
    with pytest.raises(errors.ConfigurationError):
        chat.transcript.drop("nothing")

    assert [] == told


def test_a_watcher_that_fails_costs_no_answer(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log as often as it was told."""
    server.will(says("a", "b"))
    chat = Conversation()

    def fail() -> None:
        raise ZeroDivisionError

    chat.transcript.watchers.add(fail)

    assert "ab" == chat.ask("x").result().text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("client", ["", "page"])
@pytest.mark.parametrize("questions", [("a", "b", "c"), ("a", "a", "a")])
@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_cell_that_asks_several_at_once_replaces_each_of_its_turns(
    server: ScriptedServer, client: str, questions: tuple[str, ...], number: int
) -> None:
    """From threads, say; those that wait take no other's place, whatever ids last."""
    server.will(says("A"))
    chat = Conversation()

    def run(cell: Cell, *prompts: str) -> None:
        asked = Placement(cell=cell)
        for reply in [chat.ask(each, placement=asked) for each in prompts]:
            reply.result()
        chat.transcript.end_execution(cell.execution)

    run(Cell("c1", "e1", client and "page 1"), *questions)
    run(Cell("c2", "e2", client and "page 1"), "last")
    again = (*questions, "d")[:number]
    again_id = "c1 again" if client else "c1"
    run(Cell(again_id, "e3", client and "page 2"), *again)
    run(Cell(again_id, "e4", client and "page 2"), *again)
    left = questions[number:] if client else ()  # of a cell that nobody knows any more

    assert sorted([*again, *left, "last"]) == sorted(t.prompt for t in chat.turns)
