"""The messages' shapes, written once for the page, are those of the kernel."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from queue import SimpleQueue
from typing import Any

import pytest
from message_types import FILE, Types
from scripted_server import (
    DONE,
    PATIENCE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    json_answer,
    says,
)

from apertis_magic.chat import session
from apertis_magic.chat.session import Session
from apertis_magic.panel import requests, widget
from apertis_magic.panel.actions import Actions
from apertis_magic.panel.feed import PAGE
from apertis_magic.panel.lookups import Lookups
from apertis_magic.panel.publisher import Publisher
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json
from apertis_magic.panel.saved import SavedTranscript

pytestmark = pytest.mark.usefixtures("cache")

TYPES = Types(FILE.read_text(encoding="utf-8"))
NAMES = {str: "string", int: "number", bool: "boolean", list: "string[]"}


class Listener:
    """A page that keeps what it is sent, and asks of a real Session."""

    def __init__(self, session: Session) -> None:
        self.messages: list[Json] = []
        self._begin = 0
        self.session = session
        self._sent: SimpleQueue[Json] = SimpleQueue()
        self._actions = Actions(session, lambda _: None)
        self.publisher = Publisher(
            session,
            self._actions.options,
            SavedTranscript(session),
            lambda message, _: self._sent.put(json.loads(json.dumps(message))),
        )
        self._lookups = Lookups(session, self.publisher.post)
        self._unwatch = session.watchers.add(self.publisher.wake)
        self._thread = threading.Thread(target=self.publisher.run)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._unwatch()
        self.publisher.close()
        self._thread.join(PATIENCE)

    def query(self, kind: str, **fields: Any) -> None:
        """Ask to be shown something, and wait for the answer."""
        self._begin = len(self.messages)
        request = Request(kind=kind, view="v", **fields)
        if kind in Lookups.KINDS:
            self._lookups.do(request)
        else:
            self.publisher.answer(request)
        self.until(lambda message: message.get("to") == "v")

    def do(self, kind: str, **fields: Any) -> None:
        """Have something done, and wait until its outcome is known."""
        self._begin = len(self.messages)
        outcome = self._actions.do(Request(kind=kind, **fields))
        self.publisher.post(outcome.message("1"))
        self.until(lambda message: message["kind"] == "outcome")

    def until(self, is_it: Callable[[Json], bool]) -> Json:
        """Return the first that is wanted of those sent since something was done."""
        for number in count(self._begin):
            if number == len(self.messages):
                self.messages.append(self._sent.get(timeout=PATIENCE))
            if is_it(self.messages[number]):
                break
        return self.messages[number]

    def last_turn(self, **known: Any) -> Json:
        """Return a turn that holds what is *known*, once it was sent."""

        def turns(message: Json) -> list[Json]:
            shown = message["turns"] if message["kind"] in ("show", "splice") else []
            return [t for t in shown if all(t.get(k) == known[k] for k in known)]

        return turns(self.until(lambda message: bool(turns(message))))[-1]


@pytest.fixture
def listener(server: ScriptedServer) -> Iterator[Listener]:  # noqa: ARG001  it asks there
    """Yield a page that has just been shown."""
    listening = Listener(session.current())
    listening.query("hello")
    yield listening
    listening.close()


def test_what_the_page_sends_is_what_the_kernel_takes() -> None:
    """The same kinds with the same fields of the same types."""
    declared = TYPES.members("KernelQuery") | TYPES.members("KernelRequest")
    taken = {
        kind: {"kind": f'"{kind}"', **{f: NAMES[t] for f, t in fields.items()}}
        for kind, fields in requests._FIELDS.items()
    }

    assert taken == {
        kind: {name: field.type for name, field in fields.items()}
        for kind, fields in declared.items()
    }
    assert not any(f.optional for fields in declared.values() for f in fields.values())


def test_every_message_of_a_page_is_done_or_answered() -> None:
    """And nothing is done for which there is no message."""
    shown = (*widget._QUERIES, *Lookups.KINDS)

    assert set(requests._FIELDS) == {*Actions._KINDS, *shown, "stop"}


def everything_is_sent(listener: Listener, server: ScriptedServer) -> None:
    """Do what makes the kernel send each kind of message with all its fields."""
    resume = threading.Event()
    thinks = chunk(delta={"reasoning_content": "Hm. "})
    begun, go = threading.Event(), threading.Event()
    well, one = chunk("So.\n\nWell"), chunk("\n</think>\n*One*.\n\nTw")
    steps = (thinks, well, Wait(begun), one)
    end = (Wait(go), chunk("o.", finish="length"), DONE)
    server.will(Answer((Wait(resume), *steps, *end)))
    picture = (("x.gif", b"GIF89a" + bytes(20)), ("y.csv", b"a,b"))
    listener.do("ask", text="1?", files=picture)
    listener.last_turn(open=True)
    resume.set()
    listener.until(lambda message: "Well" in message.get("text", ""))
    begun.set()
    listener.until(lambda message: "anew" in message)
    go.set()
    first = listener.last_turn(open=False)
    fail = threading.Event()
    odd = replace(fails(400, "too odd"), before_headers=Wait(fail))
    server.will(says("two"), says("ONE"), odd)
    listener.do("ask", text="2?")
    listener.last_turn(open=False, text="two")
    listener.do("retry", turn=first["id"])
    again = listener.last_turn(open=False, text="ONE")
    listener.until(lambda message: message["kind"] == "stale")
    listener.do("retry", turn=again["id"])
    listener.last_turn(open=True)
    fail.set()
    listener.last_turn(open=False, text="ONE")
    listener.do("option", name="temperature", text="0")
    listener.query("page", first=0, last=1)
    listener.query("picture", turn=again["id"], number=0)
    server.will(json_answer({"data": [{"id": "m"}]}))
    listener.query("models")
    listener.query("restorable")
    listener.query("question", turn=again["id"])
    listener.publisher.post({"kind": "taken", "token": "1"})
    listener.publisher.post({"kind": "progress", "text": "half"})
    listener.until(lambda message: message["kind"] == "progress")


def test_what_the_kernel_sends_is_what_the_page_takes(
    listener: Listener, server: ScriptedServer
) -> None:
    """Each message has the fields of its type, of their types, and no others."""
    everything_is_sent(listener, server)

    assert [] == [
        problem
        for message in listener.messages
        for problem in TYPES.problems(message, "KernelMessage", message["kind"])
    ]


def test_the_kernel_sends_all_that_the_page_takes(
    listener: Listener, server: ScriptedServer
) -> None:
    """Also every field that a message may lack is in some message."""
    everything_is_sent(listener, server)
    declared = TYPES.members("KernelMessage")
    sent: dict[str, set[str]] = {}
    for message in listener.messages:
        sent.setdefault(message["kind"], set()).update(message)

    assert {kind: set(fields) for kind, fields in declared.items()} == sent


def test_a_frame_without_a_key(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells the problem; one that cannot tell the model lacks that alone."""
    monkeypatch.delenv("APERTIS_BASE_URL")
    listener.do("option", name="temperature", text="0")
    monkeypatch.setenv("APERTIS_BASE_URL", "nowhere")
    listener.do("option", name="temperature", text="1")
    frames = [m for m in listener.messages if m["kind"] == "frame"][-2:]

    assert [True, True] == [bool(frame["problem"]) for frame in frames]
    assert ["fixed" in frame for frame in frames] == [True, False]
    assert [] == [p for f in frames for p in TYPES.problems(f, "FrameMessage")]


@pytest.mark.parametrize(
    ("finish", "text", "can_continue"),
    [("length", "half", True), ("stop", "whole", False), ("length", "", False)],
)
def test_an_answer_that_was_cut_off_can_be_continued(
    listener: Listener,
    server: ScriptedServer,
    finish: str,
    text: str,
    *,
    can_continue: bool,
) -> None:
    """The page offers it for what has a text and did not end by itself."""
    server.will(says(text, finish=finish))
    listener.do("ask", text="1?")

    assert can_continue == listener.last_turn(open=False)["can_continue"]


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("attachments.js", "LARGEST", requests.LARGEST),
        ("span.js", "PAGE_TURNS", PAGE),
        ("kernel.js", "LONGEST", requests.LONGEST),
    ],
)
def test_the_limits_are_the_same(file: str, name: str, value: int) -> None:
    """A page offers no more than the kernel takes, and asks for no more turns."""
    text = (FILE.parent / file).read_text(encoding="utf-8")
    [number] = re.findall(rf"const {name} = ([\d_]+);", text)

    assert value == int(number)
