"""A Chat Completions server for benchmarks: streams any size in any chunking and pace.

The request's ``model`` says what to stream, as in ``size=40000,chunks=5000``, or the
path does, ``/v1/size=40000/chat/completions``, for clients that know all models::

    size     characters of the answer
    chunks   events that it is cut into
    seed     if not 0, realistic Markdown instead, in pieces as ``answers.py`` cuts them
    rate     characters per second; 0, the default, is as fast as it goes
    join     events per HTTP chunk; 1, the default, is what real servers do
    wait     seconds before the headers
    stall    characters after which nothing more comes; 0 is not even the headers

A client that does not stream gets it all at once, when the last piece would have come.

It runs in a process of its own, so that its work is not measured, and ends with its
standard input. ``start`` starts it; ``python benchmarks/sse_server.py`` prints its URL.
What it did, and when, is at ``GET <base URL>/visits`` (see ``visits``).
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import count, pairwise
from time import time
from urllib.request import urlopen

import answers

_COMMON = {
    "id": "chatcmpl-0123456789abcdef",
    "created": 1_790_000_000,
    "model": "benchmark",
    "system_fingerprint": None,
}
WORDS = "The sky is blue because air scatters short waves of light more.\n\n"


@dataclass(frozen=True, kw_only=True)
class Script:
    """What to stream."""

    size: int = 40_000
    chunks: int = 5_000
    seed: int = 0
    rate: float = 0.0
    join: int = 1
    wait: float = 0.0
    stall: int = -1

    @classmethod
    def parse(cls, model: str) -> "Script":
        """Read the model's name."""
        given = dict(part.split("=") for part in model.split(",") if "=" in part)
        kinds = {name: type(default) for name, default in vars(cls()).items()}
        return cls(**{name: kinds[name](value) for name, value in given.items()})

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in vars(self).items())


@dataclass(kw_only=True)
class Visit:
    """What the server knows of one request; times are those of ``time.time``.

    Attributes:
        connection: which connection it came by.
        asked: when it had come.
        first: when the first piece of text left.
        ended: when the last byte left.
        hung_up: when the client was seen to have left in the middle.
    """

    connection: int
    asked: float
    first: float = 0.0
    ended: float = 0.0
    hung_up: float = 0.0


def visits(url: str) -> list[Visit]:
    """Ask the server at *url* what it did so far."""
    with urlopen(f"{url}/visits") as response:  # noqa: S310  it is ours
        return [Visit(**each) for each in json.load(response)]


def pieces(script: Script) -> list[str]:
    """Return the answer's text as it is cut."""
    if script.seed:
        return answers.pieces(answers.answer(script.size, script.seed), script.seed)
    text = (WORDS * (script.size // len(WORDS) + 1))[: script.size]
    cuts = [script.size * i // script.chunks for i in range(script.chunks + 1)]
    return [text[start:end] for start, end in pairwise(cuts)]


def text_of(script: Script) -> str:
    """Return the answer's text."""
    return "".join(pieces(script))


@lru_cache(maxsize=8)
def events(script: Script) -> list[bytes]:
    """Return the answer's events, each with the fields that real servers send."""
    found = [_event({"content": piece}) for piece in pieces(script)]
    end = _event({}, finish="stop", usage=_usage(len(found)))
    return [*found, end, b"data: [DONE]\n\n"]


def whole(script: Script) -> bytes:
    """Return the answer as a client gets it that does not stream."""
    message = {"role": "assistant", "content": text_of(script)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = _usage(len(pieces(script)))
    fields = {"object": "chat.completion", "choices": [choice], "usage": usage}
    return json.dumps({**_COMMON, **fields}).encode()


def _usage(tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": 9,
        "completion_tokens": tokens,
        "total_tokens": 9 + tokens,
    }


def _event(delta: object, finish: str | None = None, **fields: object) -> bytes:
    payload = {
        **_COMMON,
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **fields,
    }
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


_visits: list[Visit] = []
_connections = count(1)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = next(_connections)
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if head.startswith(b"GET "):
                _tell(writer)
                continue
            first, *lines = head.decode("latin-1").lower().split("\r\n")
            lengths = [line for line in lines if line.startswith("content-length:")]
            length = int(lengths[0].partition(":")[2]) if lengths else 0
            body = json.loads(await reader.readexactly(length))
            _visits.append(Visit(connection=connection, asked=time()))
            in_path = [part for part in first.split("/") if "=" in part]
            script = Script.parse(in_path[0] if in_path else body["model"])
            send = _stream if body.get("stream") else _send
            await _answer(reader, send(writer, script, _visits[-1]), _visits[-1])
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        pass  # the client has what it wanted, or the benchmark is over
    finally:
        writer.close()


def _tell(writer: asyncio.StreamWriter) -> None:
    body = json.dumps([asdict(visit) for visit in _visits]).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def _answer(
    reader: asyncio.StreamReader, sending: Coroutine[None, None, None], visit: Visit
) -> None:
    """Send the answer, and note when the client leaves before its end."""
    sends = asyncio.create_task(sending)
    leaves = asyncio.create_task(reader.read(1))  # who waits for an answer says nothing
    await asyncio.wait({sends, leaves}, return_when=asyncio.FIRST_COMPLETED)
    has_left = not sends.done() or sends.exception() is not None
    if has_left:
        visit.hung_up = time()
    for task in (sends, leaves):
        task.cancel()
    await asyncio.gather(sends, leaves, return_exceptions=True)
    if has_left:
        raise ConnectionResetError


async def _send(writer: asyncio.StreamWriter, script: Script, visit: Visit) -> None:
    """Send the answer in one piece, when its last would have come."""
    await asyncio.sleep(script.wait + (script.size / script.rate if script.rate else 0))
    if script.stall >= 0:
        await asyncio.Event().wait()
    body = whole(script)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
    visit.first = time()
    writer.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    visit.ended = time()


async def _stream(writer: asyncio.StreamWriter, script: Script, visit: Visit) -> None:
    sent, all_events = 0, events(script)
    await asyncio.sleep(script.wait)
    if script.stall == 0:
        await asyncio.Event().wait()
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    clock = asyncio.get_running_loop()
    begun = clock.time()
    for start in range(0, len(all_events), script.join):
        piece = b"".join(all_events[start : start + script.join])
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        visit.ended = time()  # some clients leave before the chunk that ends it all
        visit.first = visit.first or visit.ended
        sent = script.size * (start + script.join) // len(all_events)
        if 0 <= script.stall <= sent:
            await asyncio.Event().wait()
        if script.rate:
            due = begun + sent / script.rate
            await asyncio.sleep(max(0.0, due - clock.time()))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


@contextmanager
def start() -> Iterator[str]:
    """Run the server in a process of its own and give its base URL."""
    command = [sys.executable, __file__]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        yield server.stdout.readline().strip()
        server.stdin.close()


if __name__ == "__main__":
    asyncio.run(_main())
