"""A process that asks hostile servers, and tells what each cost it.

Its arguments are a way to ask and the servers' base URLs. For each a fork of it writes
a line of JSON: the most memory above the start in MB, the seconds, what came of it.
"""

import asyncio
import json
import os
import resource
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any

from apertis_magic import Apertis, ApertisError, AsyncApertis, Conversation

HELLO = [{"role": "user", "content": "Hello!"}]


def stream(url: str) -> None:
    """Take the chunks one by one."""
    asked = Apertis(base_url=url, max_retries=0).chat.completions
    for _ in asked.create(model="m", messages=HELLO, stream=True):
        pass


def completion(url: str) -> None:
    """Put a streamed answer together, on an event loop."""

    async def ask() -> None:
        async with AsyncApertis(base_url=url, max_retries=0) as client:
            opened = await client.chat.completions.create(
                model="m", messages=HELLO, stream=True
            )
            await opened.completion()

    asyncio.run(ask())


def whole(url: str) -> None:
    """Ask for the answer in one piece."""
    asked = Apertis(base_url=url, max_retries=0).chat.completions
    asked.create(model="m", messages=HELLO)


def conversation(url: str) -> None:
    """Ask in a conversation."""
    client = AsyncApertis(base_url=url, max_retries=0)
    Conversation(model="m", client=client).ask("Hello!").result()


def models(url: str) -> None:
    """Ask for the list of models."""
    Apertis(base_url=url, max_retries=0).models.list()


WAYS: dict[str, Callable[[str], None]] = {
    each.__name__: each for each in (stream, completion, whole, conversation, models)
}


def most() -> float:
    """Return the most that this process has had in memory, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def cost(way: Callable[[str], None], url: str) -> dict[str, Any]:
    """Ask one server, and return what it cost."""
    before, begun = most(), monotonic()
    kind = said = ""
    try:
        way(url)
    except ApertisError as error:
        kind, said = "ApertisError", str(error)
    except BaseException as error:  # noqa: BLE001  the test says that there is none
        kind, said = type(error).__name__, repr(error)
    spent = {"peak": most() - before, "seconds": monotonic() - begun}
    return {"kind": kind, "said": said, **spent}


if __name__ == "__main__":
    for each in sys.argv[2:]:
        if (child := os.fork()) == 0:
            line = json.dumps(cost(WAYS[sys.argv[1]], each)) + "\n"
            os.write(sys.stdout.fileno(), line.encode())
            os._exit(0)
        os.waitpid(child, 0)
