"""What it costs to turn a stream into text: 40 KB in 5 000 chunks, beside a bare loop.

CPU seconds of this process, by the least of many rounds in turn; the server is another
process. The bare loop is httpx's ``iter_lines`` and ``json.loads``, which is neither
right on every wire nor aware of errors; the bound is 1.5 times its CPU.

    python benchmarks/decode.py
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any

import httpx
import httpx_sse
from sse_server import Script, events, start, text_of

from apertis_magic import Apertis, AsyncApertis
from apertis_magic.api.sse import Decoder

ROUNDS = 25
Ask = Callable[[], str]


def main() -> None:
    """Print the costs, per row: one event in an HTTP chunk, as servers send, and 50."""
    decoders()
    with start() as url:
        for join in (1, 50):
            script = Script(join=join)
            print(f"\n{script}")
            with contestants(url, str(script)) as found:
                compare(found, text_of(script))


def compare(contestants: Mapping[str, Ask], expected: str) -> None:
    """Run all in turn and print the least that each took."""
    cpu: dict[str, float] = {}
    wall: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, ask in contestants.items():
            begun, used = perf_counter(), process_time()
            assert ask() == expected

            cpu[name] = min(process_time() - used, cpu.get(name, 1e9))
            wall[name] = min(perf_counter() - begun, wall.get(name, 1e9))
    least = cpu["bare loop"]
    for name, used in cpu.items():
        print(
            f"{name:22} {used * 1e3:6.0f} ms CPU, {wall[name] * 1e3:4.0f} ms wall, "
            f"{used / least:.2f} x"
        )


def decoders() -> None:
    """Print what the two decoders of server-sent events cost, without a network."""
    body = b"".join(events(Script()))
    headers = {"Content-Type": "text/event-stream"}

    def theirs() -> int:
        response = httpx.Response(200, headers=headers, content=body)
        return len(list(httpx_sse.EventSource(response).iter_sse()))

    def ours() -> int:
        return len(Decoder().feed(body))

    for name, decode in {"httpx-sse": theirs, "ours": ours}.items():
        used = []
        for _ in range(ROUNDS):
            begun = process_time()
            assert decode() == 5002

            used.append(process_time() - begun)
        print(f"decoder: {name:18} {min(used) * 1e3:5.1f} ms CPU")


@contextmanager
def contestants(url: str, model: str) -> Iterator[dict[str, Ask]]:
    """Give the ways to ask, each with a connection of its own that is kept."""
    request = {"model": model, "messages": [{"role": "user", "content": "x"}]}
    loop = asyncio.new_event_loop()
    plain, ours = httpx.Client(timeout=None), Apertis(base_url=url)  # noqa: S113
    in_loop = AsyncApertis(base_url=url)
    post = (url + "/chat/completions", {**request, "stream": True})
    yield {
        "bare loop": lambda: bare(plain, *post),
        "httpx-sse": lambda: with_httpx_sse(plain, *post),
        "Apertis": lambda: sync(ours, request),
        "AsyncApertis": lambda: loop.run_until_complete(other(in_loop, request)),
    }
    plain.close()
    ours.close()
    loop.run_until_complete(in_loop.aclose())
    loop.close()


def bare(client: httpx.Client, url: str, body: Any) -> str:
    """Read the lines and the JSON, and nothing else."""
    pieces = []
    with client.stream("POST", url, json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                delta = json.loads(line[6:])["choices"][0]["delta"]
                pieces.append(delta.get("content") or "")
    return "".join(pieces)


def with_httpx_sse(client: httpx.Client, url: str, body: Any) -> str:
    """Do the same by httpx-sse."""
    pieces = []
    with httpx_sse.connect_sse(client, "POST", url, json=body) as source:
        for event in source.iter_sse():
            if event.data != "[DONE]":
                delta = json.loads(event.data)["choices"][0]["delta"]
                pieces.append(delta.get("content") or "")
    return "".join(pieces)


def sync(client: Apertis, request: Any) -> str:
    """Ask in plain code."""
    stream = client.chat.completions.create(**request, stream=True)
    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)


async def other(client: AsyncApertis, request: Any) -> str:
    """Ask on an event loop."""
    async with await client.chat.completions.create(**request, stream=True) as stream:
        return "".join(
            [c.choices[0].delta.content or "" async for c in stream if c.choices]
        )


if __name__ == "__main__":
    main()
