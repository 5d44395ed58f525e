"""What a panel's threads do, how much may wait for them, and what their end is."""

import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from apertis_magic.chat import session
from apertis_magic.panel.publisher import Publisher
from apertis_magic.panel.requests import Request
from apertis_magic.panel.saved import SavedTranscript
from apertis_magic.panel.worker import MOST, Worker


class Slow:
    """A worker whose first request takes until ``go`` is set."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.done: SimpleQueue[Request] = SimpleQueue()
        self.worker = Worker(self._do)
        self.worker.add(Request(kind="new", token="first"))  # noqa: S106  no secret
        self.begun.wait(60)

    def _do(self, request: Request) -> None:
        self.begun.set()
        self.go.wait(60)
        self.done.put(request)
        if request.text == "raise":
            raise RuntimeError("it broke")


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Yield a worker that has begun something."""
    made = Slow()
    yield made
    made.go.set()
    made.worker.close()


def test_few_requests_wait(slow: Slow) -> None:
    """What comes when there are too many is refused, and what waits is done in turn."""
    sent = [Request(kind="new", token=str(number)) for number in range(10_000)]
    taken = [slow.worker.add(request) for request in sent]
    slow.go.set()
    done = [slow.done.get(timeout=60) for _ in range(MOST + 1)]

    assert [True] * MOST + [False] * (len(sent) - MOST) == taken
    assert sent[:MOST] == done[1:]
    assert slow.worker.add(Request(kind="new"))


def test_one_that_waits_waits_once(slow: Slow) -> None:
    """However often a page sends it."""
    again = Request(kind="models", view="v")
    taken = [slow.worker.add(again) for _ in range(10_000)]
    slow.worker.add(Request(kind="undo"))
    slow.go.set()

    assert all(taken)
    assert ["new", "models", "undo"] == [
        slow.done.get(timeout=60).kind for _ in range(3)
    ]


@pytest.mark.parametrize("heavy", ["text", "file"])
def test_heavy_requests_wait_for_each_other(slow: Slow, *, heavy: str) -> None:
    """Sixteen million characters and bytes are kept, and no more."""
    sent = [
        Request(kind="ask", token=str(number), text="x" * 2_000_000)
        if heavy == "text"
        else Request(kind="ask", token=str(number), files=(("a", bytes(2_000_000)),))
        for number in range(10)
    ]

    assert [True] * 8 + [False] * 2 == [slow.worker.add(request) for request in sent]


def test_what_breaks_is_logged(slow: Slow, caplog: pytest.LogCaptureFixture) -> None:
    """And the next request is done all the same."""
    slow.worker.add(Request(kind="new", text="raise"))
    slow.worker.add(Request(kind="undo"))
    with caplog.at_level(logging.ERROR):
        slow.go.set()
        kinds = [slow.done.get(timeout=60).kind for _ in range(3)]

    assert ["new", "new", "undo"] == kinds
    assert "it broke" in caplog.text


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("is_sending", [False, True])
def test_nothing_is_sent_after_the_end(*, is_sending: bool) -> None:
    """A process that ends breaks off answers; that is no fault of the network's."""
    sent: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def send(message: Any, _buffers: Any) -> None:
        sent.append(message["kind"])
        if message["kind"] == "slow":
            begun.set()
            go.wait(60)

    current = session.current()
    publisher = Publisher(current, {}, SavedTranscript(current), send)
    thread = threading.Thread(target=publisher.run)
    thread.start()
    publisher.answer(Request(kind="hello", view="v"))
    publisher.post({"kind": "slow"})
    begun.wait(60)
    if is_sending:
        end = threading.Thread(target=publisher.close)
        end.start()
        go.set()
        end.join(60)
    else:
        go.set()
        publisher.close()
    so_far = [*sent]
    publisher.post({"kind": "late"})
    thread.join(60)

    assert "slow" in so_far
    assert so_far == sent
