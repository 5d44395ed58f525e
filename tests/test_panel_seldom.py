"""What a panel tells its pages at turns that seldom come together."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted_server import ScriptedServer, fails, says

from apertis_magic.chat import session
from apertis_magic.chat.session import Session
from apertis_magic.panel.actions import Actions
from apertis_magic.panel.feed import Feed
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json

Tells = Callable[..., list[Json]]


@pytest.fixture
def here(server: ScriptedServer) -> Session:  # noqa: ARG001  it asks there
    """Return this test's Session, which asks the server."""
    return session.current()


@pytest.fixture
def tells(here: Session) -> Tells:
    """Return what does one thing, and gives what the pages are told of it."""
    actions, feed = Actions(here, lambda _: None), Feed()

    def told(kind: str, **fields: Any) -> Iterator[Json]:
        actions.do(Request(kind=kind, **fields))
        yield from feed.news(here.current)
        for each in here.current.under_way:
            each.reply.wait(60)
        yield from feed.news(here.current)

    return lambda kind, **fields: list(told(kind, **fields))


def _shown(news: list[Json]) -> list[Json]:
    return [turn for message in news for turn in message.get("turns", ())]


def test_an_answer_that_cannot_go_on(tells: Tells, server: ScriptedServer) -> None:
    """The half stays, with what went wrong below it until it does go on."""
    half = says("half", finish="length")
    server.will(half, fails(401, "bad key"), says(" whole"))
    turn = _shown(tells("ask", text="1?"))[-1]
    failed = _shown(tells("continue", turn=turn["id"]))[-1]
    whole = _shown(tells("continue", turn=turn["id"]))[-1]

    assert ("half", "") == (failed["text"], failed["error"])
    assert "bad key" in failed["failed"][0]
    assert ("half whole", None) == (whole["text"], whole["failed"])
