"""An answer ends once it is whole, although its server leaves the connection open."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_server import Make, RawServer
from scripted_server import (
    DONE,
    NEVER,
    PATIENCE,
    USAGE,
    Answer,
    ScriptedServer,
    chunk,
    event,
    json_answer,
    says,
)

from apertis_magic import Apertis, AsyncApertis, Conversation, errors
from apertis_magic.api import answer as api
from apertis_magic.api.capabilities import Capabilities
from apertis_magic.api.ending import Ending, Expected
from apertis_magic.api.response import Response
from apertis_magic.api.stream import AsyncStream
from apertis_magic.api.types import ChatCompletion
from apertis_magic.chat.continuation import Continuation

HELLO = [{"role": "user", "content": "Hello!"}]
TELLING = {"stream_options": {"include_usage": True}}
END = chunk(finish="stop")
TOLD = event({"model": "served", "choices": [], "usage": USAGE})
EMPTY = [{"index": 0, "delta": {}}]
TOLD_BY_GATEWAY = event({"model": "served", "choices": EMPTY, "usage": USAGE})
"""As LiteLLM tells the usage."""

LATE_ERROR = event(
    {"error": {"message": "litellm.Timeout: timed out.", "type": None, "code": "408"}}
)
"""What LiteLLM says once it has waited too long for its upstream's end."""

WHOLE = json.dumps(
    {
        "model": "served",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "ab"},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()
SOON = PATIENCE / 2
"""Seconds that bound an end which takes about one; an open connection takes more."""


def of_choice(index: int, text: str, finish: str | None = None) -> bytes:
    """Return the event of a chunk of one of several choices."""
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return event({"model": "served", "choices": [choice]})


@dataclass(frozen=True)
class Open:
    """What a server sends that never ends its response.

    Attributes:
        pieces: what it sends at once.
        beat: what it sends again and again from then on; nothing where it is empty.
        kind: the media type that it tells.
        options: the arguments of the request.
    """

    pieces: tuple[bytes, ...]
    beat: bytes = b""
    kind: str = "text/event-stream"
    options: Any = None

    def made(self, over: threading.Event) -> Make:
        """Return what makes the response, which lasts until *over* is set."""
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {self.kind}\r\n\r\n".encode()

        def make() -> Iterator[bytes]:
            yield head
            yield from self.pieces
            while not over.wait(0.05):
                yield self.beat

        return make


AB = (chunk("a"), chunk("b"))
PING = event({"type": "ping"})
BLANK = event({"choices": [{"index": 0, "delta": {"content": ""}}]})
OPEN: dict[str, Open] = {
    "silence": Open((*AB, END)),
    "silence after the usage": Open((*AB, END, TOLD), options=TELLING),
    "the usage beside the finish reason": Open(
        (*AB, chunk(finish="stop", usage=USAGE)), options=TELLING
    ),
    "comments": Open((*AB, END), b": keep-alive\n\n"),
    "comments without a blank line": Open((*AB, END), b": keep-alive\n"),
    "empty comments": Open((*AB, END), b":\n"),
    "empty events": Open((*AB, END), b"data:\n\n"),
    "empty lines of data": Open((*AB, END), b"data:\n"),
    "empty pieces": Open((*AB, END), BLANK),
    "pieces without choices": Open((*AB, END), event({"choices": []})),
    "blanks": Open((*AB, END), b" "),
    "pings": Open((*AB, END), PING),
    "pings by name": Open((*AB, END), b"event: ping\ndata: {}\n\n"),
    "the finish reason again and again": Open((*AB, END), END),
    "the usage again and again": Open((*AB, END), TOLD),
    "the last word with its finish reason": Open((chunk("a"), chunk("b", finish="x"))),
    "text behind the finish reason": Open((chunk("a"), END, chunk("b"))),
    "another end than [DONE]": Open((*AB, END, b"data: [DONE]x\n\n")),
    "the finish reason without its blank line": Open((*AB, END[:-1])),
    "the finish reason without its line's end": Open((*AB, END[:-2])),
    "text without its blank line": Open((chunk("a"), END, chunk("b")[:-1])),
    "usage without its blank line": Open((*AB, END, TOLD[:-1]), b": x\n"),
    "half an event": Open((*AB, END, chunk("c")[:20])),
    "[DONE] without its blank line": Open((*AB, b"data: [DONE]\n")),
    "several choices": Open(
        (of_choice(0, "ab", "stop"), of_choice(1, "cd", "stop")), options={"n": 2}
    ),
    "a whole answer": Open((WHOLE,), kind="application/json"),
    "a whole answer and blank lines": Open((WHOLE,), b"\n", kind="application/json"),
    "a whole answer as a stream": Open((b" ", WHOLE[:30], WHOLE[30:])),
    "a stream under another name": Open((*AB, END), kind="text/plain"),
}


@pytest.fixture(scope="module")
def raw() -> Iterator[RawServer]:
    """Yield a server that leaves every response open."""
    over = threading.Event()
    listed = Open((b'{"data": [{"id"', b': "m"}]}'), b"\n", kind="application/json")
    with RawServer(
        {n: each.made(over) for n, each in {**named(), "list": listed}.items()}
    ) as made:
        yield made
        over.set()


def named() -> dict[str, Open]:
    """Return what the server sends, each under a name that a path can have."""
    return {str(number): each for number, each in enumerate(OPEN.values())}


async def asked(raw: RawServer, name: str, *, stream: bool) -> ChatCompletion:
    """Ask for one of the answers, and return it once it has ended."""
    options = named()[name].options or {}
    if not stream:
        options = {key: v for key, v in options.items() if key != "stream_options"}
    async with AsyncApertis(base_url=raw.url(name)) as client:
        found = await client.chat.completions.create(
            model="m", messages=HELLO, stream=stream, **options
        )
        return found if isinstance(found, ChatCompletion) else await found.completion()


async def all_asked(raw: RawServer, *, stream: bool) -> dict[str, Any]:
    """Ask for all of them at once, which takes as long as one."""
    found = await asyncio.gather(
        *(asyncio.wait_for(asked(raw, name, stream=stream), SOON) for name in named()),
        return_exceptions=True,
    )
    return dict(zip(OPEN, found, strict=True))


@pytest.mark.parametrize("stream", [True, False])
def test_every_answer_ends_and_has_all_that_came(
    raw: RawServer, *, stream: bool
) -> None:
    """Whatever the server goes on with, and whether a stream was asked for."""
    found = asyncio.run(all_asked(raw, stream=stream))
    lost = {name: each for name, each in found.items() if isinstance(each, Exception)}

    assert {} == lost

    texts = {n: [c.message.content for c in each.choices] for n, each in found.items()}
    told = {name for name, each in found.items() if each.usage is not None}

    assert {
        name: ["ab", "cd"] if name == "several choices" else ["ab"] for name in OPEN
    } == texts
    assert {name for name in OPEN if "usage" in name or "whole" in name} == told


def test_a_list_ends_too(raw: RawServer) -> None:
    """Of models, say: a body of JSON that is whole."""
    models = Apertis(base_url=raw.url("list"), max_retries=0).models.list()

    assert ["m"] == [model.id for model in models.data]


def test_what_is_no_end_is_counted(raw: RawServer) -> None:
    """``[DONE]`` with anything beside it is an event that cannot be read."""
    name = str(list(OPEN).index("another end than [DONE]"))
    stream = Apertis(base_url=raw.url(name)).chat.completions.create(
        model="m", messages=HELLO, stream=True
    )

    assert "ab" == stream.completion().choices[0].message.content
    assert 1 == stream.malformed


def of_stream(server: ScriptedServer) -> str:
    """Take the chunks in a thread."""
    stream = Apertis(base_url=server.url).chat.completions.create(
        model="m", messages=HELLO, stream=True
    )
    return "".join(c.delta.content or "" for each in stream for c in each.choices)


def of_whole(server: ScriptedServer) -> str | None:
    """Ask for no stream."""
    whole = Apertis(base_url=server.url).chat.completions.create(
        model="m", messages=HELLO
    )
    return whole.choices[0].message.content


def of_conversation(_server: ScriptedServer) -> str:
    """Ask as cells do."""
    return Conversation().ask("Hello!").result().text


@pytest.mark.parametrize("way", [of_stream, of_whole, of_conversation])
def test_who_asks_has_the_answer_and_the_connection_is_closed(
    server: ScriptedServer, way: Callable[[ScriptedServer], str | None]
) -> None:
    """The server never ends it; the next request has a connection of its own."""
    server.will(Answer((*AB, END, NEVER)), says("b"))

    assert "ab" == way(server)
    assert server.hung_up.wait(PATIENCE)
    assert "b" == way(server)
    assert 2 == server.connections


def test_an_error_on_an_open_connection_is_told(server: ScriptedServer) -> None:
    """A body that is whole is an answer, or says why there is none."""
    body = b'{"error": {"message": "out of luck"}}'
    server.will(Answer((body, NEVER), headers={"Content-Type": "application/json"}))
    for stream in (True, False):
        with pytest.raises(errors.StreamError, match="out of luck"):
            of_stream(server) if stream else of_whole(server)


def test_what_a_server_can_do_is_known_by_its_answers(server: ScriptedServer) -> None:
    """That it answers, and whether a stream has its usage where that is asked for."""
    server.will(json_answer({"data": []}), says("a"), says("b", usage=None), says("c"))
    client = Apertis(base_url=server.url)
    found: list[tuple[bool, bool]] = []

    def look() -> None:
        known = client.capabilities
        found.append((known.answers, known.tells_usage))

    client.models.list()
    look()
    for options in ({}, TELLING, TELLING):
        client.chat.completions.create(
            model="m", messages=HELLO, stream=True, **options
        ).completion()
        look()

    assert [(False, False), (True, False), (True, False), (True, True)] == found


# When exactly: by a clock that the test turns.

STREAM = Response.of(200, {"content-type": "text/event-stream"})


def came(*pieces: bytes) -> api.Answer:
    """Return an answer of which so much has come."""
    made = api.Answer(STREAM, lambda text: text)
    for piece in pieces:
        list(made.feed(piece))
    return made


def seconds(
    answer: api.Answer, expected: Expected | None = None, *, tells_usage: bool = False
) -> float | None:
    """Return after how many seconds of silence an answer has ended."""
    ending = Ending(expected or Expected(), Capabilities(tells_usage=tells_usage))
    now = 100.0
    while (left := ending.left(answer, now)) is not None and left > 0:
        now += left
    return None if left is None else now - 100.0


USAGE_TOO = Expected(usage=True)


def test_how_long_an_answer_is_waited_for() -> None:
    """A second where nothing lacks; longer where more may come."""
    habit = [chunk(word, finish="stop") for word in "abc"]
    begun = came(of_choice(0, "a", "stop"), of_choice(1, "b"))

    assert 1.0 == seconds(came(*AB, END))
    assert 1.0 == seconds(came(*AB, END), USAGE_TOO)
    assert 5.0 == seconds(came(*AB, END), USAGE_TOO, tells_usage=True)
    assert 1.0 == seconds(came(*AB, END, TOLD), USAGE_TOO, tells_usage=True)
    assert 1.0 == seconds(came(*AB, END), tells_usage=True)
    assert 30.0 == seconds(came(*AB, END), Expected(choices=2))
    assert 1.0 == seconds(came(*AB, END, TOLD), Expected(choices=2))
    assert 30.0 == seconds(came(*habit))
    assert seconds(begun) is None
    assert seconds(begun, Expected(choices=2)) is None


@pytest.mark.parametrize("told", [TOLD, TOLD_BY_GATEWAY, TOLD + PING])
def test_the_usage_by_itself_is_the_last(told: bytes) -> None:
    """No choice is waited for behind it, nor a finish reason that a gateway lost."""
    two = of_choice(0, "a"), of_choice(1, "b")

    assert 1.0 == seconds(came(*two, END, told), Expected(choices=2))
    assert seconds(came(*two, told, END), Expected(choices=2)) is None
    assert seconds(came(*two, END, told, two[1]), Expected(choices=2)) is None
    assert seconds(came(*two, told), Expected(choices=2)) is None


def test_a_habit_is_remembered_of_a_model() -> None:
    """Whose answers go on behind a finish reason is waited for from the first one."""
    known = Capabilities()
    habit = came(*(chunk(word, finish="stop") for word in "abc"))
    Ending(Expected(model="gemini"), known).left(habit, 0.0)
    waits = Ending(Expected(model="gemini"), known), Ending(Expected(model="m"), known)
    for now in (0.0, 0.5):
        assert [0.5, 0.5] == [each.left(came(*AB, END), now) for each in waits]

    assert [0.5, 0.0] == [each.left(came(*AB, END), 1.0) for each in waits]


def test_what_a_look_finds_has_been_waited_for() -> None:
    """An event without its blank line costs no second of its own."""
    answer, ending = came(*AB, END, TOLD[:-1]), Ending(Expected(), Capabilities())
    left = [ending.left(answer, now) for now in (0.0, 0.5, 1.0)]
    list(answer.look())
    ending.note_look(answer)

    assert [0.5, 0.5, 0.0, 0.0] == [*left, ending.left(answer, 1.0)]
    assert answer.assembly.usage is not None


@pytest.mark.parametrize(
    "error",
    [
        LATE_ERROR,
        b"event: error\n" + LATE_ERROR,
        event({"error": {"message": "Connection error.", "code": 502}}),
    ],
)
def test_an_error_behind_a_whole_answer_is_its_end(error: bytes) -> None:
    """The gateway's trouble with its upstream is none of ours."""
    answer = came(*AB, END, error + chunk("c"))

    assert ("ab", True, True) == (answer.text, answer.complete, answer.done)


@pytest.mark.parametrize(
    ("choices", "pieces"),
    [
        (1, [*AB, LATE_ERROR]),
        (1, [*AB, END, event({"error": "timed out"})]),
        (1, [*AB, END, event({"error": {"message": "timed out", "code": 400}})]),
        (2, [*AB, END, LATE_ERROR]),
        (2, [of_choice(0, "a", "stop"), of_choice(1, "b"), LATE_ERROR]),
        (1, [chunk("a"), chunk(finish="error", error={"message": "timed out"})]),
    ],
)
def test_an_error_before_the_end_is_told(choices: int, pieces: list[bytes]) -> None:
    """Also where one of several answers has ended, or its very chunk says it."""
    answer = api.Answer(STREAM, lambda text: text, choices)
    for piece in pieces[:-1]:
        list(answer.feed(piece))
    with pytest.raises(errors.StreamError, match="timed out"):
        list(answer.feed(pieces[-1]))


def test_a_late_error_costs_nobody_the_answer(server: ScriptedServer) -> None:
    """In a cell, in a program, and for those who ask next."""
    server.will(Answer((*AB, END, LATE_ERROR)))
    turn = Conversation().ask("Hello!").result()

    assert ("ab", "stop", "") == (turn.text, turn.finish, turn.error)
    assert "ab" == of_stream(server)


def test_an_answer_belongs_to_its_loop(server: ScriptedServer) -> None:
    """Another loop is told so, where it would wait for ever; it can be closed there."""
    server.will(Answer((chunk("a"), NEVER)))
    client = AsyncApertis(base_url=server.url)

    async def begun() -> AsyncStream:
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True
        )
        await anext(stream)
        return stream

    async def rest() -> None:
        with pytest.raises(errors.StreamError, match="the loop that asked"):
            await anext(stream)
        await stream.aclose()

    with asyncio.Runner() as runner:
        stream = runner.run(begun())
        threads = ThreadPoolExecutor(1)
        threads.submit(asyncio.run, rest()).result(PATIENCE)


def test_what_is_held_of_a_rest_is_growth_too() -> None:
    """The rest of an answer is held while it repeats what came before."""
    answer, ending = came(), Ending(Expected(), Capabilities())
    answer.assembly.choices[0] = Continuation("abcdefgh")
    list(answer.feed(chunk("abcd", finish="stop")))

    assert 0.5 == ending.left(answer, 0.0)
    assert 0.5 == ending.left(answer, 0.5)
    list(answer.feed(chunk("ef")))
    assert 0.5 == ending.left(answer, 1.0)
    assert 0.5 == ending.left(answer, 1.5)
    assert 0.0 == ending.left(answer, 2.0)


def test_what_still_comes_is_waited_for_anew() -> None:
    """Text is; signs of life are not."""
    answer = came(*AB, END)
    ending = Ending(Expected(), Capabilities())

    assert 0.5 == ending.left(answer, 0.0)
    assert 0.5 == ending.left(answer, 0.5)
    list(answer.feed(chunk("c")))
    assert 0.5 == ending.left(answer, 0.75)
    list(answer.feed(b": keep-alive\n\n"))
    assert 0.5 == ending.left(answer, 1.25)
    list(answer.feed(BLANK))
    assert 0.0 == ending.left(answer, 1.75)


def test_a_pause_of_our_own_is_no_silence() -> None:
    """The kernel was stopped, or busy: what came meanwhile has not been read yet."""
    ending, answer = Ending(Expected(), Capabilities()), came(*AB, END)

    assert 0.5 == ending.left(answer, 0.0)
    assert 0.5 == ending.left(answer, 90.0)
    assert 0.0 == ending.left(answer, 90.5)


STREAMED = b"".join([*AB, END, TOLD])
LAST = len(STREAMED) - len(TOLD)
"""Where the finish reason has come with all of its event."""


@given(
    st.lists(st.integers(1, len(STREAMED) - 1), max_size=9).map(sorted),
    st.integers(LAST - 2, len(STREAMED)),
)
def test_an_open_end_is_as_good_as_a_closed_one(cuts: list[int], end: int) -> None:
    """However the bytes were cut, and wherever they stop behind the finish reason."""
    cut = [at for at in cuts if at < end]
    steps = zip([0, *cut], [*cut, end], strict=True)
    pieces = [STREAMED[start:stop] for start, stop in steps]
    left_open, ended = came(*pieces), came(*pieces)
    list(ended.close())
    while seconds(left_open) is not None and not left_open.closed:
        list(left_open.look() if left_open.waits else left_open.close())

    assert left_open.closed
    assert as_known(ended) == as_known(left_open)


def as_known(answer: api.Answer) -> tuple[object, ...]:
    """Return what is known of an answer that has ended."""
    told = answer.assembly.usage
    return answer.text, answer.complete, answer.malformed, told and told.total_tokens


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Expected()),
        ({"n": 3, "model": "m"}, Expected(choices=3, model="m")),
        ({"n": "x", "stream_options": 1}, Expected()),
        ({"stream_options": {"include_usage": False}}, Expected()),
        ({"n": 2, **TELLING}, Expected(choices=2, usage=True)),
    ],
)
def test_what_a_request_asks_for(body: dict[str, Any], expected: Expected) -> None:
    """As its body says it, whatever else that has."""
    assert expected == Expected.of(body)


@pytest.mark.parametrize(
    "data", ["[DONE]x", "x[DONE]", "[DONE] [DONE]", '"[DONE]"', "[done]", "[DONE", "[]"]
)
def test_what_is_no_done(data: str) -> None:
    """Text that has it, and other words for it; the answer goes on behind it."""
    answer = came(chunk("a"), f"data: {data}\n\n".encode(), chunk("b"), END)

    assert ("ab", 1, False) == (answer.text, answer.malformed, answer.done)


@pytest.mark.parametrize("line", [b"data:[DONE]", b"data: [DONE]", b"data:  [DONE] \t"])
def test_what_is_done(line: bytes) -> None:
    """Blanks around it are nobody's words; what stands behind it is not taken in."""
    answer = came(chunk("a"), END, line + b"\n\n" + chunk("b"), DONE)

    assert ("a", 0, True) == (answer.text, answer.malformed, answer.done)
