"""What it costs to turn a stream into text: 40 KB in 5 000 chunks, beside a bare loop.

CPU of this process alone; the server is another. The bare loop is httpx's
``iter_lines`` and ``json.loads``, neither right on every wire nor aware of errors.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import process_time
from typing import Any

import httpx
import httpx_sse
from figures import FLOOR, Figure, middle
from report import show
from sse_server import Script, events, text_of

from apertis_magic import Apertis, AsyncApertis
from apertis_magic.api.sse import Decoder

ROUNDS = 15
OUR_CLIENTS = ("Apertis", "AsyncApertis")
Ask = Callable[[], str]


def figures(url: str) -> Iterator[Figure]:
    """Read the answer in every way, in turn: an event in an HTTP chunk, and 50."""
    yield from decoders()
    for join in (1, 50):
        script = Script(join=join)
        with contestants(url, str(script)) as found:
            yield from compare(found, script)


def compare(contestants: Mapping[str, Ask], script: Script) -> Iterator[Figure]:
    """Run all in turn; the figures are ratios to the floor of the same round."""
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    expected = text_of(script)
    for number in range(ROUNDS):
        names = list(contestants)
        for name in names if number % 2 else reversed(names):
            used = process_time()
            assert contestants[name]() == expected

            cpu[name].append(process_time() - used)
    what = f"client: CPU of 5,000 chunks, {script.join} in each of HTTP's"
    for name in list(cpu)[1:]:
        ratios = [a / b for a, b in zip(cpu[name], cpu[FLOOR], strict=True)]
        # With 50 the floor does next to nothing for each; no server sends so.
        most = 1.5 if name in OUR_CLIENTS and script.join == 1 else None
        yield middle(ratios, f"{what}: {name}", unit="x", most=most)


def decoders() -> Iterator[Figure]:
    """Compare the two decoders of server-sent events, without a network."""
    body = b"".join(events(Script()))
    headers = {"Content-Type": "text/event-stream"}

    def theirs() -> int:
        response = httpx.Response(200, headers=headers, content=body)
        return len(list(httpx_sse.EventSource(response).iter_sse()))

    def ours() -> int:
        return len(Decoder().feed(body))

    used: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for times, decode in zip(used, (ours, theirs), strict=True):
            begun = process_time()
            assert decode() == 5002

            times.append(process_time() - begun)
    ratios = [mine / other for mine, other in zip(*used, strict=True)]
    yield middle(ratios, "client: CPU of decoding alone, beside httpx-sse", unit="x")


@contextmanager
def contestants(url: str, model: str) -> Iterator[dict[str, Ask]]:
    """Give the ways to ask, each with a connection of its own that is kept."""
    request = {"model": model, "messages": [{"role": "user", "content": "x"}]}
    loop = asyncio.new_event_loop()
    plain, ours = httpx.Client(timeout=None), Apertis(base_url=url)  # noqa: S113
    in_loop = AsyncApertis(base_url=url)
    post = (url + "/chat/completions", {**request, "stream": True})
    yield {
        FLOOR: lambda: bare(plain, *post),
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
    show(figures)
