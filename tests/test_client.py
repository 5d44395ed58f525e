"""The clients against a real server: what is sent, what comes back, what fails."""

import asyncio
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from scripted_server import (
    DONE,
    PATIENCE,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, AsyncApertis, errors
from apertis_magic.api import loop
from apertis_magic.api.stream import AsyncStream
from apertis_magic.api.types import Message

HELLO = [{"role": "user", "content": "Hello!"}]


def ask(server: ScriptedServer, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis(base_url=server.url, max_retries=0)
    return client.chat.completions.create(model="m", messages=HELLO, **options)


def streamed(server: ScriptedServer, **options: Any) -> str:
    """Return the text of a streamed answer."""
    return "".join(
        choice.delta.content or ""
        for chunk in ask(server, stream=True, **options)
        for choice in chunk.choices
    )


def test_a_completion(server: ScriptedServer) -> None:
    """The documentation's first example works, field by field."""
    server.will(whole("Hi."))
    response = ask(server)

    assert "Hi." == response.choices[0].message.content
    assert "assistant" == response.choices[0].message.role
    assert "stop" == response.choices[0].finish_reason
    assert ("served", 5, 2, 7) == (
        response.model,
        response.usage.prompt_tokens,
        response.usage.completion_tokens,
        response.usage.total_tokens,
    )
    assert "/v1/chat/completions" == server.requests[0].path


def test_only_what_was_set_is_sent(server: ScriptedServer) -> None:
    """No field has a default of ours; None means unset and 0 means 0."""
    server.will(whole("Hi."))
    ask(server)
    ask(server, temperature=0, top_p=None, extra_body={"compression": {"on": True}})

    assert {"model": "m", "messages": HELLO} == server.requests[0].body
    assert {
        "model": "m",
        "messages": HELLO,
        "temperature": 0,
        "compression": {"on": True},
    } == server.requests[1].body


def test_a_stream(server: ScriptedServer) -> None:
    """Chunks come in order, and ``stream_options`` is not sent unasked."""
    server.will(says("Hel", "lo", " \u2028 there", usage=None))

    assert "Hello \u2028 there" == streamed(server)
    assert {"model": "m", "messages": HELLO, "stream": True} == server.requests[0].body


def test_a_stream_comes_as_it_is_sent(server: ScriptedServer) -> None:
    """The first chunk is there while the server still waits with the second."""
    go = threading.Event()
    server.will(Answer((chunk("a"), Wait(go), chunk("b", finish="stop"), DONE)))
    chunks = iter(ask(server, stream=True))

    assert "a" == next(chunks).choices[0].delta.content

    go.set()

    assert ["b"] == [chunk.choices[0].delta.content for chunk in chunks]


def test_leaving_a_stream_early_hangs_up(server: ScriptedServer) -> None:
    """The server hears that nobody listens, so that it stops writing."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    with ask(server, stream=True) as stream:
        for _ in stream:
            break

    assert server.hung_up.wait(PATIENCE)


def test_every_request_uses_one_connection(server: ScriptedServer) -> None:
    """Streamed or not, a connection is used again."""
    server.will(says("a"), whole("b"), says("c"), whole("d"))
    client = Apertis(base_url=server.url)
    for _ in range(2):
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))
        client.chat.completions.create(model="m", messages=HELLO)

    assert 1 == server.connections


def test_no_request_goes_where_llama_cpp_hangs_up(server: ScriptedServer) -> None:
    """That server closes a connection after a stream, against what its headers say."""
    named = {"Content-Type": "text/event-stream", "Server": "llama.cpp"}
    server.will(replace(says("a"), headers=named))
    client = Apertis(base_url=server.url)
    for _ in range(3):
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))

    assert 3 == server.connections


def test_a_closed_port_is_tried_again_and_told() -> None:
    """A connection that was never made may be tried again; the error says where to."""
    with ScriptedServer() as gone:
        url = gone.url
    client = Apertis(base_url=url, max_retries=1)
    with pytest.raises(
        errors.ConnectionFailed, match=r"127.0.0.1:\d+ cannot be reached"
    ):
        client.chat.completions.create(model="m", messages=HELLO)


@pytest.mark.parametrize("stream", [False, True])
def test_silence_ends_in_a_time_out(server: ScriptedServer, *, stream: bool) -> None:
    """One number bounds the wait for the first byte and between two pieces."""
    silent = Wait(threading.Event())
    client = Apertis(base_url=server.url, timeout=1)
    server.will(Answer(before_headers=silent))
    with pytest.raises(errors.TimedOut, match=r"silent for 1 s"):
        client.chat.completions.create(model="m", messages=HELLO, stream=stream)
    server.will(Answer((chunk("a"), silent)))
    with pytest.raises(errors.TimedOut, match=r"silent for 1 s") as caught:
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))

    assert "a" == caught.value.partial


def test_a_redirect_to_another_host_is_not_followed(server: ScriptedServer) -> None:
    """The key stays with the host it was meant for."""
    with ScriptedServer() as other:
        where = {"Location": other.url}
        server.will(Answer(status=307, headers=where))
        with pytest.raises(errors.StatusError, match="redirect"):
            ask(server)

        assert [] == other.requests


def test_the_key_goes_into_one_header_and_nowhere_else(server: ScriptedServer) -> None:
    """Not into the body, the repr or an error that echoes it."""
    server.will(fails(401, "Bearer my-own-key is wrong"))
    client = Apertis("my-own-key\n", base_url=server.url)
    with pytest.raises(errors.AuthenticationError) as caught:
        client.chat.completions.create(model="m", messages=HELLO)

    assert "Bearer my-own-key" == server.requests[0].headers["authorization"]
    assert "my-own-key" not in f"{server.requests[0].body} {client!r} {caught.value!r}"


def test_other_hosts_need_no_key(server: ScriptedServer) -> None:
    """Without a key there is no header for one, and the client is named."""
    server.will(whole("Hi."))
    ask(server)
    headers = server.requests[0].headers

    assert "authorization" not in headers
    assert "x-timeout" not in headers
    assert headers["user-agent"].startswith("apertis-magic/")


@pytest.mark.parametrize(
    ("timeout", "milliseconds"),
    [(None, "295000"), (60, "55000"), (1, "5000"), (9000, "300000")],
)
def test_what_only_apertis_is_sent(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, milliseconds: str
) -> None:
    """The gateway is told how long it may take, a little less than we wait."""
    with ScriptedServer() as proxy:
        proxy.will(whole("Hi."))
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        client = Apertis("sk-0123456789", base_url="http://api.apertis.ai")
        client.chat.completions.create(model="m", messages=HELLO, timeout=timeout)
        request = proxy.requests[0]

    assert "http://api.apertis.ai/v1/chat/completions" == request.path
    assert milliseconds == request.headers["x-timeout"]


def test_apertis_itself_needs_one() -> None:
    """The error says how to give one, and how to do without."""
    with pytest.raises(errors.ConfigurationError, match="no API key") as caught:
        Apertis()

    assert "APERTIS_API_KEY" in caught.value.hint
    assert "%chat local" in caught.value.hint


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "api.apertis.ai/v1"},
        {"base_url": "ftp://x"},
        {"base_url": "http://"},
        {"base_url": "http://[::1/v1"},
        {"base_url": "http://127.0.0.1/v1?key=secret"},
        {"base_url": "http://127 .0.0.1/v1"},
        {"base_url": "http://127.0.0.1:99999"},
        {"base_url": "http://user:secret@127.0.0.1"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"max_retries": -1},
        {"api_key": " "},
        {"api_key": 5},
        {"base_url": 5},
        {"base_url": b"http://127.0.0.1:9"},
        {"base_url": "http://xn--/v1"},
        {"timeout": True},
        {"max_retries": 1.5},
        {"max_retries": True},
        {"default_headers": {"X-A": 1}},
    ],
)
def test_a_client_that_cannot_work_is_not_made(wrong: Any) -> None:
    """What is wrong is told before anything is sent."""
    with pytest.raises(errors.ConfigurationError) as caught:
        Apertis(**{"base_url": "http://127.0.0.1:9", **wrong})

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(
            (event({"error": {"message": "bad my-own-key", "code": "my-own-key"}}),)
        ),
        Answer((b"<html>my-own-key",), headers={"Content-Type": "text/html"}),
        json_answer({"error": "bad my-own-key"}),
        fails(400, "bad my-own-key", code="my-own-key", param="my-own-key"),
    ],
    ids=["in the stream", "no JSON", "in one piece", "as a status"],
)
def test_an_echoed_key_is_taken_out(server: ScriptedServer, answer: Answer) -> None:
    """Wherever a server repeats it."""
    server.will(answer)
    client = Apertis("my-own-key", base_url=server.url)
    with pytest.raises(errors.ApertisError) as caught:
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))

    assert "my-own-key" not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(
            (event({"error": "no"}),),
            headers={"Content-Type": "text/event-stream", "X-Debug": "my-own-key"},
        ),
        Answer(status=302, headers={"Location": "http://a.invalid?key=my-own-key"}),
        fails(401, headers={"X-Debug": "Bearer my-own-key"}),
        fails(400, headers={"X-Request-Id": "my-own-key"}),
    ],
    ids=["in the stream", "a redirect", "as a status", "as the request's id"],
)
def test_a_key_echoed_in_a_header_is_taken_out(
    server: ScriptedServer, answer: Answer
) -> None:
    """An error keeps the headers, and is pickled with them."""
    server.will(answer)
    client = Apertis("my-own-key", base_url=server.url)
    with pytest.raises(errors.ApertisError) as caught:
        list(client.chat.completions.create(model="m", messages=HELLO, stream=True))

    assert caught.value.headers
    assert b"my-own-key" not in pickle.dumps(caught.value)


@pytest.mark.parametrize(
    "header", ["Authorization", "X-Api-Key", "api-key", "X-Goog-Api-Key", "Cookie"]
)
def test_a_key_in_a_header_of_ones_own(server: ScriptedServer, header: str) -> None:
    """It is taken out of what a server repeats, with or without its scheme."""
    server.will(fails(401, "wrong: my-own-key"))
    headers = {header: "Bearer my-own-key "}
    client = Apertis(base_url=server.url, default_headers=headers)
    with pytest.raises(errors.AuthenticationError, match=r"wrong: \[key\]"):
        client.chat.completions.create(model="m", messages=HELLO)

    assert "Bearer my-own-key" == server.requests[0].headers[header.lower()]


def test_a_client_does_not_pickle() -> None:
    """The key would go along."""
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(Apertis("my-own-key", base_url="http://127.0.0.1:9"))


def test_a_page_that_only_looks_like_markup(server: ScriptedServer) -> None:
    """It is read in no time; by a pattern it would take minutes."""
    server.will(Answer((b"<" * 500_000,), 502, {"Content-Type": "text/html"}))
    with pytest.raises(errors.ServerError):
        ask(server)


def test_a_refusal_that_never_ends(server: ScriptedServer) -> None:
    """Its status is enough, and what had come of its words is told."""
    server.will(Answer((b'{"error": "slow', Wait(threading.Event())), 404))
    with pytest.raises(errors.NotFound, match="slow"):
        ask(server)


def test_a_refusal_whose_reason_is_cut_off(server: ScriptedServer) -> None:
    """The status alone makes the error."""
    server.will(Answer((b'{"error"', Cut()), 429))
    with pytest.raises(errors.RateLimited):
        ask(server)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_of_a_plain_loop_is_one(server: ScriptedServer) -> None:
    """Ctrl-C in the middle of a stream is a KeyboardInterrupt and nothing else."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    stream = ask(server, stream=True)

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def read() -> None:
        for _ in stream:
            threading.Timer(0.2, interrupt).start()

    with pytest.raises(KeyboardInterrupt):
        read()

    assert server.hung_up.wait(PATIENCE)


def test_a_stream_that_was_left_does_not_end_well(server: ScriptedServer) -> None:
    """Who comes back to it hears that its end is missing."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    stream = ask(server, stream=True)
    for _ in stream:
        break
    with pytest.raises(errors.IncompleteAnswer) as caught:
        next(iter(stream))

    assert "a" == caught.value.partial


MISUSE: dict[str, dict[str, Any]] = {
    "no model": {"model": ""},
    "a model that is none": {"model": None},
    "messages as text": {"messages": "Hello!"},
    "one message": {"messages": HELLO[0]},
    "no messages": {"messages": []},
    "messages that are none": {"messages": None},
    "an odd message": {"messages": ["Hello!"]},
    "a misspelt option": {"temprature": 1},
    "an option out of range": {"temperature": 3},
    "a body that is no JSON": {"metadata": {"a": {1}}},
    "a field that is no JSON": {"extra_body": {"a": float("nan")}},
    "a model in the wrong place": {"extra_body": {"model": "n"}},
    "messages in the wrong place": {"extra_body": {"messages": []}},
    "stream in the wrong place": {"extra_body": {"stream": True}},
    "a body of the wrong type": {"extra_body": "x"},
    "a time-out of nothing": {"timeout": 0},
    "a time-out in words": {"timeout": "long"},
    "a header with a line end": {"extra_headers": {"X-A": "1\r\nX-B: 2"}},
    "a header without a value": {"extra_headers": {"X-A": None}},
    "headers of the wrong type": {"extra_headers": "x"},
    "a header that is none": {"extra_headers": {"X A": "1"}},
    "a header without a name": {"extra_headers": {"": "1"}},
    "a header that is the request's": {"extra_headers": {"Content-Length": "1"}},
    "a number without an end": {"n": 10**5000},
}


@pytest.mark.parametrize("wrong", MISUSE.values(), ids=MISUSE)
def test_what_cannot_be_sent_is_told(
    server: ScriptedServer, wrong: dict[str, Any]
) -> None:
    """In one line, before anything is sent."""
    request = {"model": "m", "messages": HELLO, **wrong}
    client = Apertis(base_url=server.url)
    with pytest.raises(errors.ConfigurationError) as caught:
        client.chat.completions.create(**request)

    assert "\n" not in str(caught.value)
    assert [] == server.requests


def test_messages_of_any_kind(server: ScriptedServer) -> None:
    """A generator, a tuple, values of ours: all are messages."""
    server.will(whole("Hi."))
    client = Apertis(base_url=server.url)
    for messages in ((m for m in HELLO), tuple(HELLO), [Message("user", "Hello!")]):
        client.chat.completions.create(model="m", messages=messages)

    assert [HELLO] * 3 == [request.body["messages"] for request in server.requests]


def test_a_key_reaches_no_log(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the most talkative one."""
    caplog.set_level("DEBUG")
    server.will(fails(401, "wrong key"))
    client = Apertis("my-own-key", base_url=server.url)
    with pytest.raises(errors.AuthenticationError):
        client.chat.completions.create(model="m", messages=HELLO)

    assert caplog.records
    assert "my-own-key" not in caplog.text


def test_a_stream_is_an_iterator(server: ScriptedServer) -> None:
    """``next`` gives one chunk, and a loop the rest."""
    server.will(says("a", "b", usage=None))
    stream = ask(server, stream=True)

    assert "a" == next(stream).choices[0].delta.content
    assert ["b", None] == [chunk.choices[0].delta.content for chunk in stream]
    with pytest.raises(StopIteration):
        next(stream)


def test_an_abandoned_stream_hangs_up(server: ScriptedServer) -> None:
    """Who drops it without a word needs no context manager."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    stream = ask(server, stream=True)
    next(stream)
    del stream

    assert server.hung_up.wait(PATIENCE)


def test_an_abandoned_async_stream_hangs_up(server: ScriptedServer) -> None:
    """The same on an event loop that goes on."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))

    async def leave() -> bool:
        client = AsyncApertis(base_url=server.url)
        async for _ in await client.chat.completions.create(
            model="m", messages=HELLO, stream=True
        ):
            break
        return await asyncio.to_thread(server.hung_up.wait, PATIENCE)

    assert asyncio.run(leave())


def test_the_garbage_collector_stops_a_stream_in_any_thread(
    server: ScriptedServer,
) -> None:
    """Also in the loop's own, where nothing may be waited for."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))), whole("Hi."))

    def leave_a_cycle() -> None:
        words = (piece.choices for piece in ask(server, stream=True))
        next(words)
        cycle: list[object] = [words]
        cycle.append(cycle)

    leave_a_cycle()
    loop.background().call_soon_threadsafe(gc.collect)

    assert "Hi." == ask(server).choices[0].message.content
    assert server.hung_up.wait(PATIENCE)


def test_a_stream_is_stopped_once(server: ScriptedServer) -> None:
    """A second cancel would hit the closing, and the connection would stay open."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))

    async def leave() -> int:
        stream = await AsyncApertis().chat.completions.create(
            model="m", messages=HELLO, stream=True
        )
        reading = stream._task
        stream.abandon()
        stream.abandon()
        await asyncio.sleep(0)  # until it closes the connection
        del stream
        gc.collect()
        await asyncio.wait([reading])
        return reading.cancelling()

    assert 1 == asyncio.run(leave())
    assert server.hung_up.wait(PATIENCE)


def test_a_stream_that_fails_hangs_up(server: ScriptedServer) -> None:
    """``next`` needs no loop around it for that."""
    error = event({"error": "out of luck"})
    server.will(Answer((error + chunk("a"), Wait(threading.Event()))))
    stream = ask(server, stream=True)
    for _ in range(2):  # what comes after an error is no part of the answer
        with pytest.raises(errors.StreamError, match="out of luck"):
            next(stream)

    assert server.hung_up.wait(PATIENCE)


def test_a_stream_for_several_threads(server: ScriptedServer) -> None:
    """Each chunk goes to one of them, and none is lost."""
    server.will(says(*"abcdefghij" * 20, usage=None))
    stream = ask(server, stream=True)

    def take(_: int) -> list[str]:
        return [
            c.choices[0].delta.content or ""
            for c in iter(partial(next, stream, None), None)
        ]

    with ThreadPoolExecutor(4) as pool:
        found = "".join(text for texts in pool.map(take, range(4)) for text in texts)

    assert sorted("abcdefghij" * 20) == sorted(found)


def test_closing_a_stream_twice_at_once(server: ScriptedServer) -> None:
    """The second waits for the first, and no connection stays in the pool."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))

    async def close() -> list[object]:
        client = AsyncApertis(base_url=server.url)
        stream = await client.chat.completions.create(
            model="m", messages=HELLO, stream=True
        )
        await anext(stream)
        await asyncio.gather(stream.aclose(), stream.aclose())
        pool: Any = client._transport._pool.to(server.url).transport
        left = list(pool._pool.connections)
        await client.aclose()
        return left

    assert [] == asyncio.run(close())


def test_one_async_client_on_several_loops(server: ScriptedServer) -> None:
    """Each loop has connections of its own."""
    server.will(whole("Hi."), says("a"), whole("Hi."))
    client = AsyncApertis(base_url=server.url)
    pool = client._transport._pool

    async def talk(*, stream: bool) -> object:
        answer = await client.chat.completions.create(
            model="m", messages=HELLO, stream=stream
        )
        if isinstance(answer, AsyncStream):
            answer = await answer.completion()
        await pool.aclose()
        return answer.choices[0].message.content

    assert ["Hi.", "a", "Hi."] == [
        asyncio.run(talk(stream=stream)) for stream in (False, True, False)
    ]


def test_one_async_client_on_several_loops_at_once(server: ScriptedServer) -> None:
    """None takes the connections of another."""
    server.will(whole("Hi."))
    client = AsyncApertis(base_url=server.url)

    async def talk() -> set[str | None]:
        create = client.chat.completions.create
        answers = [await create(model="m", messages=HELLO) for _ in range(20)]
        await client._transport._pool.aclose()
        return {answer.choices[0].message.content for answer in answers}

    def run(_: int) -> set[str | None]:
        return asyncio.run(talk())

    with ThreadPoolExecutor(4) as pool:
        assert [{"Hi."}] * 4 == list(pool.map(run, range(4)))
    assert 4 == server.connections


def test_a_short_key_does_not_spoil_what_is_told(server: ScriptedServer) -> None:
    """A word that is the key by chance stays in the server's words."""
    refusal = fails(400, "max_tokens is not supported, use 'max_completion_tokens'")
    server.will(refusal, whole("Hi."))
    client = Apertis("token", base_url=server.url)
    client.chat.completions.create(model="m", messages=HELLO, max_tokens=5)

    assert 5 == server.requests[1].body["max_completion_tokens"]


def test_a_client_that_is_dropped_lets_its_stream_go_on(server: ScriptedServer) -> None:
    """The connection lives as long as the answer."""
    server.will(says(*"abcdef", usage=None))

    assert "abcdef" == streamed(server)


def test_the_async_client(server: ScriptedServer) -> None:
    """The same surface works on the caller's own event loop."""
    server.will(whole("Hi."), says("a", "b"))

    async def talk() -> tuple[str | None, str]:
        async with AsyncApertis(base_url=server.url) as client:
            create = client.chat.completions.create
            first = await create(model="m", messages=HELLO)
            async with await create(model="m", messages=HELLO, stream=True) as stream:
                assert isinstance(stream, AsyncStream)

                pieces = [c.choices[0].delta.content async for c in stream if c.choices]
        return first.choices[0].message.content, "".join(p or "" for p in pieces)

    assert ("Hi.", "ab") == asyncio.run(talk())


def test_one_client_serves_many_threads(server: ScriptedServer) -> None:
    """Twenty questions from eight threads all get their answer."""
    server.will(says("a", "b"))
    client = Apertis(base_url=server.url)

    def text(_: int) -> str:
        stream = client.chat.completions.create(model="m", messages=HELLO, stream=True)
        pieces = [c.choices[0].delta.content or "" for c in stream if c.choices]
        return "".join(pieces)

    with ThreadPoolExecutor(8) as pool:
        assert ["ab"] * 20 == list(pool.map(text, range(20)))


def test_it_works_inside_a_running_loop(server: ScriptedServer) -> None:
    """As in a notebook, where the kernel's own loop runs in this very thread."""
    server.will(whole("Hi."))

    async def cell() -> str:
        return str(ask(server).choices[0].message.content)

    assert "Hi." == asyncio.run(cell())


def _in_child(ask_there: Callable[[], str], answer: Any) -> None:
    answer.put(ask_there())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_works_after_a_fork(server: ScriptedServer) -> None:
    """The child makes a loop and connections of its own."""
    server.will(whole("Hi."))
    client = Apertis(base_url=server.url)

    def text() -> str:
        answer = client.chat.completions.create(model="m", messages=HELLO)
        return str(answer.choices[0].message.content)

    assert "Hi." == text()

    fork = multiprocessing.get_context("fork")
    answer = fork.Queue()
    child = fork.Process(target=_in_child, args=(text, answer))
    child.start()

    assert "Hi." == answer.get(timeout=PATIENCE)

    child.join(PATIENCE)

    assert 0 == child.exitcode
    assert "Hi." == text()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_stream_belongs_to_its_process(server: ScriptedServer) -> None:
    """A forked child is told so at once, and the parent reads on."""
    go = threading.Event()
    server.will(Answer((chunk("a"), Wait(go), chunk("b", finish="stop"), DONE)))
    stream = ask(server, stream=True)
    next(stream)

    def text() -> str:
        stream.close()
        try:
            next(stream)
        except errors.StreamError as error:
            return str(error)
        return "it went on"

    fork = multiprocessing.get_context("fork")
    answer = fork.Queue()
    child = fork.Process(target=_in_child, args=(text, answer))
    child.start()

    assert "The answer belongs to the process" in answer.get(timeout=PATIENCE)

    child.join(PATIENCE)
    go.set()

    assert "b" == next(stream).choices[0].delta.content

    stream.close()


def test_a_script_ends_though_a_stream_is_open(server: ScriptedServer) -> None:
    """The interpreter clears it away when nothing can be waited for any more."""
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    script = f"""
import json
from apertis_magic import Apertis
request = dict(model="m", messages=[dict(role="user", content="x")], stream=True)
stream = Apertis(base_url={server.url!r}).chat.completions.create(**request)
json.kept = (piece.choices for piece in stream)
print(len(next(json.kept)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (0, "1\n") == (done.returncode, done.stdout)


def test_a_script_ends_quietly(server: ScriptedServer) -> None:
    """Nothing is printed at the interpreter's exit, warnings included."""
    server.will(says("a", "b"))
    script = f"""
from apertis_magic import Apertis, Conversation
client = Apertis(base_url={server.url!r})
request = dict(model="m", messages=[dict(role="user", content="x")])
print(len(list(client.chat.completions.create(**request, stream=True))))
for chunk in client.chat.completions.create(**request, stream=True):
    break
print(Conversation().ask("x").result())
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (0, "4\nab\n", "") == (done.returncode, done.stdout, done.stderr)
