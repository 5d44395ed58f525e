"""What a panel tells its pages and takes from them, against a page of a few lines."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from journals import taken_up
from scale import ALL
from scripted_server import DONE, Answer, Cut, ScriptedServer, Wait, chunk, fails
from turns import turn_of

from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.params import check
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.chat import session
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.draft import Draft
from apertis_magic.chat.history import Placement
from apertis_magic.chat.parts import Picture, Reasoning, Text
from apertis_magic.chat.question import Question
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.clean import mend
from apertis_magic.errors import ConfigurationError
from apertis_magic.panel import fields, requests
from apertis_magic.panel.feed import PAGE, Feed
from apertis_magic.panel.growing import Growing
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Row, ended_turn, rows_of
from apertis_magic.panel.widget import ChatPanel
from apertis_magic.render import bundle

BLOCKS = (
    "A *short* paragraph.",
    "Two lines of it,\nthe second one here.",
    "# A heading",
    "```python\nprint('é')\n\nprint(2)\n```",
    "- one\n- two\n\n  more",
    "1. one\n2. two",
    "> quoted\n> twice",
    "| a | b |\n|---|---|\n| 1 | 😀 |",
    "$$x^2$$",
    "😀 and $5 and ﷽",
    "---",
    "```\nnever closed\n\n# no heading",
)
TEXTS = st.lists(st.sampled_from(BLOCKS), max_size=6).map("\n\n".join)


def halves(text: str) -> str:
    """Return *text* with each large character in two halves, as some servers cut it."""
    units = memoryview(text.encode("utf-16-le")).cast("H")
    return "".join(map(chr, units))


def cut(text: str, sizes: list[int]) -> Iterator[str]:
    """Give *text* in pieces of these sizes, and the rest of it."""
    at = 0
    for size in sizes:
        yield text[at : at + size]
        at += size
    yield text[at:]


@contextmanager
def under_way() -> Iterator[tuple[Reply, Draft]]:
    """Run an answer whose draft grows by ``add`` alone, until the block ends."""
    drafts: SimpleQueue[Draft] = SimpleQueue()

    async def run(draft: Draft) -> Any:
        drafts.put(draft)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return turn_of(question=Question("q")), None

    reply = Reply(run, asked_model="m")
    try:
        yield reply, drafts.get(timeout=60)
    finally:
        reply.stop()
        reply.wait()


def delta(text: str) -> ChatCompletionChunk:
    """Return the chunk that adds *text*."""
    return ChatCompletionChunk({"choices": [{"index": 0, "delta": {"content": text}}]})


def tail(text: str, covered: int) -> str:
    """Return what a page shows as text behind its HTML: it counts in UTF-16."""
    return text.encode("utf-16-le")[2 * covered :].decode("utf-16-le")


def flat(html: str) -> str:
    """Return HTML without the line ends between blocks, which show nowhere."""
    return html.replace("\n", "")


@settings(max_examples=200 if ALL else 40)
@given(text=TEXTS, sizes=st.lists(st.integers(0, 40), max_size=12))
def test_a_growing_answer(text: str, sizes: list[int]) -> None:
    """A page has the text so far, and blocks and tail are the whole, at any time."""
    with under_way() as (reply, draft):
        growing = Growing(reply)
        page: dict[str, Any] = {"text": "", "html": "", "covered": 0}
        for piece in cut(halves(text), sizes):
            draft.add(delta(piece))
            grow(page, growing.news())
            rest = tail(page["text"], page["covered"])

            assert text.startswith(page["text"])
            assert flat(bundle.html_of(page["text"])) == flat(
                page["html"] + bundle.html_of(rest)
            )
            assert page["text"] == growing.text
            assert (page["html"], page["covered"]) == (growing.html, growing.covered)

        news, is_all = growing.end(turn_of(question=Question("q"), text=text))
        grow(page, news)

        assert is_all
        assert text == page["text"]
        assert "" == tail(text, page["covered"])
        assert flat(bundle.html_of(text)) == flat(page["html"])


@given(pieces=st.lists(st.text(st.characters(codec=None), max_size=8), max_size=8))
def test_any_text_grows_to_its_whole(pieces: list[str]) -> None:
    """Also of halves that find no other half; what a page has is never taken back."""
    with under_way() as (reply, draft):
        growing = Growing(reply)
        page: dict[str, Any] = {"text": "", "html": "", "covered": 0}
        for piece in pieces:
            draft.add(delta(piece))
            grow(page, growing.news())
        news, _ = growing.end(turn_of(question=Question("q"), text=reply.text))
        grow(page, news)

        assert reply.text == page["text"]


@settings(max_examples=200 if ALL else 40)
@given(
    before=st.sampled_from(["So, **well**", "One.\n\nTwo.", "- a\n- b", "Hm"]),
    end=st.sampled_from(["\n</think>\n", "</think>\n\n", " </think> \r\n"]),
    text=TEXTS,
    sizes=st.lists(st.integers(0, 40), max_size=12),
)
def test_what_turns_out_to_be_thinking(
    before: str, end: str, text: str, sizes: list[int]
) -> None:
    """The page shows what the answer is at any time, and nothing of it twice."""
    with under_way() as (reply, draft):
        growing = Growing(reply)
        page: dict[str, Any] = {"text": "", "thought": "", "html": "", "covered": 0}
        for piece in cut(f"{before}{end}{text}", sizes):
            draft.add(delta(piece))
            grow(page, growing.news())

            assert (reply.text, reply.reasoning) == (page["text"], page["thought"])
            assert (page["html"], page["covered"]) == (growing.html, growing.covered)

            rest = tail(page["text"], page["covered"])

            assert flat(bundle.html_of(reply.text)) == flat(
                page["html"] + bundle.html_of(rest)
            )


def test_what_turns_out_to_be_thinking_at_the_end() -> None:
    """Where nobody looked in between, the page is sent the whole."""
    with under_way() as (reply, draft):
        growing = Growing(reply)
        draft.add(delta("So, well"))
        growing.news()
        turn = turn_of(question=Question("q"), text="It is.", reasoning="So, well")

        assert ({}, False) == growing.end(turn)


def test_what_turns_out_to_be_a_refusal() -> None:
    """An answer that comes after one takes its place."""
    with under_way() as (reply, draft):
        growing = Growing(reply)
        page: dict[str, Any] = {"text": "", "html": "", "covered": 0}
        refused = {"choices": [{"index": 0, "delta": {"refusal": "No.\n\nNever."}}]}
        draft.add(ChatCompletionChunk(refused))
        grow(page, growing.news())

        assert "No.\n\nNever." == page["text"]

        draft.add(delta("Or **yes**.\n\nWell"))
        grow(page, growing.news())

    assert "Or **yes**.\n\nWell" == page["text"]
    assert flat(bundle.html_of("Or **yes**.")) == flat(page["html"])


def test_an_answer_of_more_than_one_text_is_sent_anew() -> None:
    """A picture stands between its texts, or before or behind the only one.

    Thinking between them does not part them.
    """
    picture = Picture("image/gif", b"GIF89a")
    wholes = []
    for parts in (
        (Text("A"),),
        (Text("A"), picture),
        (Text("A"), picture, Text("B")),
        (Text("A"), Reasoning("Hm."), Text("B")),
    ):
        with under_way() as (reply, draft):
            growing = Growing(reply)
            draft.add(delta("A"))
            _, is_all = growing.end(Turn(question=Question("q"), answers=(parts,)))
        wholes.append(is_all)

    assert [True, False, False, True] == wholes


def test_a_block_that_changes_late_is_sent_anew() -> None:
    """The target of a link may come at the end: the page needs the whole once more."""
    first, second = "A [link][r].\n\nMore.\n\n", "[r]: https://docs.example/\n"
    with under_way() as (reply, draft):
        growing = Growing(reply)
        draft.add(delta(first))
        growing.news()
        _, is_all = growing.end(turn_of(question=Question("q"), text=first + second))

    assert not is_all


def grow(turn: dict[str, Any], news: dict[str, Any]) -> None:
    """Do what the page does with news of an answer."""
    if news.get("anew"):
        turn |= {"text": "", "thought": "", "html": "", "covered": 0}
    turn["thought"] = turn.get("thought", "") + news.get("thought", "")
    turn["text"] += news.get("text", "")
    if "blocks" in news:
        turn["html"] += "".join(news["blocks"])
        turn["covered"] = news["covered"]


class Page:
    """A page that shows a transcript, as the JavaScript does it."""

    most = 30

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.start = self.total = 0
        self.turns: list[dict[str, Any]] = []
        self.following = True

    @property
    def end(self) -> int:
        return self.start + len(self.turns)

    def take(self, message: dict[str, Any]) -> None:
        getattr(self, f"_{message['kind']}")(**message)

    def _show(self, *, at: int, total: int, turns: list[Any], **_: Any) -> None:
        self.start, self.total, self.following = at, total, True
        self.turns = [self._shown({}, item) for item in turns]

    def _splice(
        self, *, at: int, gone: int, total: int, turns: list[Any], **_: Any
    ) -> None:
        was_last, self.total = self.end == self.total, total
        if at + gone < self.start or (at + gone == self.start > 0 and at < self.start):
            self.start += len(turns) - gone
        elif at < self.end or (at == self.end and was_last):
            self._replace(at, gone, turns)
        self._edges()

    def _replace(self, at: int, gone: int, items: list[Any]) -> None:
        first = max(at - self.start, 0)
        until = max(min(at + gone - self.start, len(self.turns)), first)
        former = {turn["id"]: turn for turn in self.turns[first:until]}
        blank = [
            number
            for number, item in enumerate(items)
            if item["html"] is None and item["id"] not in former
        ]
        begin, end = 0, len(items)
        if blank and first:
            end = blank[0]
            del self.turns[until:]
        elif blank:
            begin = blank[-1] + 1
        self.turns[first:until] = [
            self._shown(former.get(item["id"], {}), item) for item in items[begin:end]
        ]
        self.start = self.start if first else at + begin

    def _page(self, *, at: int, total: int, turns: list[Any], **_: Any) -> None:
        self.total = total
        made = [self._shown({}, item) for item in turns]
        if at + len(made) == self.start:
            self.turns[:0], self.start = made, at
        elif at == self.end:
            self.turns += made
            self._trim()
        self._edges()

    def _stale(self, *, turns: dict[str, bool], **_: Any) -> None:
        for turn in self.turns:
            if not turn["open"]:
                turn["stale"] = turns.get(turn["id"], turn["stale"])

    def _grow(self, *, id: str, **news: Any) -> None:  # noqa: A002  its name there
        for turn in self.turns:
            if turn["id"] == id:
                grow(turn, news)

    def _shown(self, turn: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
        html = turn["html"] if item["html"] is None else item["html"]
        # What is not known must not be said to be known; the page would ask for all.
        return {**item, "covered": item.get("covered", 0), "html": html}

    def _edges(self) -> None:
        if self.following and self.end == self.total:
            self._trim()
        del self.turns[self.most :]

    def _trim(self) -> None:
        self.start += max(len(self.turns) - self.most, 0)
        del self.turns[: -self.most]

    def scroll(self, *, up: bool) -> None:
        """Ask for the turns before those that are here, or after them."""
        if up and self.start:
            self.following = False
            first = max(self.start - PAGE, 0)
            self.take(self.feed.page(first, self.start))
        elif not up and self.end < self.total:
            self.take(self.feed.page(self.end, self.end + PAGE))
        if not up and self.end == self.total:
            self.following = True

    def fill(self) -> None:
        """Ask for the turns before those that are here while there is room for them."""
        while self.start and len(self.turns) < PAGE // 4:
            self.take(self.feed.page(max(self.start - PAGE, 0), self.start))


BEGUN = "Some *text*.\n\nAnd 😀 an open"


class Machine(RuleBasedStateMachine):
    """People who ask, stop, take back and branch while two pages look on."""

    server: ScriptedServer
    client: AsyncApertis
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.talk = Conversation(client=self.client)
        self.feed = Feed()
        self.last, self.reader = Page(self.feed), Page(self.feed)
        self.dropped: list[Any] = []
        self.answers()

    def teardown(self) -> None:
        for each in self.talk.under_way:
            each.reply.settle()
        self.look()

    def __iter__(self) -> Iterator[Any]:
        """Give the steps of an answer; its gate is that of the moment it begins."""
        gate = self.gate
        yield chunk(BEGUN)
        yield Wait(gate)
        yield chunk(" end.\n\n- so", finish="stop")
        yield DONE

    @rule()
    def answers(self) -> None:
        """The server answers from now on."""
        self.server.will(Answer(self))

    @rule(cut=st.booleans())
    def fails(self, *, cut: bool) -> None:
        """The server fails from now on, at once or in mid-answer."""
        broken = Answer((chunk("It broke"), Cut()))
        self.server.will(broken if cut else fails(400))

    def settle(self) -> None:
        """Wait until what is under way can go no further by itself."""
        for each in self.talk.under_way:
            for text in each.reply.watch(0):
                if text.endswith(BEGUN):
                    return

    @rule(cell=st.sampled_from([None, "c1", "c2"]))
    def ask(self, cell: str | None) -> None:
        """Ask, in a cell that may have asked before or in none."""
        number = str(next(self.numbers))
        placement = Placement(cell=Cell(cell, number) if cell else None)
        self.talk.ask(f"q{number}", placement=placement, max_retries=0)
        self.settle()

    @precondition(lambda self: self.talk.under_way)
    @rule()
    def finish(self) -> None:
        """The answer that is under way ends."""
        reply = self.talk.under_way[0].reply
        before, self.gate = self.gate, threading.Event()
        before.set()
        reply.wait()
        self.settle()

    @precondition(lambda self: self.talk.under_way)
    @rule(at=st.integers(0, 9))
    def stop(self, at: int) -> None:
        """Stop an answer, also one that waits for the one before it."""
        each = self.talk.under_way[at % len(self.talk.under_way)]
        each.reply.settle()
        self.settle()

    @precondition(lambda self: self.talk.turns)
    @rule(at=st.integers(0, 60), edit=st.booleans())
    def retry(self, at: int, *, edit: bool) -> None:
        """Ask one of the turns again, or another question in its place."""
        turn = self.talk.turns[at % len(self.talk.turns)]
        if edit:
            placement = Placement(replaces=turn.id)
            self.talk.ask("edited", placement=placement, max_retries=0)
        else:
            self.talk.retry(turn.id, max_retries=0)
        self.settle()

    @precondition(lambda self: self.talk.turns)
    @rule(at=st.integers(0, 60))
    def drop(self, at: int) -> None:
        """Take one of the turns out."""
        turn = self.talk.turns[at % len(self.talk.turns)]
        self.dropped.append(self.talk.transcript.drop(turn.id))

    @precondition(lambda self: self.dropped)
    @rule()
    def put_back(self) -> None:
        """Put the last that was taken out back."""
        self.talk.transcript.put_back(*self.dropped.pop())

    @rule(number=st.integers(1, 3) | st.integers(15, 40))
    def undo(self, number: int) -> None:
        """Take the last turns back."""
        self.talk.undo(number)

    @precondition(lambda self: self.talk.turns and not self.talk.under_way)
    @rule(at=st.integers(0, 60))
    def fork(self, at: int) -> None:
        """Go on in a fork."""
        through = self.talk.turns[at % len(self.talk.turns)].id
        self.talk, self.dropped = self.talk.fork("fork", through=through), []

    @precondition(lambda self: not self.talk.under_way)
    @rule(number=st.integers(0, 70))
    def adopt(self, number: int) -> None:
        """Go on with a conversation that has many turns."""
        turn = turn_of(
            question=Question("old"), text="*old*", finish="stop", asked_model="m"
        )
        turns = [replace(turn, id=f"old {n}") for n in range(number)]
        state = State(name="old", history=history_of(turns))
        self.talk, self.dropped = taken_up(state), []
        self.talk._client = self.client

    @rule(up=st.booleans())
    def scroll(self, *, up: bool) -> None:
        """The reader asks for older turns, or goes back to later ones."""
        self.reader.scroll(up=up)

    @rule()
    def look(self) -> None:
        """The pages hear what is new, and show what there is."""
        for message in self.feed.news(self.talk):
            self.last.take(message)
            self.reader.take(message)
        self.last.fill()
        for page in (self.last, self.reader):
            self.check(page)

    def check(self, page: Page) -> None:
        """See that a page shows a part of what there is, and nothing else."""
        now = rows_of(*self.talk.view, {})
        shown = now[page.start : page.end]

        assert len(now) == page.total
        assert [row.id for row in shown] == [turn["id"] for turn in page.turns]
        assert len(page.turns) <= Page.most
        assert page is self.reader or page.end == page.total

        for row, turn in zip(shown, page.turns, strict=True):
            self.check_turn(row, turn)

    def check_turn(self, row: Row, turn: dict[str, Any]) -> None:
        """See that one turn is shown as it is."""
        asked = row.under_way
        if asked is not None:
            covered = asked.reply.text[: -len(tail(turn["text"], turn["covered"]))]

            assert (True, asked.ask.question.typed) == (turn["open"], turn["question"])
            assert asked.reply.text == turn["text"]
            assert not covered or flat(bundle.html_of(covered)) == flat(turn["html"])
            return

        expected = ended_turn(replace(row, failed=self.feed_row(row).failed))

        assert flat(expected.pop("html")) == flat(turn["html"])
        assert expected == {name: turn[name] for name in expected}

    def feed_row(self, row: Row) -> Row:
        """Return what the feed has where that row is."""
        return next(each for each in self.feed._rows if each.id == row.id)


@pytest.fixture
def client(server: ScriptedServer) -> AsyncApertis:
    """Return a client of the scripted server."""
    return AsyncApertis("k", server.url)


def test_pages_show_what_there_is(server: ScriptedServer, client: AsyncApertis) -> None:
    """Whatever happens, a page at the end and one that scrolls show the rows."""
    Machine.server, Machine.client = server, client
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60 if ALL else 20,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_try_that_failed_is_told(
    server: ScriptedServer, client: AsyncApertis
) -> None:
    """It stands with the answer that it did not replace."""
    server.will(fails(400, "too odd"))
    turn = turn_of(question=Question("q"), text="a", finish="stop", asked_model="m")
    talk = taken_up(State(name="x", history=history_of([turn])))
    talk._client = client
    feed = Feed()
    page = Page(feed)

    def look() -> None:
        for message in feed.news(talk):
            page.take(message)

    look()
    gate = threading.Event()
    server.will(replace(fails(400, "too odd"), before_headers=Wait(gate)))
    reply = talk.retry(turn.id)
    look()

    assert [True] == [each["open"] for each in page.turns]

    gate.set()
    reply.wait()
    look()
    [shown] = page.turns

    assert (turn.id, "a", False) == (shown["id"], shown["text"], shown["open"])
    assert "too odd" in shown["failed"][0]


# Values of any kind that JSON has.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = sorted({name for fields in requests._FIELDS.values() for name in fields})
MESSAGES = st.fixed_dictionaries(
    {"kind": st.sampled_from(sorted(requests._FIELDS)) | JSON},
    optional={
        name: st.sampled_from(["", "x", 0, 1, [], ["a.png"]]) | JSON for name in FIELDS
    },
)


@given(content=JSON | MESSAGES, buffers=st.lists(st.binary(max_size=3), max_size=2))
def test_a_message_is_good_or_none(content: Any, buffers: list[bytes]) -> None:
    """Whatever a page sends is a request of checked values, or says what is wrong."""
    try:
        request = requests.read(content, buffers)
    except ValueError:
        return

    sent = requests._FIELDS[request.kind]

    assert isinstance(request, Request)
    named = set(sent) - {"names", "anyway"}

    assert {
        name: mend(v) if isinstance(v := content[name], str) else v for name in named
    } == {name: getattr(request, name) for name in named}
    assert request.anyway == content.get("anyway", False)
    assert content.get("names", []) == [n for n, _ in request.files] or (
        "names" not in sent
    )


@pytest.mark.parametrize("kind", sorted(requests._FIELDS))
def test_a_message_of_each_kind(kind: str) -> None:
    """One with all its fields is taken; one that lacks a field is not."""
    empty: dict[type, Any] = {str: "x", int: 1, bool: True, list: ["a"]}
    fields = {n: empty[t] for n, t in requests._FIELDS[kind].items()}
    buffers = [b"1"] if "names" in fields else []

    assert kind == requests.read({"kind": kind, **fields}, buffers).kind

    for name in set(fields) - {"anyway"}:
        lacking = {k: v for k, v in fields.items() if k != name}
        with pytest.raises(ValueError, match=name):
            requests.read({"kind": kind, **lacking}, buffers)


@pytest.mark.parametrize(
    ("content", "buffers", "told"),
    [
        ({"kind": "new", "token": "x" * 1_001}, [], "too long"),
        ({"kind": "model", "token": "", "name": "x" * 1_001}, [], "too long"),
        ({"kind": "system", "token": "", "text": "x" * 2_000_001}, [], "too long"),
        ({"kind": "fork", "token": "", "turn": "", "anyway": True}, [], "anyway"),
        ({"kind": "new", "token": "", "path": "/etc"}, [], "no 'path'"),
        ({"kind": "retry", "token": "", "turn": "", "anyway": 1}, [], "int"),
        ({"kind": "page", "view": "", "first": -1, "last": 1}, [], "out of range"),
        ({"kind": "page", "view": "", "first": True, "last": 1}, [], "bool"),
        ({"kind": "ask", "token": "", "text": "", "names": [1]}, [b""], "names"),
        ({"kind": "new", "token": ""}, [b""], "names"),
        (
            {"kind": "ask", "token": "", "text": "", "names": ["a"] * 101},
            [b""] * 101,
            "names",
        ),
        (
            {"kind": "ask", "token": "", "text": "", "names": ["a"]},
            [bytes(8_000_001)],
            "too large",
        ),
    ],
)
def test_messages_that_no_page_sends(
    content: Any, buffers: list[bytes], told: str
) -> None:
    """Each says in a few words what is wrong with it."""
    with pytest.raises(ValueError, match=told):
        requests.read(content, buffers)


NAMES = st.sampled_from([param.name for param in fields.FIELDS])


@given(
    name=NAMES | st.text(max_size=5),
    text=st.text(max_size=8) | st.floats().map(str) | st.integers().map(str),
)
@example(name="max_tokens", text="Infinity")
@example(name="max_tokens", text="[1]")
@example(name="max_tokens", text="null")
@example(name="max_tokens", text="true")
@example(name="stop", text="true")
@example(name="max_tokens", text="1e400")
@example(name="max_tokens", text="9" * 5000)
@example(name="temperature", text="NaN")
def test_what_is_typed_is_a_value_or_says_why(name: str, text: str) -> None:
    """Blank is unset, a value is one that may be sent, and all else is refused."""
    try:
        value = fields.read(name, text)
    except ConfigurationError:
        return

    assert (value is None) == (not text.strip())

    if value is not None:
        check({name: value})

        assert "true" != text.strip() or name in ("stop", "reasoning_effort")
        assert value == fields.read(name, fields.as_typed({name: value})[name])


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0", 0),
        ("temperature", " 0,7 ", 0.7),
        ("max_tokens", "20", 20),
        ("max_tokens", "2e1", 20),
        ("stop", "a\n\n b ", ["a", " b "]),
        ("seed", "0", 0),
        ("reasoning_effort", " low ", "low"),
        ("temperature", "  ", None),
        ("stop", "\n", None),
    ],
)
def test_what_people_type(name: str, text: str, value: Any) -> None:
    """Zero is a value, a comma is a point, and each line is a stop word."""
    assert value == fields.read(name, text)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "cannot be blank"),
        ("sk-" + "a1" * 12, "cannot be a key"),
        (Conversation(), "by its name, not by a Conversation"),
    ],
)
def test_a_name_that_is_none(name: Any, problem: str) -> None:
    """A panel says so, and the current conversation stays the current one."""
    with pytest.raises(ConfigurationError, match=problem):
        ChatPanel(name)

    assert "main" == session.current().current.name
