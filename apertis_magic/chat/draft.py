"""What has come of an answer so far: written on the background loop, read anywhere."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic, time
from uuid import uuid4

from apertis_magic.api.response import Response
from apertis_magic.api.types import ChatCompletionChunk, ChunkChoice, Usage, WebSource
from apertis_magic.chat.turn import Source, Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.clean import mend
from apertis_magic.errors import ApertisError


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


class Draft:
    """The answer that a Reply is written to.

    Args:
        asked_model: the model that is asked.
        partial: the turn whose answer is completed; None for a new answer.
        watchers: are told of each change, on the background loop.

    Attributes:
        id: that of the turn to come.
        asked_model: the model that is asked.
        model: the model that answers, as the server names it; empty until it has.
        usage: the tokens it took, once the server has told them.
        finish: why it ended (``finish_reason`` of the API), None until it has.
        malformed: events of the stream that could not be read.
        fallback: why another model than the asked one answers, else empty.
        left_out: how many turns were not sent, since they would not have fitted.
        cached: whether the journal answered, without a request.
        first_text: seconds from the start to the first text, None until then.
        started: when the question was sent, in seconds since 1970.
        grown: held while a piece is added, and notified then.
        steps: how many pieces have been added.
    """

    def __init__(
        self, asked_model: str, partial: Turn | None, watchers: Watchers
    ) -> None:
        self.id = partial.id if partial else uuid4().hex
        self.asked_model = asked_model
        self.model = ""
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.malformed = 0
        self.fallback = ""
        self.left_out = 0
        self.cached = False
        self.first_text: float | None = None
        self.started, self._begun = time(), monotonic()
        self.grown = threading.Condition()
        self.steps = 0
        self._served: str | None = None
        self._phase = "waiting for the answer before it"
        self._retry: tuple[float, str] | None = None
        self._texts: defaultdict[int, list[str]] = defaultdict(list)
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._sources: dict[str, Source] = {}
        self._watchers = watchers
        # What the journal has of a partial answer already.
        self._known = {"text": 1, "reasoning": 1} if partial else {}
        if partial is not None:
            self._texts[0].append(partial.text)
            self._reasoning.append(partial.reasoning)
            self._sources.update({page.url: page for page in partial.sources})

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
    def phase(self) -> str:
        """What happens now, in words such as ``answering``."""
        return self._phase

    @property
    def status(self) -> str:
        """What happens now, such as ``gpt-4.1-mini · waiting 3 s``."""
        return self.status_after(self.elapsed)

    def status_after(self, elapsed: float) -> str:
        """Return what happens now, where the question was sent so long ago."""
        what = f"{self._phase} {elapsed:.0f} s"
        if self._retry is not None:
            due, why = self._retry
            left = due - monotonic()
            what = f"retrying in {left:.0f} s ({why})" if left > 0 else what
        return f"{self.asked_model} · {what}"

    @property
    def elapsed(self) -> float:
        """Seconds since the question was sent."""
        return monotonic() - self._begun

    @property
    def progress(self) -> Progress:
        """What is known of the answer now."""
        return Progress(self.text, self.reasoning, self.refusal, self.status)

    def begin(self) -> None:
        """Start the clock: the question is about to be sent."""
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
        self._retry = monotonic() + seconds, why
        self._watchers.tell()

    def note_response(self, response: Response) -> None:
        """Take note of what the headers of *response* tell of who answers."""
        if response.fallback_used:
            self._served = response.actual_model
            self.fallback = response.fallback_reason or "it could not answer"

    def copy_answer(self, turn: Turn) -> None:
        """Take the answer from *turn*, which the journal kept for the same request."""
        self.cached, self.finish = True, turn.finish
        self.model, self.usage = turn.model, turn.usage
        self.first_text = monotonic() - self._begun
        self._sources.update({page.url: page for page in turn.sources})
        for number, text in enumerate(turn.alternatives, 1):
            self._grow(self._texts[number], text)
        self._grow(self._reasoning, turn.reasoning, "thinking")
        self._grow(self._refusal, turn.refusal, "refusing")
        self._grow(self._texts[0], turn.text, "answering")

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Add a chunk of the server's."""
        self.model = self._served or chunk.model or self.model
        self.usage = chunk.usage or self.usage
        if chunk.notice is not None:
            self._phase = "searching the web"
            self._watchers.tell()
            return
        self._cite(chunk.web_sources)
        for choice in chunk.choices:
            if choice.index == 0:
                self._add_first(choice)
            else:
                self._grow(self._texts[choice.index], choice.delta.content)

    def growth(self) -> Iterator[dict[str, str]]:
        """Give what each part of the answer has grown by, whenever it is asked.

        The parts are ``text``, ``reasoning``, ``refusal``, and the other answers by
        their number. Halves of a character may stand at their ends.
        """
        seen = self._known
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

    def _add_first(self, choice: ChunkChoice) -> None:
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
            with self.grown:
                parts.append(piece)
                self._phase = phase or self._phase
                self.steps += 1
                self.grown.notify_all()
            self._watchers.tell()
