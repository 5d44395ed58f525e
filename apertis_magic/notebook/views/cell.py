"""Streams an answer into the output of the cell that asked."""

from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.errors import ApertisError, Interrupted
from apertis_magic.notebook.views.screen import uninterrupted
from apertis_magic.render import bundle, footer, pictures
from apertis_magic.render.footer import Format
from apertis_magic.render.layout import Layout
from apertis_magic.render.metadata import metadata
from apertis_magic.render.rendering import rendering
from apertis_magic.render.text import note

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

    from apertis_magic.notebook.views.displays import Displays

_HEARTBEAT = 0.5
"""Seconds without news after which the cell says what it waits for."""

_EVERY = 0.1
"""Seconds between two updates, at the least."""

_STATUS_EVERY = 1.0
"""Seconds between two updates of what is no answer yet."""

_CHARACTERS_PER_SECOND = 30_000
"""A front end renders two or three times as much; who sends more leaves it behind."""

_AT_ONCE = 12_000
"""Characters by which a display of an answer grows, at the most. Nobody reads more in
the time; an answer that comes at once would else be sent twice."""

_LONGEST_PAUSE = 5.0
"""Seconds; an answer that came all at once need not be waited for as long."""

_LONG = 60_000
"""Characters above which an answer stays in several displays: swapping in a display of
400 KB stops the page for 9 s."""

_HALF = "\ufffd"
"""Half a character, the rest of which may still come."""

_THOUGHT = 4_000
"""Characters of a model's reasoning that are shown while it thinks."""


class View(Protocol):
    """Where an answer is shown while it comes and when it has ended."""

    def update(self, progress: Progress) -> None:
        """Show what has come, or what is waited for while there is nothing."""

    def finish(self, turn: Turn, conversation: str | None) -> None:
        """Show the whole answer with its footer."""

    def clear(self) -> None:
        """Take back what was shown: nothing came, and an error follows."""


class NoView:
    """Nowhere, for a cell that is to be quiet."""

    def update(self, progress: Progress) -> None:
        """Show nothing."""

    def finish(self, turn: Turn, conversation: str | None) -> None:
        """Show nothing."""

    def clear(self) -> None:
        """Nothing was shown."""


class NotebookView:
    """The displays of one answer in the running cell, updated in place.

    Args:
        turn_id: the id of the answer's turn.
        displays: the displays of this execution of the cell.
        format: how the answer's text is shown.
        footer: whether there is a footer.
    """

    def __init__(
        self,
        turn_id: str,
        displays: "Displays",
        format: Format = "markdown",
        *,
        footer: bool = True,
    ) -> None:
        self._id = turn_id
        self._displays = displays
        self._format = format
        self._footer = footer
        self._handles: list[DisplayHandle] = []
        self._most = displays.room - 1
        self._ended = False
        self._begin()
        bundle.prepare()  # while the question is on its way

    def _begin(self) -> None:
        """Begin with the text, of which no display holds anything."""
        # What each display holds of the text.
        self._pieces: list[str | None] = [None] * len(self._handles)
        self._kept: set[int] = set()  # displays that will not change any more
        self._layout = Layout(most=self._most)
        self._rendering = rendering(self._format)
        self._shown = 0  # characters of the text that have been shown
        self._thought = 0  # displays of the reasoning, above those of the text
        self._due = 0.0

    def update(self, progress: Progress) -> None:
        """Show what has come, or what is waited for while there is nothing."""
        text = shortened(progress.text or progress.refusal)
        self._begin_again(text)
        is_first = bool(text) and not any(self._pieces)
        if monotonic() < self._due and not is_first:
            return
        if is_first and progress.reasoning:
            self._show(0, bundle.page(bundle.reasoning(progress.reasoning)))
            self._thought = 1
        sent = self._grow(text) if text else self._wait(progress)
        pause = min(sent / _CHARACTERS_PER_SECOND, _LONGEST_PAUSE)
        self._due = monotonic() + (pause if text else _STATUS_EVERY)

    def finish(self, turn: Turn, conversation: str | None) -> None:
        """Put the whole answer with its footer in place of what was shown."""
        # What the journal gave again has the id of then.
        if turn.id != self._id or self._displays.metadata_at_end:
            self._id = turn.id
            self._kept.clear()
        self._ended = True
        length = len(shortened(turn.text or turn.refusal))
        if length > _LONG and self._layout.most > 1:
            self._finish_long(turn, conversation)
            return
        self._rendering.grow(turn.text or turn.refusal)
        data, metadata = bundle.answer(
            turn,
            conversation=conversation,
            footer=self._footer,
            format=self._format,
            html=self._rendering.whole(),
        )
        self._show(0, data, metadata)
        self._displays.empty(self._handles[1:])

    def clear(self) -> None:
        """Leave empty displays, which take no room."""
        self._displays.empty(self._handles)

    def _begin_again(self, text: str) -> None:
        """Forget what is shown where *text* does not go on from it.

        The end of a model's thinking may be all that tells it from the answer.
        """
        if not text.startswith(self._rendering.text):
            self._displays.empty(self._handles[1:])
            self._begin()

    def _wait(self, progress: Progress) -> int:
        """Show what is waited for, and the last words of what the model thinks."""
        thought = bundle.reasoning(progress.reasoning[-_THOUGHT:])
        return self._show(0, bundle.page(note(progress.status) + thought))

    def _grow(self, text: str) -> int:
        """Show the pieces of *text* that have changed and return what was sent."""
        text = text[: self._shown + _AT_ONCE].removesuffix(_HALF)
        self._shown = len(text)
        self._rendering.grow(text)
        self._layout = self._layout.grown(len(text), self._rendering.ends)
        spans = self._layout.spans(len(text))
        shown = len(self._handles) - self._thought
        # New displays in their order; then those that get shorter, so that the page
        # never does, which would move the reader.
        order = [*range(shown, len(spans)), *reversed(range(min(shown, len(spans))))]
        is_long, ends = len(text) > _LONG, len(self._layout.ends)
        return sum(
            self._show_piece(number, spans[number], keep=is_long and number < ends)
            for number in order
        )

    def _show_piece(self, number: int, span: tuple[int, int], *, keep: bool) -> int:
        at = number + self._thought
        piece = self._rendering.text[slice(*span)]
        if at in self._kept or (not keep and self._piece(at) == piece):
            return 0
        html, first = self._rendering.html(*span), at == 0
        data, metadata = bundle.page(html, first=first), {}
        if keep:
            data = bundle.piece(html, piece, number=number + 1, first=first)
        if keep and (self._ended or not self._displays.metadata_at_end):
            metadata = {"apertis_magic": {"id": self._id, "part": number + 1}}
        sent = self._show(at, data, metadata, piece)
        if keep:  # not before, for an interrupt may have come
            self._kept.add(at)
        return sent

    def _finish_long(self, turn: Turn, conversation: str | None) -> None:
        """Leave a long answer in its displays, each with its own source."""
        turn = pictures.fitted(turn)
        shown = turn.text or turn.refusal
        words = footer.own(turn)
        self._begin_again(shown)
        self._think(turn)
        self._rendering.grow(shown)
        self._layout = self._layout.closed(len(shown), self._rendering.ends)
        *spans, last = self._layout.spans(len(shown))
        for number, span in enumerate(spans):
            self._show_piece(number, span, keep=True)
        at = len(spans) + self._thought
        parts = {"part": len(spans) + 1, "parts": len(spans) + 1}
        plain = printable(words)
        about = metadata(turn, conversation=conversation, plain=plain) | parts
        below = bundle.html_of(turn.refusal) if turn.text else ""
        below += bundle.pictures_of(turn)
        below += bundle.after(turn, footer=self._footer, format=self._format)
        if not self._thought:  # it came too late to stand above
            below = bundle.reasoning(turn.reasoning, seconds=turn.first_text) + below
        data = bundle.end(
            self._rendering.html(*last) + below,
            words[last[0] :],
            footer.under(turn, footer=self._footer),
            first=at == 0,
        )
        self._show(at, data, {"apertis_magic": about})
        self._displays.empty(self._handles[at + 1 :])

    def _think(self, turn: Turn) -> None:
        """Show the whole reasoning above the text, unless there is text there."""
        if turn.reasoning and not any(self._pieces):
            self._thought = 1
        if self._thought:
            thought = bundle.reasoning(turn.reasoning, seconds=turn.first_text)
            self._show(0, bundle.page(thought))

    def _piece(self, at: int) -> str | None:
        return self._pieces[at] if at < len(self._pieces) else None

    def _show(
        self,
        at: int,
        data: bundle.Bundle,
        metadata: dict[str, Any] | None = None,
        piece: str | None = None,
    ) -> int:
        """Show *data* in one of the displays and return how much was sent."""
        known = self._handles[at] if at < len(self._handles) else None
        with uninterrupted():  # one that nobody knows of would stay above the answer
            self._handles[at:] = [
                self._displays.show(known, data, metadata or {}),
                *self._handles[at + 1 :],
            ]
            self._pieces[at:] = [piece, *self._pieces[at + 1 :]]
        return sum(map(len, data.values()))


def show(reply: Reply, view: View, conversation: str | None) -> Turn:
    """Show an answer as it comes and return its turn.

    Args:
        reply: the answer in flight.
        view: where to show it.
        conversation: the conversation's name, for the metadata; None for none.

    Raises:
        Interrupted: the cell was interrupted; what had come is kept and shown.
        ApertisError: the question failed; what had come is kept and shown.
    """
    try:
        return _show(reply, view, conversation)
    except KeyboardInterrupt:
        turn = reply.settle()
        if turn is None:
            raise
        with suppress(KeyboardInterrupt):  # a second one must not cost the first line
            view.finish(turn, conversation)
        raise interrupted(turn, view) from None


def _show(reply: Reply, view: View, conversation: str | None) -> Turn:
    for progress in reply.progress(every=_EVERY, heartbeat=_HEARTBEAT):
        if not reply.done:
            view.update(progress)
    try:
        ended = reply.result()
    except ApertisError:
        turn = reply.turn
        if turn and (turn.is_answered or turn.reasoning):
            view.finish(turn, conversation)
        else:
            view.clear()
        raise
    # What the journal gave again is shown as it was then: the notebook stays the same.
    view.finish(replace(ended, cached=False), conversation)
    return ended


def interrupted(turn: Turn, view: View) -> Interrupted:
    """Return the error of an interrupted cell, which says what its view does not."""
    return Interrupted(_what_is_kept(turn), told=not isinstance(view, NoView))


def _what_is_kept(turn: Turn) -> str:
    if not turn.is_answered:
        return "the question was stopped before its answer began."
    if turn.finish != "interrupted":
        return "the answer had ended; it is kept."
    if not turn.text:
        return "the answer was stopped; what had come of it is kept."
    return f"the answer was stopped; {len(turn.text)} characters of it are kept."
