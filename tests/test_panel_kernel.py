"""The panel in a real kernel, whose page is this test."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from drawn import drawn, png
from kernel_driver import Kernel, Outcome
from scripted_server import (
    DONE,
    NEVER,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    says,
)

ONE, TWO, THREE = "1", "2", "3"
VIEW = "application/vnd.jupyter.widget-view+json"


class Page:
    """A page that shows a panel: it keeps what it is told, as ``panel.js`` does."""

    def __init__(self, kernel: Kernel, shown: Outcome) -> None:
        [self.comm] = [
            each["data"][VIEW]["model_id"]
            for each in shown.outputs
            if VIEW in each.get("data", {})
        ]
        self.kernel = kernel
        self.turns: list[dict[str, Any]] = []
        self.frame: dict[str, Any] = {}
        self.said: dict[str, dict[str, Any]] = {}
        self.pictures: list[bytes] = []
        self.questions: list[str] = []
        self._size = 0
        self._messages = kernel.told(self.comm)
        self.ask("hello")

    def ask(self, kind: str, *files: bytes, **fields: Any) -> None:
        """Send a message of the page."""
        self.kernel.tell(self.comm, {"kind": kind, "view": "v", **fields}, *files)

    def until(self, token: str = "", **known: Any) -> None:
        """Take in messages until one is about *token*, or holds what is *known*."""
        for message, buffers in self._messages:
            self._take(message, buffers)
            is_known = all(message.get(k) == v for k, v in known.items())
            if (token in self.said if token else is_known) or not (token or known):
                return

    def last(self, **known: Any) -> dict[str, Any]:
        """Take in messages until the last turn holds what is *known*; return it."""
        while not self.turns or any(self.turns[-1][k] != v for k, v in known.items()):
            self.until()
        return self.turns[-1]

    @property
    def size(self) -> int:
        """The characters of all that was said so far, without what went beside it."""
        return self._size

    def _take(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        kind = message["kind"]
        self._size += len(json.dumps(message))
        self.pictures += buffers
        if kind in ("frame", "hello"):
            self.frame = message
        elif kind == "show":
            self.turns = message["turns"]
        elif kind == "splice":
            self._splice(message)
        elif kind == "outcome":
            self.said[message["token"]] = message
        elif kind == "question":
            self.questions.append(message["text"])
        for turn in self.turns:
            if kind == "stale" and not turn["open"]:
                turn["stale"] = message["turns"].get(turn["id"], turn["stale"])
            elif kind == "grow" and turn["id"] == message["id"]:
                if message.get("anew"):
                    turn |= {"text": "", "thought": "", "html": ""}
                turn["thought"] += message.get("thought", "")
                turn["text"] += message.get("text", "")
                turn["html"] += "".join(message.get("blocks", ()))

    def _splice(self, message: dict[str, Any]) -> None:
        at, gone = message["at"], message["gone"]
        before = {turn["id"]: turn for turn in self.turns}
        for turn in message["turns"]:
            if turn["html"] is None:
                turn["html"] = before[turn["id"]]["html"]
        self.turns[at : at + gone] = message["turns"]


@pytest.fixture
def page(kernel: Kernel) -> Iterator[Page]:
    """Yield the page of a panel that has just been shown."""
    shown = kernel.run("%chat panel")

    assert "ok" == shown.reply["status"]

    found = Page(kernel, shown)
    found.until(kind="hello")
    yield found
    kernel.run("%unload_ext apertis_magic\n%load_ext apertis_magic")


def test_a_question(page: Page, server: ScriptedServer) -> None:
    """Its answer comes as it grows: text at once, HTML block by block."""
    resume = threading.Event()
    server.will(
        Answer(
            (
                chunk("**One** paragraph.\n\nAnd *an"),
                Wait(resume),
                chunk("other*.", finish="stop"),
                DONE,
            )
        )
    )
    page.ask("ask", token=ONE, text="Why?", names=[])
    open_turn = dict(page.last(text="**One** paragraph.\n\nAnd *an"))
    resume.set()
    turn = page.last(open=False)

    assert ("Why?", True) == (open_turn["question"], open_turn["open"])
    assert "<strong>One</strong>" in open_turn["html"]
    assert "another" not in open_turn["html"]
    assert "<em>another</em>" in turn["html"]
    assert "served" in turn["footer"]


def test_both_faces(page: Page, server: ScriptedServer) -> None:
    """A cell's turn is in the panel, and the panel's before the next cell's."""
    server.will(says("one"), says("two"), says("three"), says("ONE"))
    page.kernel.run("%%chat\n1?", cell="c1")
    page.last(text="one", open=False)
    page.ask("ask", token=ONE, text="2?", names=[])
    page.last(text="two", open=False)
    page.kernel.run("%%chat\n3?", cell="c3")
    page.last(text="three", open=False)
    page.kernel.run("%%chat\n1, again?", cell="c1")
    while page.turns[0]["text"] != "ONE" or page.turns[0]["open"]:
        page.until()
    while [False, True, True] != [turn["stale"] for turn in page.turns]:
        page.until()

    assert ["1, again?", "2?", "3?"] == [turn["question"] for turn in page.turns]
    assert [True, False, True] == [turn["cell"] for turn in page.turns]
    assert [
        ("user", "1?"),
        ("assistant", "one"),
        ("user", "2?"),
        ("assistant", "two"),
        ("user", "3?"),
    ] == server.messages[2]


def test_a_picture(page: Page, server: ScriptedServer) -> None:
    """It goes along with the question, and comes back when the page asks for it."""
    server.will(says("seen"))
    raw = b"GIF89a" + bytes(range(256))
    page.ask("ask", raw, b"a,b", token=ONE, text="What?", names=["x.gif", "y.csv"])
    turn = page.last(open=False)
    page.ask("picture", turn=turn["id"], number=0)
    page.until(kind="picture")

    assert [
        {"name": "x.gif", "size": 262, "picture": True},
        {"name": "y.csv", "size": 3, "picture": False},
    ] == turn["files"]
    assert [raw] == page.pictures
    assert 3 == len(server.requests[0].body["messages"][0]["content"])


def test_a_picture_of_an_answer(page: Page, server: ScriptedServer) -> None:
    """It comes when a page asks for it, and with nothing else that a page is told."""
    raw = png() + bytes(2_000_000)
    text = chunk("**Here** it is.")
    server.will(Answer((text, drawn(raw), chunk(finish="stop"), DONE)))
    page.ask("ask", token=ONE, text="Draw a cat.", names=[])
    turn = page.last(open=False)
    page.ask("hello")
    page.until(kind="show")
    page.ask("page", first=0, last=1)
    page.until(kind="page")

    assert [] == page.pictures
    assert 20_000 > page.size

    page.ask("picture", turn=turn["id"], number=0)
    page.until(kind="picture")

    assert [raw] == page.pictures
    assert turn["html"].index("<strong>Here") < turn["html"].index("PNG picture, 2 MB")
    assert ("**Here** it is.", False) == (turn["text"], turn["can_continue"])


def test_pictures_that_no_page_asks_for(page: Page, server: ScriptedServer) -> None:
    """Another number is no picture, nor is one of another turn."""
    server.will(Answer((drawn(png()), chunk(finish="stop"), DONE)))
    page.ask("ask", token=ONE, text="Draw a cat.", names=[])
    turn = page.last(open=False)["id"]
    for number in (-1, 1, 999, 2**40, True, 0.0, None, "0", [0]):
        page.ask("picture", turn=turn, number=number)
    page.ask("picture", turn="another", number=0)
    page.ask("picture", turn=[turn], number=0)
    page.ask("picture", turn=turn, number=0)
    page.ask("undo", token=TWO)
    page.until(TWO)

    assert [png()] == page.pictures


def test_an_answer_keeps_its_parts(page: Page, server: ScriptedServer) -> None:
    """Deleted and put back, where another try has failed, and in a fork."""
    call = {"index": 0, "id": "1", "function": {"name": "paint", "arguments": "{}"}}
    parts = (drawn(png()), chunk(delta={"tool_calls": [call]}))
    fail = threading.Event()
    odd = replace(fails(400, "too odd"), before_headers=Wait(fail))
    server.will(Answer((*parts, chunk(finish="tool_calls"), DONE)), odd)
    page.ask("ask", token=ONE, text="Draw a cat.", names=[])
    turn = page.last(open=False)
    shown = (turn["html"], turn["below"])
    for kind, known in (("delete", {"turn": turn["id"]}), ("undo", {})):
        page.ask(kind, token=kind, **known)
        page.until(kind)
    page.ask("retry", token=TWO, turn=turn["id"])
    page.last(open=True)
    fail.set()
    failed = page.last(open=False)
    page.ask("fork", token=THREE, turn=turn["id"])
    page.until(THREE)
    last = page.last(failed=None)
    page.ask("picture", turn=last["id"], number=0)
    page.until(kind="picture")

    assert "too odd" in failed["failed"][0]
    assert "PNG picture" in shown[0]
    assert "paint" in shown[1]
    assert shown == (failed["html"], failed["below"])
    assert shown == (last["html"], last["below"])
    assert [png()] == page.pictures


def test_thinking_that_was_shown_as_the_answer(
    page: Page, server: ScriptedServer
) -> None:
    """The page is told at once, while the answer still comes."""
    begun, resume = threading.Event(), threading.Event()
    server.will(
        Answer(
            (
                chunk("Let me see.\n\nWell"),
                Wait(begun),
                chunk(".\n</think>\n\nIt is **so**.\n\nAnd"),
                Wait(resume),
                chunk(" so.", finish="stop"),
                DONE,
            )
        )
    )
    page.ask("ask", token=ONE, text="Why?", names=[])
    first = dict(page.last(text="Let me see.\n\nWell"))
    begun.set()
    then = dict(page.last(text="It is **so**.\n\nAnd"))
    resume.set()
    turn = page.last(open=False)

    assert ("", True) == (first["thought"], then["open"])
    assert "Let me see" in first["html"]
    assert "Let me see.\n\nWell." == then["thought"]
    assert "Let me see" not in then["html"] + turn["html"]
    assert "<strong>so</strong>" in then["html"]
    assert "It is **so**.\n\nAnd so." == turn["text"]
    assert "Let me see" in turn["thought"]


def test_what_no_page_would_send(page: Page) -> None:
    """It is dropped, and the panel goes on."""
    odd: list[Any] = [None, [], "x", {}, {"kind": "ask"}, {"kind": ["ask"]}]
    for content in odd:
        page.kernel.tell(page.comm, content)
    page.kernel.tell(page.comm, {"kind": "retry", "token": "2", "turn": 5})
    page.ask("undo", token=ONE)
    page.until(ONE)

    assert {ONE} == set(page.said)
    assert "There is nothing to undo." == page.said[ONE]["text"]


def test_a_question_of_a_megabyte(page: Page, server: ScriptedServer) -> None:
    """A page has its beginning, and all of it where it asks for that."""
    resume = threading.Event()
    server.will(Answer((chunk("s"), Wait(resume), chunk("o", finish="stop"), DONE)))
    text = "Some words of it. " * 60_000 + "End."
    page.ask("ask", token=ONE, text=text, names=[], anyway=True)
    under_way = dict(page.last(open=True))
    page.ask("question", turn=under_way["id"])
    page.until(kind="question")
    resume.set()
    ended = page.last(open=False)
    page.ask("hello")
    page.until(kind="show")
    seen = page.size
    page.ask("question", turn=ended["id"])
    page.until(kind="question")
    page.ask("question", turn="gone")
    page.until(kind="question")

    assert [text, text, ""] == page.questions
    assert [(20_000, len(text) - 20_000)] * 2 == [
        (len(turn["question"]), turn["rest"]) for turn in (under_way, ended)
    ]
    assert 100_000 > seen - len(text)


def threads(kernel: Kernel) -> int:
    """Return how many threads the kernel has."""
    done = kernel.run("import threading\nprint(threading.active_count())")
    return int(done.printed)


@pytest.mark.parametrize("kind", ["models", "restorable"])
def test_a_flood_of_lookups(page: Page, server: ScriptedServer, kind: str) -> None:
    """One is under way at a time, whoever asks; the panel goes on meanwhile."""
    server.will(Answer((NEVER,)))
    before = threads(page.kernel)
    for number in range(1_000):
        page.kernel.tell(page.comm, {"kind": kind, "view": str(number % 100)})
    page.ask("undo", token=ONE)
    page.until(ONE)

    # One of the background loop, and one of its resolver's.
    assert before + 2 >= threads(page.kernel)
    assert 1 >= len(server.requests)


def test_a_flood_of_pages(page: Page) -> None:
    """Those that are shown are known; a hundred others more or less change nothing."""
    for number in range(2_000):
        page.kernel.tell(page.comm, {"kind": "hello", "view": f"{number}"})
        page.kernel.tell(
            page.comm, {"kind": "page", "view": "", "first": number, "last": 9}
        )
    page.ask("undo", token=ONE)
    page.until(ONE)
    done = page.kernel.run(
        "import gc\n"
        "from apertis_magic.panel.publisher import Publisher\n"
        "[made] = [e for e in gc.get_objects() if isinstance(e, Publisher)"
        " and not e._closed][-1:]\n"
        "print(len(made._views), len(made._queries))"
    )
    views, queries = map(int, done.printed.split())

    assert 100 >= views
    assert 100 >= queries


def test_what_a_saved_notebook_shows(page: Page, server: ScriptedServer) -> None:
    """The transcript stands beside the panel as text and cleaned HTML."""
    server.will(says("**so** <img src=x onerror=alert()>"))
    page.kernel.run("%%chat\nWhy?", cell="c1")
    shown = page.kernel.run("%chat panel")
    [saved, panel] = shown.outputs

    assert "above is its conversation" in panel["data"]["text/plain"]
    assert "<strong>so</strong>" in saved["data"]["text/html"]
    assert "<img" not in saved["data"]["text/html"]
    assert "[1] Why?" in saved["data"]["text/plain"]


def test_a_saved_notebook_names_pictures(page: Page, server: ScriptedServer) -> None:
    """They are no part of the transcript that is sent with every update."""
    server.will(Answer((drawn(png()), chunk("So.", finish="stop"), DONE)))
    page.kernel.run("%%chat\nWhy?", cell="c1")
    [saved, _] = page.kernel.run("%chat panel").outputs

    assert "[PNG picture, " in saved["data"]["text/html"]
    assert "[PNG picture, " in saved["data"]["text/plain"]
    assert "base64" not in json.dumps(saved)


def test_settings_hold_at_once(page: Page, server: ScriptedServer) -> None:
    """Also those that are set after the panel was shown."""
    server.will(says("so"))
    page.kernel.run("%config ApertisMagic.temperature = 0.5")
    page.ask("ask", token=ONE, text="Why?", names=[])
    page.last(open=False)
    page.kernel.run("%config ApertisMagic.temperature = None")

    assert 0.5 == server.requests[0].body["temperature"]


def test_a_panel_that_nobody_sees(page: Page, server: ScriptedServer) -> None:
    """It tells nothing; who looks again sees all."""
    server.will(says("one"), says("two"))
    page.ask("bye")
    page.ask("ask", token=ONE, text="1?", names=[])
    page.kernel.run("%%chat\n2?", cell="c2")
    page.ask("hello")
    page.last(text="two")

    assert ["one", "two"] == [turn["text"] for turn in page.turns]
    assert not any(turn["open"] for turn in page.turns)
    assert {} == page.said


def test_a_panel_that_is_closed(page: Page, server: ScriptedServer) -> None:
    """The conversation stays, and so does every other panel."""
    server.will(says("so"))
    done = page.kernel.run(
        "import threading\n"
        "from apertis_magic import ChatPanel\n"
        "panel = ChatPanel()\n"
        "before = threading.active_count()\n"
        "panel.close()\n"
        "panel.close()\n"
    )
    page.ask("ask", token=ONE, text="Why?", names=[])

    assert "ok" == done.reply["status"]
    assert "so" == page.last(open=False)["text"]
