"""One answer in flight: it grows on the background loop, and any thread may look."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from math import inf
from time import monotonic, time
from typing import Any, TypeAlias

from apertis_magic.api.loop import SLICE, background, submit
from apertis_magic.api.types import ChatCompletionChunk, Usage
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend
from apertis_magic.errors import ApertisError

Outcome: TypeAlias = tuple[Turn, ApertisError | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of an answer that still comes.

    Attributes:
        text: the answer so far.
        reasoning: the model's thinking so far, where the server tells it.
        refusal: the text of a refusal so far.
        status: what is waited for, in a few words; shown while there is no text.
    """

    text: str
    reasoning: str = ""
    refusal: str = ""
    status: str = ""


class Reply:
    """An answer that starts at once and is written while others look on.

    It runs on the background loop; ``stop`` cancels it there at once, whether it is
    connecting, waiting or streaming. However it ends, ``turn`` then holds what came.

    Args:
        run: asks the question; called with this reply, it calls ``add`` for every
            chunk, and returns the turn and what went wrong, if anything.
        asked_model: the model that is asked.
    """

    def __init__(
        self,
        run: "Callable[[Reply], Coroutine[Any, Any, Outcome]]",
        *,
        asked_model: str,
    ) -> None:
        self.asked_model = asked_model
        self.status = "waiting"
        self.turn: Turn | None = None
        self.model = ""
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.malformed = 0
        self.first_text: float | None = None
        self.begin()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._grown = threading.Condition()
        self._done = threading.Event()
        self._error: Exception | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stopped = False
        self._pid = os.getpid()
        submit(self._run(run))

    def __repr__(self) -> str:
        state = self.turn.finish if self.turn else self.status
        return f"<Reply {state}: {len(self.text)} characters>"

    @property
    def text(self) -> str:
        """The answer so far."""
        return mend("".join(self._text))

    @property
    def reasoning(self) -> str:
        """The model's thinking so far, where the server tells it."""
        return mend("".join(self._reasoning))

    @property
    def refusal(self) -> str:
        """The text of a refusal so far."""
        return mend("".join(self._refusal))

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent."""
        return self.turn.elapsed if self.turn else monotonic() - self._begun

    @property
    def done(self) -> bool:
        """Whether the answer has ended, one way or another."""
        return self._done.is_set()

    def updates(
        self, every: float = 0.1, heartbeat: float | None = None
    ) -> Iterator[str]:
        """Give the text so far whenever it has grown, and once more at the end.

        Growth in between is never queued: who looks seldom gets fewer, larger steps.
        Leaving the loop early stops the answer.

        Args:
            every: seconds between two looks, at the least.
            heartbeat: look again after so many seconds even if nothing has come.
        """
        try:
            seen, ended = 0, False
            while not ended:
                before, seen = seen, self._wait_for_more(seen, heartbeat)
                ended = self.done
                yield self.text
                if seen > before:
                    self.wait(every)
        finally:
            self.stop()

    def stop(self) -> None:
        """End the answer now; what had come stays. After its end nothing happens."""
        if not self.done:
            background().call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # Once only: a second cancel would hit the closing of the connection.
        if not self._stopped:
            self._stopped = True
            if self._task is not None:
                self._task.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the answer's end, at most *timeout* seconds; tell if it came.

        An interrupt ends the wait and leaves the answer alone.

        Raises:
            ApertisError: this is a fork of the process that asked; the answer comes
                there.
        """
        if os.getpid() != self._pid:
            raise ApertisError("The answer belongs to the process that asked for it.")
        deadline = monotonic() + (inf if timeout is None else timeout)
        while not self.done and (left := deadline - monotonic()) > 0:
            self._done.wait(min(SLICE, left))
        return self.done

    def result(self) -> Turn:
        """Wait for the answer's end and return its turn, also when it was stopped.

        Raises:
            ApertisError: the question failed; ``turn`` has what came before.
        """
        self.wait()
        if self._error is not None:
            raise self._error
        if self.turn is None:
            raise RuntimeError("the answer ended without a turn")
        return self.turn

    def begin(self) -> None:
        """Start the clock; called when the question is about to be sent."""
        self.started = time()
        self._begun = monotonic()

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in what the server sent; called on the background loop."""
        self.model = chunk.model or self.model
        self.usage = chunk.usage or self.usage
        if chunk.notice is not None:
            self.status = "searching the web"
            return
        for choice in chunk.choices:
            if choice.index == 0:
                self.finish = choice.finish_reason or self.finish
                self._grow(self._reasoning, choice.delta.reasoning, "thinking")
                self._grow(self._refusal, choice.delta.refusal, "refusing")
                self._grow(self._text, choice.delta.content, "answering")

    def _grow(self, parts: list[str], piece: str | None, status: str) -> None:
        if not piece:
            return
        if status == "answering" and self.first_text is None:
            self.first_text = monotonic() - self._begun
        with self._grown:
            parts.append(piece)
            self.status = status
            self._grown.notify_all()

    async def _run(
        self, run: "Callable[[Reply], Coroutine[Any, Any, Outcome]]"
    ) -> None:
        self._task = asyncio.current_task()
        if self._stopped and self._task is not None:
            self._task.cancel()  # before it began; the first wait inside ends it
        try:
            self.turn, self._error = await run(self)
        except BaseException as error:
            # Only a mistake of ours ends here; whoever waits must hear of it.
            self._error = RuntimeError(f"the answer ended with {error!r}")
            raise
        finally:
            self._done.set()
            with self._grown:
                self._grown.notify_all()

    def _wait_for_more(self, seen: int, heartbeat: float | None) -> int:
        deadline = monotonic() + (heartbeat or inf)
        with self._grown:
            while not self.done and len(self._text) <= seen and monotonic() < deadline:
                self._grown.wait(min(SLICE, max(deadline - monotonic(), 0)))
            return len(self._text)
