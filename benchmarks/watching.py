"""Waiting for what a kernel shows and what the server sees, without polling long."""

from collections.abc import Callable, Iterator
from math import inf
from time import sleep, time
from typing import Any

PATIENCE = 60.0


def seen(messages: Iterator[Any], words: str, part: str = "") -> float:
    """Return when these words came in a message, infinity if its cell ended first.

    Args:
        messages: of one cell, as they come.
        words: what to wait for.
        part: of the content, such as ``metadata``; "" for all of it.
    """
    for message in messages:
        content = message["content"]
        if words in str(content.get(part) if part else content):
            return time()
    return inf


def until(is_so: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait until something is so; return whether it came to be."""
    give_up = time() + patience
    while not is_so():
        if time() > give_up:
            return False
        sleep(0.005)
    return True
