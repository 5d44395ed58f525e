"""What has come of an answer so far: written on the background loop, read anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import monotonic, time
from uuid import uuid4

from apertis_magic.api.assemble import Assembly
from apertis_magic.api.response import Response
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.api.usage import Usage, costing
from apertis_magic.api.wakeup import Wakeup
from apertis_magic.chat import thinking
from apertis_magic.chat.growth import Growth, Piece
from apertis_magic.chat.parts import Parts, Reasoning, Refusal, Text, text_of
from apertis_magic.chat.received import answers_of, texts_of
from apertis_magic.chat.turn import Turn
from apertis_magic.chat.watchers import Watchers
from apertis_magic.credentials import NO_ECHO, Echo
from apertis_magic.errors import ApertisError

_PHASES = {
    "text": "answering",
    "reasoning": "thinking",
    "refusal": "refusing",
    "picture": "drawing",
}
"""What is said to happen while a piece of that kind comes."""


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
        echo: the keys of the request, which the server may repeat.

    Attributes:
        id: that of the turn to come.
        asked_model: the model that is asked.
        finish: why it ended (``finish_reason`` of the API), None until it has.
        malformed: events of the stream that could not be read.
        not_streamed: whether the server does not stream it.
        fallback: why another model than the asked one answers, else empty.
        left_out: how many turns were not sent, since they would not have fitted.
        first_text: seconds from the start to the first text, None until then.
        echo: the keys of the request, which are taken out of what came.
        started: when the question was sent, in seconds since 1970.
        grown: wakes whoever waits for a piece, once it is added.
        steps: how many pieces have been added.
    """

    def __init__(
        self,
        asked_model: str,
        partial: Turn | None,
        watchers: Watchers,
        echo: Echo = NO_ECHO,
    ) -> None:
        self.id = partial.id if partial else uuid4().hex
        self.asked_model = asked_model
        self.malformed = 0
        self.not_streamed = False
        self.fallback = ""
        self.left_out = 0
        self.first_text: float | None = None
        self.started, self._begun = time(), monotonic()
        self.grown = Wakeup()
        self.steps = 0
        self._served: str | None = None
        self._cost: float | None = None  # as the headers tell it
        self._phase = "waiting for the answer before it"
        self._retry: tuple[float, str] | None = None
        self._partial = partial.parts if partial else ()
        self._turn: Turn | None = None  # of the journal, or what it has become
        self._assembly = Assembly()
        self._watchers = watchers
        self.echo = echo

    @property
    def model(self) -> str:
        """The model that answers, as the server names it; empty until it has."""
        known = self._turn.model if self._turn else ""
        return self.echo.removed(self._served or self._assembly.model or known)

    @property
    def usage(self) -> Usage | None:
        """The tokens it took, once the server has told them."""
        told = costing(self._assembly.usage, self._cost)
        usage = self._turn.usage if self._turn else told
        return usage and replace(usage, raw=self.echo.removed_in(usage.raw))

    @property
    def finish(self) -> str | None:
        """Why it ended (``finish_reason`` of the API), None until it has."""
        if self._turn:
            return self._turn.finish
        choices = self._assembly.choices
        finish = choices[0].finish if 0 in choices else None
        return finish and self.echo.removed(finish)

    @property
    def answers(self) -> tuple[Parts, ...]:
        """What has come, as the answers of the turn; nothing more comes of it."""
        if self._turn:
            return self._turn.answers
        return answers_of(self._assembly.choices, self._partial, self.echo)

    @property
    def text(self) -> str:
        """The answer so far."""
        return self.progress.text

    @property
    def reasoning(self) -> str:
        """The model's thinking so far, where the server tells it."""
        return self.progress.reasoning

    @property
    def refusal(self) -> str:
        """The text of a refusal so far."""
        return self.progress.refusal

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
        if self._turn:
            turn = self._turn
            return Progress(turn.text, turn.reasoning, turn.refusal, self.status)
        choices = self._assembly.choices
        now = texts_of(choices[0], self.echo) if 0 in choices else {}
        return Progress(
            self._after(Text, now.get("text", "")),
            self._after(Reasoning, now.get("reasoning", "")),
            self._after(Refusal, now.get("refusal", "")),
            self.status,
        )

    def _after(self, kind: type[Text | Reasoning | Refusal], text: str) -> str:
        """Return a text behind that of what is completed; a key may be in both."""
        before = text_of(self._partial, kind)
        return self.echo.growing(before + text) if before else text

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

    def note_whole(self) -> None:
        """Take note that the answer is asked for in one piece: it is not streamed."""
        self.not_streamed, self._phase = True, "waiting for the whole answer"
        self._watchers.tell()

    def note_response(self, response: Response) -> None:
        """Take note of what the headers of *response* tell: who answers, the cost."""
        self._cost = response.cost
        if response.fallback_used:
            self._served = response.actual_model
            self.fallback = response.fallback_reason or "it could not answer"

    def end(self, turn: Turn) -> None:
        """Be what *turn* holds: nothing more comes, and nothing is held back."""
        self._turn = turn

    def follow(self, assembly: Assembly) -> None:
        """Have the answer be what *assembly* takes in from now on."""
        self._assembly = assembly

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Add a chunk of the server's that nobody else puts together."""
        self._assembly.add(chunk)
        self.note(chunk)

    def note(self, chunk: ChatCompletionChunk) -> None:
        """Take note of a chunk that has just been taken in."""
        if chunk.notice is not None:
            self._phase = "searching the web"
            self._watchers.tell()
            return
        runs = self._assembly.choices[0].runs
        kind = runs[-1].kind if runs else ""
        if self.first_text is None:
            first = next((run.pieces for run in runs if run.kind == "text"), None)
            if first and not thinking.is_open(first):
                self.first_text = monotonic() - self._begun
            elif first and kind == "text":
                kind = "reasoning"
        self._tell(_PHASES.get(kind, self._phase))

    def growth(self) -> Iterator[list[Piece]]:
        """Give what the answers have grown by, whenever it is asked."""
        while not self._assembly.choices:  # its key may not be known yet
            yield []
        growth = Growth(self.echo, self._partial)
        while True:
            yield growth.news(self._assembly)

    def _tell(self, phase: str) -> None:
        self._phase = phase
        self.steps += 1
        self.grown.wake()
        self._watchers.tell()
