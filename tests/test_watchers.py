"""Who wants to know of a change is told, whatever the others do."""

import logging
from threading import Thread

import pytest

from apertis_magic.chat.watchers import Watchers


def test_all_are_told_until_they_are_taken_out() -> None:
    """The same one as often as it was added; taking it out twice takes one out."""
    watchers, told = Watchers(), list[str]()
    watchers.tell()
    out = watchers.add(lambda: told.append("a"))
    again = watchers.add(told.clear)
    again()
    same = lambda: told.append("b")  # noqa: E731  one function, added twice
    outs = [watchers.add(same), watchers.add(same)]
    watchers.tell()
    out()
    out()
    outs[0]()
    outs[0]()
    watchers.tell()

    assert ["a", "b", "b", "b"] == told


def test_one_that_fails_hinders_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """It is in the log, and the others are told."""
    watchers, told = Watchers(), list[int]()
    watchers.add(lambda: told.append(1 // 0))
    watchers.add(lambda: told.append(1))
    watchers.tell()
    [record] = caplog.records

    assert [1] == told
    assert ("apertis_magic.chat.watchers", logging.ERROR) == (
        record.name,
        record.levelno,
    )
    assert "ZeroDivisionError" in caplog.text


def test_one_may_take_itself_out_or_add_another() -> None:
    """Whoever was there when the telling began is told, and no one twice."""
    watchers, told = Watchers(), list[str]()

    def once() -> None:
        told.append("once")
        out()
        watchers.add(lambda: told.append("later"))

    out = watchers.add(once)
    watchers.add(lambda: told.append("always"))
    watchers.tell()
    watchers.tell()

    assert ["once", "always", "always", "later"] == told


def test_threads_add_and_tell_at_once() -> None:
    """Nobody stays who was taken out, and nothing breaks."""
    watchers, told = Watchers(), list[None]()

    def come_and_go() -> None:
        for _ in range(500):
            out = watchers.add(lambda: told.append(None))
            watchers.tell()
            out()

    threads = [Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = len(told)
    watchers.tell()

    assert seen >= 4 * 500
    assert seen == len(told)
