"""One answer in flight: it grows on the background loop, and any thread may look."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

from apertis_magic.api.loop import background, submit
from apertis_magic.api.wakeup import Wakeup
from apertis_magic.chat.draft import Draft, Progress
from apertis_magic.chat.turn import Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.credentials import NO_ECHO, Echo
from apertis_magic.errors import ApertisError

Ending: TypeAlias = tuple[Turn, ApertisError | None]
"""The turn that an answer has become, and what went wrong, None for nothing."""


class Reply:
    """An answer that starts at once and is written while others look on.

    ``Conversation.ask`` makes it. It runs on the background loop; ``stop`` cancels it
    there at once, whether it is connecting, waiting or streaming. However it ends,
    ``turn`` then holds what came. Any thread may look at it.

    Args:
        run: asks the question, writes the answer to the draft, and returns the turn
            and what went wrong, if anything.
        asked_model: the model that is asked.
        partial: the turn whose answer is completed; None for a new answer.
        watchers: are told of each change, on the background loop, and at the very end.
        echo: the keys of the request, which the server may repeat.

    Attributes:
        id: that of the turn to come.
        asked_model: the model that is asked.
        turn: the finished turn, None until the answer has ended.

    Example:
        >>> from apertis_magic import Conversation
        >>> reply = Conversation().ask("What is the capital of Japan?")
        >>> for text in reply.updates():  # the text so far, whenever it has grown
        ...     pass
        >>> print(text)
        The capital of Japan is ...
        >>> reply.result().finish
        'stop'
    """

    def __init__(
        self,
        run: Callable[[Draft], Coroutine[Any, Any, Ending]],
        *,
        asked_model: str,
        partial: Turn | None = None,
        watchers: Watchers | None = None,
        echo: Echo = NO_ECHO,
    ) -> None:
        self._watchers = watchers or Watchers()
        self._draft = Draft(asked_model, partial, self._watchers, echo)
        self.id = self._draft.id
        self.asked_model = asked_model
        self.turn: Turn | None = None
        self._done = False
        self._ended = Wakeup()
        self._error: ApertisError | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stopped = False
        self._pid = os.getpid()
        try:
            submit(self._run(run))
        except BaseException:  # an interrupt: it may run, and nobody would know of it
            self.stop()
            raise

    def __repr__(self) -> str:
        state = self.turn.finish if self.turn else self._draft.phase
        return f"<Reply {state}: {len(self.text)} characters>"

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._draft.text

    @property
    def reasoning(self) -> str:
        """The model's thinking so far, where the server tells it."""
        return self._draft.reasoning

    @property
    def refusal(self) -> str:
        """The text of a refusal so far."""
        return self._draft.refusal

    @property
    def now(self) -> Progress:
        """What is known of the answer at this moment, while it still comes."""
        return self._draft.progress

    @property
    def status(self) -> str:
        """What happens now, such as ``gpt-4.1-mini · waiting 3 s``."""
        return self._draft.status_after(self.elapsed)

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent."""
        return self.turn.elapsed if self.turn else self._draft.elapsed

    @property
    def done(self) -> bool:
        """Whether the answer has ended, one way or another."""
        return self._done

    @property
    def error(self) -> ApertisError | None:
        """What went wrong, None while nothing has; ``turn`` has what came before."""
        return self._error

    @property
    def is_of_this_process(self) -> bool:
        """Whether this process asked; a fork of it never sees the answer's end."""
        return os.getpid() == self._pid

    def updates(self, every: float = 0.1) -> Iterator[str]:
        """Give the text so far whenever it has grown, and once more at the end.

        Growth in between is never queued: who looks seldom gets fewer, larger steps.
        Leaving the loop early stops the answer.

        Args:
            every: seconds between two looks, at the least.

        Raises:
            ApertisError: this is a fork of the process that asked.
        """
        try:
            yield from self.watch(every)
        finally:
            self.stop()

    def watch(self, every: float = 0.1) -> Iterator[str]:
        """Give the same as ``updates``; leaving it early leaves the answer alone.

        Args:
            every: seconds between two looks, at the least.
        """
        before = ""
        for progress in self._snapshots(every):
            if self.done or len(progress.text) > len(before):
                yield progress.text
            before = progress.text

    def progress(
        self, every: float = 0.1, heartbeat: float | None = None
    ) -> Iterator[Progress]:
        """Give what is known whenever anything has come, and once more at the end.

        Args:
            every: seconds between two looks, at the least.
            heartbeat: look again after so many seconds even if nothing has come.
        """
        try:
            yield from self._snapshots(every, heartbeat)
        finally:
            self.stop()

    def _snapshots(
        self, every: float, heartbeat: float | None = None
    ) -> Iterator[Progress]:
        seen, ended = 0, False
        while not ended:
            before, seen = seen, self._wait_for_more(seen, heartbeat)
            ended = self.done
            yield self._draft.progress
            if seen > before:
                self.wait(every)

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

    def settle(self) -> Turn | None:
        """Stop, and return what had come, however often the user interrupts."""
        while not self.done:
            with suppress(KeyboardInterrupt):
                self.stop()
                self.wait()
        return self.turn

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the answer's end, and return whether it came.

        An interrupt ends the wait and leaves the answer alone.

        Args:
            timeout: seconds to wait at the most; None for as long as it takes.

        Raises:
            ApertisError: this is a fork of the process that asked; the answer comes
                there.
        """
        self._check_process()
        return self._ended.wait(lambda: self.done, timeout)

    def _check_process(self) -> None:
        if not self.is_of_this_process:
            raise ApertisError("The answer belongs to the process that asked for it.")

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

    async def _run(self, run: Callable[[Draft], Coroutine[Any, Any, Ending]]) -> None:
        self._task = asyncio.current_task()
        self._watchers.tell()
        if self._stopped and self._task is not None:
            self._task.cancel()  # before it began; the first wait inside ends it
        try:
            turn, self._error = await run(self._draft)
            self._draft.end(turn)
            self.turn = turn
        except BaseException as error:
            # Only a mistake of ours ends here; whoever waits must hear of it.
            self._error = ApertisError(f"The answer ended with {error!r}.")
            raise
        finally:
            self._done = True
            self._ended.wake()
            self._draft.grown.wake()
            self._watchers.tell()

    def _wait_for_more(self, seen: int, heartbeat: float | None) -> int:
        self._check_process()
        draft = self._draft
        draft.grown.wait(lambda: self.done or draft.steps > seen, heartbeat or None)
        return draft.steps
