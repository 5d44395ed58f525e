"""The bounds of ``make bench`` that time does not change: counts and bytes."""

import json
import threading

import loading
import pytest
from answers import answer, pieces
from kernel_driver import Kernel
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk, says
from turns import said


def test_loading_imports_nothing_heavy() -> None:
    """A kernel that never asks pays for no HTTP, widgets or Markdown."""
    _, heavy, _ = loading.load()

    assert [] == heavy


@pytest.mark.parametrize(("size", "most"), [(4_000, 10), (40_000, 6), (400_000, 5)])
def test_an_answer_that_comes_at_once(
    kernel: Kernel, server: ScriptedServer, size: int, most: int
) -> None:
    """It is few displays, and few bytes for each of its own."""
    text = answer(size)
    events = [chunk(piece) for piece in pieces(text)]
    server.will(Answer((b"".join([*events, chunk(finish="stop"), DONE]),)))
    done = kernel.run("%%chat --new\nx")
    sent = sum(len(json.dumps(m["content"])) for m in done.messages)
    outputs = [o["data"] for o in done.outputs]

    assert text == "".join(map(said, outputs))
    assert len(done.outputs) <= 45
    assert sent <= most * size


def test_an_answer_that_comes_in_two_bursts(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Most of it came just before its end, and is not sent twice."""
    text = answer(40_000)
    begun, nearly = threading.Event(), threading.Event()
    burst = b"".join(chunk(piece) for piece in pieces(text[1_000:39_000]))
    end = (chunk(text[39_000:]), chunk(finish="stop"), DONE)
    server.will(
        Answer((chunk(text[:1_000]), Wait(begun), burst, Wait(nearly), *end)),
    )
    request = kernel.start("%%chat --new\nx")
    sent = 0
    for number, message in enumerate(kernel.messages(request)):
        sent += len(json.dumps(message["content"]))
        (begun if number == 0 else nearly).set()

    assert 3.5 * len(text) < sent <= 6 * len(text)


def test_cells_share_a_connection(kernel: Kernel, server: ScriptedServer) -> None:
    """Twenty cells open one."""
    server.will(says("A"))
    for _ in range(20):
        kernel.run("%%chat\na")

    assert 20 == len(server.requests)
    assert 1 == server.connections
