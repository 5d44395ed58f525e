"""Answers of servers that nobody thought of: nothing but our own errors comes of them.

``make test-slow`` tries them for long, and prints how many there were.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from time import monotonic

from hostile_servers import ERROR, JSON, STREAM, delta, event
from raw_server import Make, RawServer
from scale import ALL
from test_fuzz_files import hostile

from apertis_magic import ApertisError, AsyncApertis, Conversation

SECONDS = 600.0 if ALL else 4.0
HELLO = [{"role": "user", "content": "Hello!"}]
CONVERSATION = 4
"""The last of the ways to ask."""

LONGEST = 30.0
"""Seconds that one answer may take; each is short, and its time-out shorter."""

_CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
_MESSAGE = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}'
HEADS = [
    *[STREAM] * 8,
    *(JSON, JSON, JSON, ERROR),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 429 Slow\r\n"),
    *(b"HTTP/1.1 302 Found\r\nLocation: /\r\n", b"HTTP/1.1 101 Switching\r\n"),
    *(b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + STREAM, b""),
]
FIELDS = [
    *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n"),
    *(b"Content-Encoding: br\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Content-Length: 9\r\n", b"Content-Length: -1\r\n", b"Content-Length: x\r\n"),
    *(b"Retry-After: 0.001\r\n", b"X-RateLimit-Reset: nan\r\n", b"X: \xff\xfe\r\n"),
    *(b"Content-Type: text/event-stream\r\n", b"X-Fallback-Used: true\r\n", b": x\r\n"),
    *(b"Set-Cookie: a=b; Max-Age=x\r\n", b"Connection: close\r\n", b"\x00: \x00\r\n"),
]
PIECES = [
    *(delta(content="a"), delta(content="\ud83d"), delta(reasoning="b"), delta()),
    *(delta(tool_calls=[_CALL]), delta(images=["data:image/png;base64,AAAA"])),
    *(delta(annotations=[{"url": "u", "title": None}]), delta(content=[{"text": 3}])),
    *(event({"error": {"message": "no"}}), event({"error": [[]]}), event([1, 2])),
    *(event({"choices": [{"index": -1, "delta": [], "finish_reason": 3}]}),),
    *(event({"choices": {"0": 1}}), event({"choices": [None, 1, "a"], "usage": 3})),
    *(event({"choices": [{"delta": {"content": "z"}, "finish_reason": "stop"}]}),),
    *(event({"id": "web-search", "choices": [{"delta": {"content": None}}]}),),
    *(event({"citations": [1, {}], "search_results": [{"url": 3}], "choices": []}),),
    *(event({"data": [{"id": 3}, {"id": "m", "context_length": 1e300}]}), _MESSAGE),
    *(event({"choices": [], "usage": {"total_tokens": 10**30, "cost": "x"}}),),
    *(b"data: [DONE]\n\n", b"data:\n", b": ping\n\n", b"event: error\n", b"\r\r\n"),
    *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"id: 1\n"),
    *(b"{", b"[" * 200, b'"', b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\x78\x9c", b"NaN"),
]


def answer(random: Random) -> bytes:
    """Return an answer of pieces that servers send, and of bytes changed in it."""
    pieces = random.choices(PIECES, k=random.choice((0, 1, 2, 5, 20)))
    pieces = [bent(p, random) if random.random() < 0.2 else p for p in pieces]
    body = b"".join(pieces)
    if random.random() < 0.3:
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
    head = random.choice(HEADS) + b"".join(
        random.choices(FIELDS, k=random.choice((0, 0, 0, 0, 1, 3)))
    )
    whole = bytearray(head + b"\r\n" * (random.random() < 0.95) + body)
    for _ in range(random.choice((0, 0, 0, 1, 3, 10))):
        if whole:
            at = random.randrange(len(whole))
            whole[at : at + random.choice((0, 1, 1, 5))] = random.choice(
                (b"", bytes([random.randrange(256)]), whole[at : at + 9] * 3)
            )
    return bytes(whole)


def bent(piece: bytes, random: Random) -> bytes:
    """Return an event with a value in one place that nobody has asked for."""
    try:
        raw = json.loads(piece.removeprefix(b"data: "))
    except ValueError:
        return piece
    return event(hostile(raw, random))


def cut(random: Random, body: bytes) -> Iterator[bytes]:
    """Give bytes in pieces."""
    most = random.choice((1, 7, 100, 10_000))
    while body:
        size = random.randint(1, most) if len(body) < 3_000 else 10_000
        yield body[:size]
        body = body[size:]


async def ask(way: int, client: AsyncApertis) -> None:
    """Ask in one of the ways that there are."""
    completions = client.chat.completions
    if way == 0:
        opened = await completions.create(model="m", messages=HELLO, stream=True)
        repr(await opened.completion())
    elif way == 1:
        repr(await completions.create(model="m", messages=HELLO))
    elif way == 2:
        [(model.id, model.context_length) for model in await client.models.list()]
    else:
        repr(await client.account.credits())


def converse(client: AsyncApertis) -> None:
    """Ask in a conversation, whose turn can then be kept."""
    reply = Conversation(model="m", client=client).ask("Hello!")

    assert reply.wait(LONGEST)
    assert reply.turn is not None

    reply.turn.to_dict()
    reply.result()


def end(way: int, client: AsyncApertis, runner: asyncio.Runner) -> str:
    """Ask in a way, and return how it ended."""
    try:
        if way == CONVERSATION:
            converse(client)
        else:
            runner.run(asyncio.wait_for(ask(way, client), LONGEST))
    except ApertisError as error:
        return "?" if "unforeseen" in str(error) else type(error).__name__
    return "an answer"


def test_answers_that_nobody_thought_of() -> None:
    """Each is an answer, or an error of ours, and soon."""
    random = Random(11)  # noqa: S311  anything
    answers: dict[str, Make] = {}
    ends: Counter[str] = Counter()
    until, number = monotonic() + SECONDS, 0
    with RawServer(answers) as server, asyncio.Runner() as runner:
        client = AsyncApertis(base_url=server.url("x"), timeout=5, max_retries=0)
        while monotonic() < until:
            body = answer(random)
            answers["x"] = partial(cut, Random(number), body)  # noqa: S311  anything
            way = number % (CONVERSATION + 1)
            try:
                found = end(way, client, runner)
            except BaseException as error:
                error.add_note(f"way {way} of {body!r}")
                raise

            assert "?" != found, (way, body)

            ends[found] += 1
            number += 1
        runner.run(client.aclose())
    print(f"\n{number} answers: {dict(ends.most_common())}")  # noqa: T201  with -s

    assert 10 < number
    assert 3 < len(ends)
