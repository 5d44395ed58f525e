"""A Chat Completions server for benchmarks: streams any size in any chunking and pace.

The request's ``model`` says what to stream, as in ``size=40000,chunks=5000``::

    size     characters of the answer
    chunks   events that it is cut into
    rate     characters per second; 0, the default, is as fast as it goes
    join     events per HTTP chunk; 1, the default, is what real servers do

It runs in a process of its own, so that its work is not measured, and ends with its
standard input. ``start`` starts it; ``python benchmarks/sse_server.py`` prints its URL.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

WORDS = "The sky is blue because air scatters short waves of light more.\n\n"


@dataclass(frozen=True, kw_only=True)
class Script:
    """What to stream."""

    size: int = 40_000
    chunks: int = 5_000
    rate: float = 0.0
    join: int = 1

    @classmethod
    def parse(cls, model: str) -> "Script":
        """Read the model's name."""
        given = dict(part.split("=") for part in model.split(",") if "=" in part)
        return cls(
            size=int(given.get("size", cls.size)),
            chunks=int(given.get("chunks", cls.chunks)),
            rate=float(given.get("rate", cls.rate)),
            join=int(given.get("join", cls.join)),
        )

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in vars(self).items())


def text_of(script: Script) -> str:
    """Return the answer's text."""
    return (WORDS * (script.size // len(WORDS) + 1))[: script.size]


def events(script: Script) -> Iterator[bytes]:
    """Give the answer's events, each with the fields that real servers send."""
    text = text_of(script)
    cuts = [script.size * i // script.chunks for i in range(script.chunks + 1)]
    for start, end in pairwise(cuts):
        yield _event({"content": text[start:end]})
    usage = {"prompt_tokens": 9, "completion_tokens": script.chunks, "total_tokens": 0}
    yield _event({}, finish="stop", usage=usage)
    yield b"data: [DONE]\n\n"


def _event(delta: object, finish: str | None = None, **fields: object) -> bytes:
    payload = {
        "id": "chatcmpl-0123456789abcdef",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "benchmark",
        "system_fingerprint": None,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **fields,
    }
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode("latin-1").lower().split("\r\n")
            lengths = [line for line in lines if line.startswith("content-length:")]
            length = int(lengths[0].partition(":")[2]) if lengths else 0
            body = json.loads(await reader.readexactly(length))
            await _stream(writer, Script.parse(body["model"]))
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        pass  # the client has what it wanted, or the benchmark is over
    finally:
        writer.close()


async def _stream(writer: asyncio.StreamWriter, script: Script) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    pieces = list(events(script))
    clock = asyncio.get_running_loop()
    begun = clock.time()
    for start in range(0, len(pieces), script.join):
        piece = b"".join(pieces[start : start + script.join])
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if script.rate:
            due = begun + start * script.size / script.chunks / script.rate
            await asyncio.sleep(max(0.0, due - clock.time()))
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


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
