"""Forty defects of the vendor's own SDK (apertis 0.4.1), each absent here.

One row for each, in the order of the SDK's modules: transport (1 to 14), streaming (15
to 24), values (25 to 34), requests (35 to 40).
"""

import json
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from scripted_server import (
    DONE,
    PATIENCE,
    Answer,
    Cut,
    Reset,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, errors
from apertis_magic.api import retry
from apertis_magic.api.timeouts import Timeouts

KEY = "sk-test-0123456789"
HELLO = [{"role": "user", "content": "Hello!"}]
END = chunk(finish="stop")
NO_CHOICES: list[dict[str, Any]] = [{}, {"choices": []}]

Row = Callable[[ScriptedServer], None]
ROWS: dict[str, Row] = {}


def row(number: int, defect: str) -> Callable[[Row], Row]:
    """Enter a row into the table: the defect, and what shows that it is absent."""

    def enter(shows: Row) -> Row:
        ROWS[f"{number}: {defect}"] = shows
        return shows

    return enter


def ask(server: ScriptedServer, *, retries: int = 0, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis(KEY, base_url=server.url, max_retries=retries)
    return client.chat.completions.create(model="m", messages=HELLO, **options)


def text(server: ScriptedServer, *steps: bytes | Wait | Cut) -> Any:
    """Return the text of a stream of these steps."""
    server.will(Answer(steps))
    return ask(server, stream=True).completion().choices[0].message.content


def message(server: ScriptedServer, **fields: Any) -> Any:
    """Return the message of a response that has these fields."""
    server.will(json_answer({"choices": [{"message": {"content": "a", **fields}}]}))
    return ask(server).choices[0].message


@row(1, "retries without a delay, ignoring Retry-After")
def _(server: ScriptedServer) -> None:
    soon = {"Retry-After": "0.3"}
    server.will(fails(429, headers=soon), whole("a"))
    with pytest.raises(errors.RateLimited) as caught:
        ask(server)

    assert 0.3 <= (retry.delay(caught.value, 0) or 0) <= 0.35
    assert 0 < (retry.delay(errors.ServerError("x", status=503), 0) or 0) <= 0.5
    assert retry.delay(errors.RateLimited("x", status=429, retry_after=600), 0) is None


@row(2, "501 and 505 are sent again")
def _(server: ScriptedServer) -> None:
    for status in (501, 505):
        server.will(fails(status))
        before = len(server.requests)
        with pytest.raises(errors.ServerError):
            ask(server, retries=2)

        assert before + 1 == len(server.requests)


@row(3, "a stream is not sent again before its first byte")
def _(server: ScriptedServer) -> None:
    server.will(fails(503, headers={"Retry-After-Ms": "20"}), says("a"))

    assert (
        "a"
        == ask(server, retries=1, stream=True).completion().choices[0].message.content
    )


@row(4, "the HTTP library's own errors escape")
def _(server: ScriptedServer) -> None:
    for answer in (Answer(before_headers=Cut()), Answer(before_headers=Reset())):
        server.will(answer)
        with pytest.raises(errors.ConnectionFailed):
            ask(server)
    with pytest.raises(errors.ConfigurationError):
        Apertis(base_url="ftp://127.0.0.1")


@row(5, "a POST that met silence is sent again")
def _(server: ScriptedServer) -> None:
    server.will(Answer(before_headers=Wait(threading.Event())))
    client = Apertis(base_url=server.url, timeout=0.2, max_retries=5)
    with pytest.raises(errors.TimedOut):
        client.chat.completions.create(model="m", messages=HELLO)

    assert 1 == len(server.requests)


@row(6, "one time-out for all, 0 means 60, and no X-Timeout")
def _(server: ScriptedServer) -> None:
    with pytest.raises(errors.ConfigurationError, match="timeout"):
        Apertis(base_url=server.url, timeout=0)
    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    stream = Apertis(KEY, base_url=server.url).chat.completions.create(
        model="m", messages=HELLO, stream=True, timeout=0.2
    )
    with pytest.raises(errors.TimedOut):
        list(stream)

    # That it is sent is shown with the client's other headers.
    assert 55_000 == Timeouts.of(60).gateway


@row(7, "a pasted key is not stripped, and shown when it cannot be sent")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    Apertis(f" {KEY}\n", base_url=server.url).models.list()

    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]

    for wrong in ("   ", "sk-“smart-quotes”", "sk-a b-0123456"):
        with pytest.raises(errors.ConfigurationError) as caught:
            Apertis(wrong, base_url=server.url)

        assert not wrong.strip() or wrong not in f"{caught.value} {caught.value.hint}"


@row(8, "a base URL without /v1 gives 404s, and no variable names one")
def _(server: ScriptedServer) -> None:
    assert (
        "https://api.apertis.ai/v1"
        == Apertis(KEY, base_url="https://api.apertis.ai").base_url
    )
    assert server.url == Apertis(KEY).base_url  # APERTIS_BASE_URL names the server


@row(9, "no User-Agent, headers that overwrite the key, nothing per request")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    client = Apertis(KEY, base_url=server.url, default_headers={"X-A": "1"})
    client.chat.completions.create(
        model="m", messages=HELLO, extra_headers={"X-B": "2"}, timeout=5
    )
    sent = server.requests[0].headers

    assert sent["user-agent"].startswith("apertis-magic/")
    assert ("1", "2", f"Bearer {KEY}") == (
        sent["x-a"],
        sent["x-b"],
        sent["authorization"],
    )
    with pytest.raises(errors.ConfigurationError, match="two keys"):
        Apertis(KEY, base_url=server.url, default_headers={"authorization": "x"})


@row(10, "errors in other forms lose their words, details and redaction")
def _(server: ScriptedServer) -> None:
    for body, words in (
        ({"error": "in words"}, "in words"),
        ({"error": ["in a list"]}, "in a list"),
        ({"error": {"message": None, "type": "odd"}}, "odd"),
        ({"error": {"message": f"wrong key {KEY}"}}, "wrong key [key]"),
    ):
        server.will(json_answer(body, 400))
        with pytest.raises(errors.BadRequest) as caught:
            ask(server)

        assert words in str(caught.value)
        assert KEY not in str(caught.value)


@row(11, "redirects and web pages end in a JSON error")
def _(server: ScriptedServer) -> None:
    server.will(Answer(status=302, headers={"Location": "http://127.0.0.1:9"}))
    with pytest.raises(errors.StatusError, match="redirect"):
        ask(server)
    server.will(Answer((b"<html>",), headers={"Content-Type": "text/html"}))
    with pytest.raises(errors.StreamError, match="not JSON: '<html>'"):
        ask(server)


@row(12, "max_retries=-1 fails without sending anything")
def _(server: ScriptedServer) -> None:
    with pytest.raises(errors.ConfigurationError, match="max_retries"):
        Apertis(base_url=server.url, max_retries=-1)


@row(13, "the response's headers cannot be reached")
def _(server: ScriptedServer) -> None:
    server.will(
        Answer((END, DONE), headers={"Content-Type": "text/event-stream", "X-Q": "7"})
    )

    assert "7" == ask(server, stream=True).response.headers["x-q"]
    assert "7" == ask(server).response.headers["x-q"]


@row(14, "errors have no class for 400, 402 and 408, and do not pickle")
def _(server: ScriptedServer) -> None:
    for status, kind in (
        (400, errors.BadRequest),
        (402, errors.QuotaExceeded),
        (408, errors.RequestTimeout),
    ):
        server.will(fails(status))
        with pytest.raises(kind) as caught:
            ask(server)

        assert kind is type(pickle.loads(pickle.dumps(caught.value)))


@row(15, "no space after the colon gives an empty stream")
def _(server: ScriptedServer) -> None:
    steps = [step.replace(b"data: ", b"data:") for step in (chunk("a"), END, DONE)]

    assert "a" == text(server, *steps)


@row(16, "U+2028 and U+0085 in the text lose the chunk")
def _(server: ScriptedServer) -> None:
    raw = json.dumps(
        {"choices": [{"delta": {"content": "a\u2028\x85b"}}]}, ensure_ascii=False
    )

    assert "a\u2028\x85b" == text(server, f"data: {raw}\n\n".encode(), END)


@row(17, "malformed events are skipped in silence, several data lines are lost")
def _(server: ScriptedServer) -> None:
    server.will(Answer((b"data: {oops\n\n", chunk("a"), END, DONE)))
    stream = ask(server, stream=True)

    assert "a" == stream.completion().choices[0].message.content
    assert 1 == stream.malformed
    assert "b" == text(
        server, b'data: {"choices":\ndata: [{"delta": {"content": "b"}}]}\n\n', END
    )


@row(18, "a byte order mark loses the first event")
def _(server: ScriptedServer) -> None:
    assert "a" == text(server, b"\xef\xbb\xbf" + chunk("a"), END)


@row(19, "[DONE] with a space is not the end")
def _(server: ScriptedServer) -> None:
    # The server never ends this stream by itself.
    never = Wait(threading.Event())

    assert "a" == text(server, chunk("a"), END, b"data: [DONE] \n\n", never)


@row(20, "an error inside the stream crashes, or is ignored")
def _(server: ScriptedServer) -> None:
    for payload in ({"error": {"message": "out of luck"}}, {"error": "out of luck"}):
        for fields in NO_CHOICES:
            with pytest.raises(errors.StreamError, match="out of luck"):
                text(server, chunk("a"), event({**payload, **fields}))


@row(21, "a stream that ends too early looks like a success")
def _(server: ScriptedServer) -> None:
    with pytest.raises(errors.IncompleteAnswer) as caught:
        text(server, chunk("half"))

    assert "half" == caught.value.partial


@row(22, "a connection that breaks in mid-stream raises the HTTP library's error")
def _(server: ScriptedServer) -> None:
    with pytest.raises(errors.ConnectionFailed) as caught:
        text(server, chunk("half"), Cut())

    assert "half" == caught.value.partial


@row(23, "after [DONE] or a break the connection stays open")
def _(server: ScriptedServer) -> None:
    server.will(says("a"))
    client = Apertis(base_url=server.url)
    for _ in range(3):
        stream = client.chat.completions.create(model="m", messages=HELLO, stream=True)
        list(stream)

    assert 1 == server.connections

    server.will(Answer((chunk("a"), Wait(threading.Event()))))
    for _ in client.chat.completions.create(model="m", messages=HELLO, stream=True):
        break

    assert server.hung_up.wait(PATIENCE)


@row(24, "JSON in the place of a stream is an empty stream")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))

    assert "a" == ask(server, stream=True).completion().choices[0].message.content

    server.will(json_answer({"error": {"message": "out of luck"}}))
    with pytest.raises(errors.StreamError, match="out of luck"):
        list(ask(server, stream=True))


@row(25, "reasoning and refusals are dropped")
def _(server: ScriptedServer) -> None:
    for name in ("reasoning_content", "reasoning", "thinking"):
        found = message(server, **{name: "hm"})

        assert "hm" == found.reasoning
        assert "hm" == getattr(found, name)
    assert "no" == message(server, refusal="no").refusal
    assert not hasattr(message(server), "thinking")


@row(26, "the details and the cost of the usage are dropped")
def _(server: ScriptedServer) -> None:
    usage = {
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
        "cost": 0.5,
        "latency_checkpoint": {"total_duration_ms": 9},
    }
    server.will(whole("a", usage=usage))
    found = ask(server).usage

    assert (3, 4, 0.5) == (found.cached_tokens, found.reasoning_tokens, found.cost)
    assert 9 == found.raw["latency_checkpoint"]["total_duration_ms"]


@row(27, "tool calls crash at the second piece of a stream")
def _(server: ScriptedServer) -> None:
    first = {"index": 0, "id": "1", "function": {"name": "f", "arguments": "{"}}
    second = {"index": 0, "function": {"arguments": "}"}}
    pieces = [
        event({"choices": [{"delta": {"tool_calls": [call]}}]})
        for call in (first, second)
    ]
    server.will(Answer((*pieces, END, DONE)))
    (call,) = ask(server, stream=True).completion().choices[0].message.tool_calls

    assert ("1", "f", "{}") == (call.id, call.function.name, call.function.arguments)


@row(28, "an unknown finish reason crashes")
def _(server: ScriptedServer) -> None:
    for finish in ("function_call", "error", "SAFETY"):
        choice = {"message": {"content": "a"}, "finish_reason": finish}
        server.will(json_answer({"choices": [choice]}))

        assert finish == ask(server).choices[0].finish_reason


@row(29, "OpenAI's nested annotations crash")
def _(server: ScriptedServer) -> None:
    nested = {"type": "url_citation", "url_citation": {"url": "u", "title": "T"}}
    flat = {"type": "url_citation", "url": "u", "title": "T"}

    assert [("u", "T")] * 2 == [
        (found.url, found.title)
        for found in message(server, annotations=[nested, flat]).annotations
    ]


@row(30, "a web source without a snippet crashes, and streams lose theirs")
def _(server: ScriptedServer) -> None:
    sources = [{"title": "T", "url": "u"}]
    server.will(whole("a", web_sources=sources))

    assert "u" == ask(server).web_sources[0].url

    server.will(Answer((chunk("a", web_sources=sources), END, DONE)))

    assert "u" == ask(server, stream=True).completion().web_sources[0].url


@row(31, "odd roles, missing indexes and content in parts crash")
def _(server: ScriptedServer) -> None:
    found = message(server, role="model", content=[{"type": "text", "text": "a"}])

    assert ("model", "a") == (found.role, found.content)


@row(32, "chunks without choices crash")
def _(server: ScriptedServer) -> None:
    odd = (event({"choices": None}), event({"type": "ping"}), event({}))

    assert "a" == text(server, *odd, chunk("a"), *odd, END)


@row(33, "reasoning efforts other than low, medium and high are refused")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    for effort in ("none", "minimal", "xhigh", "max"):
        ask(server, reasoning_effort=effort)

        assert effort == server.requests[-1].body["reasoning_effort"]


@row(34, "there is no developer role")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    messages = [{"role": "developer", "content": "Be brief."}, *HELLO]
    client = Apertis(base_url=server.url)
    client.chat.completions.create(model="m", messages=messages)

    assert messages == server.requests[0].body["messages"]


@row(35, "extra_body is sent as a field of that name")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    ask(server, extra_body={"thinking": {"type": "enabled"}, "new": 1})
    body = server.requests[0].body

    assert ({"type": "enabled"}, 1) == (body["thinking"], body["new"])
    assert "extra_body" not in body


@row(36, "fallbacks are out of reach")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    options: dict[str, Any] = {
        "fallback_models": ["n"],
        "fallback_enabled": True,
        "fallback_timeout": 5000,
    }
    ask(server, **options)

    assert {"model": "m", "messages": HELLO, **options} == server.requests[0].body


@row(37, "values out of range are sent")
def _(server: ScriptedServer) -> None:
    wrong: list[dict[str, Any]] = [
        {"n": 0},
        {"stop": ["a"] * 5},
        {"temperature": 2.1},
        {"top_logprobs": 3},
        {"stream_options": {"include_usage": True}},
    ]
    for options in wrong:
        with pytest.raises(errors.ConfigurationError):
            ask(server, **options)

    assert [] == server.requests


@row(38, "web search has a model of its own that does not exist")
def _(server: ScriptedServer) -> None:
    server.will(whole("a"))
    client = Apertis(base_url=server.url)
    client.chat.completions.create(
        model="m:web", messages=HELLO, web_results_count=3, web_content_length="short"
    )
    body = server.requests[0].body

    assert ("m:web", 3, "short") == (
        body["model"],
        body["web_results_count"],
        body["web_content_length"],
    )


@row(39, "model ids are not encoded, and their plan is dropped")
def _(server: ScriptedServer) -> None:
    server.will(json_answer({"id": "Qwen/Q:3", "multiplier": 2, "tier": "pro"}))
    found = Apertis(base_url=server.url).models.retrieve("Qwen/Q:3")

    assert "/v1/models/Qwen%2FQ%3A3" == server.requests[0].path
    assert (2, "pro") == (found.multiplier, found.tier)


@row(40, "pictures are told by their names and read whole: parts go out as they are")
def _(server: ScriptedServer) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    server.will(whole("a"))
    client = Apertis(base_url=server.url)
    client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": content}]
    )

    assert content == server.requests[0].body["messages"][0]["content"]


@pytest.mark.parametrize("shows", ROWS.values(), ids=ROWS)
def test_the_defect_is_absent(server: ScriptedServer, shows: Row) -> None:
    """Each row holds against a real server."""
    shows(server)


def test_the_table_is_whole() -> None:
    """Forty rows, numbered."""
    assert list(range(1, 41)) == [int(name.partition(":")[0]) for name in ROWS]
