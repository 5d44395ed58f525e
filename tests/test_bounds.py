"""The bounds of ``make bench`` that time does not change: counts and bytes."""

import json

import loading
import pytest
from answers import answer, pieces
from kernel_driver import Kernel
from scripted_server import DONE, Answer, ScriptedServer, chunk, says


def test_loading_imports_nothing_heavy() -> None:
    """A kernel that never asks pays for no HTTP, widgets or Markdown."""
    _, heavy = loading.load()

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
    outputs = [o["data"] for o in done.outputs if "text/plain" in o["data"]]

    assert text == "".join(data["text/plain"] for data in outputs)
    assert len(done.outputs) <= 45
    assert sent <= most * size


def test_cells_share_a_connection(kernel: Kernel, server: ScriptedServer) -> None:
    """Twenty cells open one."""
    server.will(says("A"))
    for _ in range(20):
        kernel.run("%%chat\na")

    assert 20 == len(server.requests)
    assert 1 == server.connections
