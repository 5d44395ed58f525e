"""What a server can cost who asks it: memory, and time."""

import asyncio
import json
import subprocess
import sys
import threading
import zlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hostile_servers import ANSWERS, LISTS
from raw_server import Make, RawServer
from scale import ALL
from scripted_server import (
    PATIENCE,
    Answer,
    ScriptedServer,
    chunk,
    event,
    fails,
    json_answer,
    whole,
)

from apertis_magic import Apertis, errors
from apertis_magic.api import bounds
from apertis_magic.api.bounds import Meter
from apertis_magic.api.timeouts import FIRST_BYTE, Timeouts
from apertis_magic.api.transport import Call, Target, Transport

MOST = 200
"""MB of memory above the start."""

SOME = {
    *("two levels of gzip", "two levels on an error", "a bomb", "a bomb in one piece"),
    *("a bomb of text", "an endless line", "one event of text"),
    *("pictures", "a whole text", "as many objects as may be", "an endless error"),
    *("a million objects", "a tool call in each event", "glued arguments"),
    *("endless headers", "a redirect with a body"),
}
"""The servers that are asked in ``make test``."""


@pytest.mark.skipif(sys.platform == "win32", reason="it does not tell, nor fork")
@pytest.mark.parametrize(
    "way", ["stream", "completion", "whole", "conversation", "models"]
)
def test_memory(way: str) -> None:
    """Each hostile server costs little, and ends in an answer or in one line."""
    servers = LISTS if way == "models" else ANSWERS
    if way != "models" and not ALL:
        servers = {name: server for name, server in servers.items() if name in SOME}
    found = costs(way, servers)
    for name, each in found.items():
        spent = f"{each['peak']:4.0f} MB {each['seconds']:5.1f} s"
        print(f"{way:12} {spent}  {name}: {each['said'][:80]}")  # noqa: T201  with -s
    wrong = {
        name: each
        for name, each in found.items()
        if each["peak"] > MOST or not ends_well(each, servers[name][1])
    }

    assert {} == wrong


def ends_well(cost: Mapping[str, Any], phrase: str) -> bool:
    """Tell whether a server's answer ended in the line that it should, or in none."""
    kind, said = ("ApertisError" if phrase else ""), cost["said"]
    return kind == cost["kind"] and phrase in said and "\n" not in said


def costs(
    way: str, servers: Mapping[str, tuple[Make, str]]
) -> dict[str, dict[str, Any]]:
    """Return what each server cost a process of its own."""
    answers = {quote(name): make for name, (make, _) in servers.items()}
    with RawServer(answers) as server:
        urls = [server.url(name) for name in answers]
        script = Path(__file__).with_name("costly.py")
        done = subprocess.run(
            [sys.executable, str(script), way, *urls],
            capture_output=True,
            text=True,
            check=False,
        )

    assert (0, "") == (done.returncode, done.stderr)

    return dict(zip(servers, map(json.loads, done.stdout.splitlines()), strict=True))


class Hurried(asyncio.SelectorEventLoop):
    """An event loop whose clock the test sets forward.

    Attributes:
        ahead: seconds.
    """

    ahead = 0.0

    def time(self) -> float:
        """Return the time of the loop's clock."""
        return super().time() + self.ahead


ALIVE = {
    "comments": b": alive\n\n",
    "comments without an end": b": alive\n",
    "blank lines": b"\n",
    "names of events": b"event: ping\n\n",
    "events of nothing": b"data:\n\n",
    "pings": event({"type": "ping"}),
    "empty pieces": chunk(""),
    "roles": chunk(delta={"role": "assistant"}),
    "a line that never ends": b"x",
}


class Paced:
    """A body of which each piece is sent when the test wants it."""

    def __init__(self, piece: bytes) -> None:
        self._piece = piece
        self._wanted = threading.Semaphore(0)

    def __iter__(self) -> Iterator[bytes]:
        while self._wanted.acquire(timeout=PATIENCE):
            yield self._piece

    def send(self) -> None:
        """Have one piece sent."""
        self._wanted.release()


async def pieces_at_their_time(
    url: str, paced: Paced, *, grows: bool, seconds: float
) -> AsyncGenerator[bytes]:
    """Give a body's pieces, which come so many seconds after another by the clock."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Hurried)

    target = Target(base_url=url)
    transport = Transport(target, timeouts=Timeouts(), max_retries=0)
    incoming = await transport.send(Call(path="/chat/completions", body={}))
    pieces = incoming.pieces(Meter(bounds.ANSWER), lambda: grows)
    try:
        while True:
            paced.send()
            yield await anext(pieces)
            loop.ahead += seconds
    finally:
        await pieces.aclose()
        await incoming.aclose()
        await transport.aclose()


async def counted(pieces: AsyncGenerator[bytes], most: int) -> tuple[int, str]:
    """Return how many pieces came before the time-out, or so many; and what it says."""
    count = 0
    try:
        async for _ in pieces:
            count += 1
            if count == most:
                break
    except errors.TimedOut as error:
        return count, str(error).partition(" ")[2]
    finally:
        await pieces.aclose()
    return count, ""


@pytest.mark.parametrize("grows", [False, True])
def test_signs_of_life_are_not_enough(server: ScriptedServer, *, grows: bool) -> None:
    """They put the time-out off for 900 s; what is of the answer does for ever."""
    paced = Paced(b": alive\n\n")
    server.will(Answer(paced))
    pieces = pieces_at_their_time(server.url, paced, grows=grows, seconds=91)
    with asyncio.Runner(loop_factory=Hurried) as runner:
        count, said = runner.run(counted(pieces, 20))

    if grows:
        assert (20, "") == (count, said)
    else:
        assert 3 * FIRST_BYTE // 91 + 1 == count
        assert "sent signs of life for 900 s, and nothing of an answer." == said


@pytest.mark.parametrize("alive", ALIVE.values(), ids=ALIVE)
def test_signs_of_life(server: ScriptedServer, alive: bytes) -> None:
    """Whatever they are, who asks is told in time that nothing of an answer comes."""
    often = threading.Event()

    def steps() -> Iterator[bytes]:
        yield chunk("a")
        while not often.wait(0.01):
            yield alive

    server.will(Answer(steps()))
    client = Apertis(base_url=server.url, timeout=0.3, max_retries=0)
    asked = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "x"}], stream=True
    )
    with pytest.raises(errors.TimedOut) as caught:
        list(asked)

    assert "a" == caught.value.partial
    assert server.hung_up.wait(PATIENCE)

    often.set()


def test_a_whole_answer_that_never_ends(server: ScriptedServer) -> None:
    """A space now and then is no answer either."""
    often = threading.Event()
    server.will(Answer(iter(lambda: b" " * (not often.wait(0.01)), b"")))
    client = Apertis(base_url=server.url, timeout=0.3, max_retries=0)
    with pytest.raises(errors.TimedOut, match="signs of life"):
        client.models.list()
    often.set()


def test_a_whole_answer_that_comes_slowly(server: ScriptedServer) -> None:
    """Each byte of it is of the answer, however long it takes."""
    [body] = whole("a" * 100).steps
    assert isinstance(body, bytes)
    slowly = threading.Event()

    def steps() -> Iterator[bytes]:
        for byte in body:
            slowly.wait(0.01)
            yield bytes([byte])

    server.will(replace(whole(""), steps=steps()))
    client = Apertis(base_url=server.url, timeout=0.3, max_retries=0)
    hello = [{"role": "user", "content": "x"}]
    told = client.chat.completions.create(model="m", messages=hello)

    assert "a" * 100 == told.choices[0].message.content


SAID = chunk("a" * 100_000)


@pytest.mark.parametrize("size", [31 * 10**6, 50 * 10**6])
def test_a_long_answer(server: ScriptedServer, size: int) -> None:
    """Of more than 32 MB that is kept which came before."""
    count = size // len(SAID)
    end = (chunk(finish="stop"),)
    server.will(Answer((*[SAID] * count, *end)))
    client = Apertis(base_url=server.url, max_retries=0)
    hello = [{"role": "user", "content": "x"}]
    asked = client.chat.completions.create(model="m", messages=hello, stream=True)
    if size < bounds.ANSWER.most:
        assert count + 1 == len(list(asked))

        return
    with pytest.raises(errors.StreamError, match="32 MB") as caught:
        list(asked)

    assert bounds.ANSWER.most // len(SAID) * 100_000 == len(caught.value.partial)
    assert server.hung_up.wait(PATIENCE)


@pytest.mark.parametrize(
    ("encoding", "window"),
    [
        ("gzip", 31),
        ("x-gzip", 31),
        ("GZIP, identity", 31),
        ("deflate", 15),
        ("deflate", -15),
        ("identity", 0),
        ("none", 0),
        ("UTF-8", 0),
    ],
)
def test_one_level_of_encoding(
    server: ScriptedServer, encoding: str, window: int
) -> None:
    """It is taken off, however the bytes are cut."""
    words = [chunk("a" * 70_000 + str(n)) for n in range(3)]
    body = b"".join([*words, chunk(finish="stop")])
    packed = b"".join(packed_in(window, body))
    headers = {"Content-Type": "text/event-stream", "Content-Encoding": encoding}
    steps = [packed[:1], packed[1:2], packed[2:50], packed[50:]]
    server.will(Answer(steps, headers=headers))
    client = Apertis(base_url=server.url, max_retries=0)
    hello = [{"role": "user", "content": "x"}]
    asked = client.chat.completions.create(model="m", messages=hello, stream=True)
    found = asked.completion().choices[0].message.content

    assert "".join("a" * 70_000 + str(n) for n in range(3)) == found
    assert "identity" == server.requests[0].headers["accept-encoding"]


def packed_in(window: int, body: bytes) -> Iterator[bytes]:
    """Give a body in an encoding, of gzip in two members, as it was for no window."""
    parts = [body[:100], body[100:]] if window > zlib.MAX_WBITS else [body]
    for part in parts:
        packer = zlib.compressobj(9, zlib.DEFLATED, window) if window else None
        yield packer.compress(part) + packer.flush() if packer else part


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_encoding_without_an_end(server: ScriptedServer, encoding: str) -> None:
    """It is told as what it is, with what had come."""
    window = 31 if encoding == "gzip" else 15
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    begun = packer.compress(chunk("a")) + packer.flush(zlib.Z_SYNC_FLUSH)
    packer.compress(chunk("b"))
    headers = {"Content-Type": "text/event-stream", "Content-Encoding": encoding}
    server.will(Answer([begun], headers=headers))
    client = Apertis(base_url=server.url, max_retries=0)
    hello = [{"role": "user", "content": "x"}]
    asked = client.chat.completions.create(model="m", messages=hello, stream=True)
    with pytest.raises(errors.ConnectionFailed, match="has no end") as caught:
        list(asked)

    assert "a" == caught.value.partial


def test_a_header_of_the_users_own(server: ScriptedServer) -> None:
    """Who asks for an encoding asks for it; one of gzip is taken off."""
    client = Apertis(base_url=server.url, default_headers={"Accept-Encoding": "gzip"})
    server.will(json_answer({"data": []}))
    client.models.list()

    assert "gzip" == server.requests[0].headers["accept-encoding"]


def test_an_error_that_is_cut(server: ScriptedServer) -> None:
    """A long error is read as far as it may come, and is the error that it is."""
    server.will(fails(429, "slow down", details="x" * 10**6))
    client = Apertis(base_url=server.url, max_retries=0)
    with pytest.raises(errors.RateLimited, match="slow down"):
        client.models.list()


def test_cookies(server: ScriptedServer) -> None:
    """None is kept, however many come, and none is sent; a broken one says nothing."""
    headers = {"Content-Type": "application/json", "Set-Cookie": "a=b; Max-Age"}
    server.will(Answer((b'{"data": []}',), headers=headers))
    client = Apertis(base_url=server.url)
    client.models.list()
    client.models.list()

    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize("depth", range(50, 1_000, 50))
def test_deep_errors(server: ScriptedServer, depth: int) -> None:
    """However deep JSON is nested, it is an error of ours."""
    deep = b'{"detail":' * depth + b"1" + b"}" * depth
    server.will(Answer((deep,), 400), Answer((b"data: " + deep + b"\n\n",)))
    client = Apertis(base_url=server.url, max_retries=0)
    hello = [{"role": "user", "content": "x"}]
    with pytest.raises(errors.BadRequest):
        client.chat.completions.create(model="m", messages=hello)
    with pytest.raises(errors.StreamError):
        client.chat.completions.create(model="m", messages=hello)
