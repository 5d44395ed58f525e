"""One answer in flight: it grows on the background loop, and any thread may look."""

import asyncio
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from time import monotonic, time
from typing import Any, TypeAlias
from uuid import uuid4

from apertis_magic.api.loop import SLICE, background, submit
from apertis_magic.api.response import Response
from apertis_magic.api.types import ChatCompletionChunk, ChunkChoice, Usage, WebSource
from apertis_magic.chat.turn import Source, Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.clean import mend
from apertis_magic.errors import ApertisError

Ending: TypeAlias = tuple[Turn, ApertisError | None]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of an answer that still comes.

    Attributes:
        text: the answer's text so far.
        reasoning: the model's thinking so far, where the server tells it.
        refusal: the text of a refusal so far.
        status: what happens now, such as ``gpt-4.1-mini · waiting 3 s``.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    status: str = ""


class Reply:
    """An answer that starts at once and is written while others look on.

    ``Conversation.ask`` makes it. It runs on the background loop; ``stop`` cancels it
    there at once, whether it is connecting, waiting or streaming. However it ends,
    ``turn`` then holds what came. Any thread may look at it.

    Args:
        run: asks the question; called with this reply, it calls ``add`` for every
            chunk, and returns the turn and what went wrong, if anything.
        asked_model: the model that is asked.
        partial: the turn that this answer goes on with.
        watchers: are told of each change, on the background loop, and at the very end.

    Attributes:
        id: that of the turn to come.
        turn: the finished turn, None until the answer has ended.
        model: the model that answers, as the server names it; empty until it has.
        usage: the tokens it took, once the server has told them.
        finish: why it ended (``finish_reason`` of the API), None until it has.
        malformed: events of the stream that could not be read.
        fallback: why another model than the asked one answers, else empty.
        left_out: how many turns were not sent, since they would not have fitted.
        cached: whether the journal answered, without a request.
        first_text: seconds from the start to the first text, None until then.
        started: when the question was sent, in seconds since 1970.

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
        run: "Callable[[Reply], Coroutine[Any, Any, Ending]]",
        *,
        asked_model: str,
        partial: Turn | None = None,
        watchers: Watchers | None = None,
    ) -> None:
        self.id = partial.id if partial else uuid4().hex
        self.asked_model = asked_model
        self.turn: Turn | None = None
        self.model = ""
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.malformed = 0
        self.fallback = ""
        self.left_out = 0
        self.cached = False
        self._served: str | None = None
        self.first_text: float | None = None
        self.started, self._begun = time(), monotonic()
        self._phase = "waiting for the answer before it"
        self._again: tuple[float, str] | None = None
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._sources: dict[str, Source] = {}
        self._steps = 0
        self._is_partial = partial is not None
        if partial is not None:
            self._texts[0].append(partial.text)
            self._reasoning.append(partial.reasoning)
            self._sources.update({page.url: page for page in partial.sources})
        self._watchers = watchers or Watchers()
        self._grown = threading.Condition()
        self._done = threading.Event()
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
        state = self.turn.finish if self.turn else self._phase
        return f"<Reply {state}: {len(self.text)} characters>"

    @property
    def text(self) -> str:
        """The answer so far."""
        return mend("".join(self._texts[0]))

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The other answers so far, where several were asked for."""
        others = sorted(index for index in tuple(self._texts) if index)
        return tuple(mend("".join(self._texts[index])) for index in others)

    @property
    def reasoning(self) -> str:
        """The model's thinking so far, where the server tells it."""
        return mend("".join(self._reasoning))

    @property
    def refusal(self) -> str:
        """The text of a refusal so far."""
        return mend("".join(self._refusal))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The pages of the web that the answer rests on, as far as they came."""
        return tuple(self._sources.values())

    @property
    def status(self) -> str:
        """What happens now, such as ``gpt-4.1-mini · waiting 3 s``."""
        what = f"{self._phase} {self.elapsed:.0f} s"
        if self._again is not None:
            due, why = self._again
            left = due - monotonic()
            what = f"retrying in {left:.0f} s ({why})" if left > 0 else what
        return f"{self.asked_model} · {what}"

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent."""
        return self.turn.elapsed if self.turn else monotonic() - self._begun

    @property
    def done(self) -> bool:
        """Whether the answer has ended, one way or another."""
        return self._done.is_set()

    @property
    def error(self) -> ApertisError | None:
        """What went wrong, None while nothing has; ``turn`` has what came before."""
        return self._error

    @property
    def is_here(self) -> bool:
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
            yield Progress(self.text, self.reasoning, self.refusal, self.status)
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
        deadline = monotonic() + (inf if timeout is None else timeout)
        while not self.done and (left := deadline - monotonic()) > 0:
            self._done.wait(min(SLICE, left))
        return self.done

    def _check_process(self) -> None:
        if not self.is_here:
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

    def begin(self) -> None:
        """Start the clock; called when the question is about to be sent."""
        self.started, self._begun = time(), monotonic()
        self._phase = "waiting"
        self._watchers.tell()

    def note_retry(self, error: ApertisError, seconds: float) -> None:
        """Take note that the question is sent again.

        Args:
            error: what went wrong.
            seconds: until the next try.
        """
        why = str(error.status) if error.status else "no connection"
        self._again = monotonic() + seconds, why
        self._watchers.tell()

    def note_response(self, response: Response) -> None:
        """Take in what the headers of *response* tell of who answers."""
        if response.fallback_used:
            self._served = response.actual_model
            self.fallback = response.fallback_reason or "it could not answer"

    def take_cached(self, turn: Turn) -> None:
        """Take in the answer of *turn*, given before; called on the background loop."""
        self.cached, self.finish = True, turn.finish
        self.model, self.usage = turn.model, turn.usage
        self.first_text = monotonic() - self._begun
        self._sources.update({page.url: page for page in turn.sources})
        for number, text in enumerate(turn.alternatives, 1):
            self._grow(self._texts[number], text)
        self._grow(self._reasoning, turn.reasoning, "thinking")
        self._grow(self._refusal, turn.refusal, "refusing")
        self._grow(self._texts[0], turn.text, "answering")

    def growth(self) -> Iterator[dict[str, str]]:
        """Give what each part of the answer has grown by, whenever it is asked.

        The parts are ``text``, ``reasoning``, ``refusal``, and the other answers by
        their number. Halves of a character may stand at their ends.
        """
        seen = {"text": 1, "reasoning": 1} if self._is_partial else {}
        while True:
            now = {
                "text": self._texts[0],
                "reasoning": self._reasoning,
                "refusal": self._refusal,
                **{str(n): self._texts[n] for n in tuple(self._texts) if n},
            }
            new = {
                name: "".join(parts[seen.get(name, 0) :])
                for name, parts in now.items()
                if len(parts) > seen.get(name, 0)
            }
            seen = {name: len(parts) for name, parts in now.items()}
            yield new

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in *chunk* of the server; called on the background loop."""
        self.model = self._served or chunk.model or self.model
        self.usage = chunk.usage or self.usage
        if chunk.notice is not None:
            self._phase = "searching the web"
            self._watchers.tell()
            return
        self._cite(chunk.web_sources)
        for choice in chunk.choices:
            if choice.index == 0:
                self._take(choice)
            else:
                self._grow(self._texts[choice.index], choice.delta.content)

    def _take(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        self.finish = choice.finish_reason or self.finish
        self._cite(delta.annotations)
        self._grow(self._reasoning, delta.reasoning, "thinking")
        self._grow(self._refusal, delta.refusal, "refusing")
        if delta.content and self.first_text is None:
            self.first_text = monotonic() - self._begun
        self._grow(self._texts[0], delta.content, "answering")

    def _cite(self, pages: Sequence[WebSource]) -> None:
        for page in pages:
            if page.url:
                self._sources.setdefault(
                    page.url, Source(mend(page.url), mend(page.title or ""))
                )

    def _grow(self, parts: list[str], piece: str | None, phase: str = "") -> None:
        if piece:
            with self._grown:
                parts.append(piece)
                self._phase = phase or self._phase
                self._steps += 1
                self._grown.notify_all()
            self._watchers.tell()

    async def _run(self, run: "Callable[[Reply], Coroutine[Any, Any, Ending]]") -> None:
        self._task = asyncio.current_task()
        self._watchers.tell()
        if self._stopped and self._task is not None:
            self._task.cancel()  # before it began; the first wait inside ends it
        try:
            self.turn, self._error = await run(self)
        except BaseException as error:
            # Only a mistake of ours ends here; whoever waits must hear of it.
            self._error = ApertisError(f"The answer ended with {error!r}.")
            raise
        finally:
            self._done.set()
            with self._grown:
                self._grown.notify_all()
            self._watchers.tell()

    def _wait_for_more(self, seen: int, heartbeat: float | None) -> int:
        self._check_process()  # a fork may not even have the lock to itself
        deadline = monotonic() + (heartbeat or inf)
        with self._grown:
            while not self.done and self._steps <= seen and monotonic() < deadline:
                self._grown.wait(min(SLICE, max(deadline - monotonic(), 0)))
            return self._steps
