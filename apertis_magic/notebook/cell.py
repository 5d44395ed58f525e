"""Streams an answer into the output of the cell that asked, or into a terminal."""

from contextlib import suppress
from time import monotonic
from typing import Any, Protocol

from IPython.display import DisplayHandle, display

from apertis_magic.chat.reply import Progress, Reply
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError, Interrupted
from apertis_magic.notebook.terminal import TerminalView
from apertis_magic.render import bundle
from apertis_magic.render.blocks import Growing

_HEARTBEAT = 0.5
"""Seconds without news after which the cell says what it waits for."""

_STATUS_EVERY = 1.0
"""Seconds between two such words."""

_EVERY = 0.1
"""Seconds between two updates of a short answer."""

_BYTES_PER_SECOND = 40_000
"""A front end renders about twice as much; a longer answer is sent less often."""


class View(Protocol):
    """Where an answer is shown while it comes and when it has ended."""

    def update(self, progress: Progress) -> None:
        """Show the answer so far, or its status while there is none."""

    def finish(self, turn: Turn, conversation: str) -> None:
        """Show the whole answer with its footer."""

    def clear(self) -> None:
        """Take back what was shown: nothing came, and an error follows."""


class NotebookView:
    """One display of the running cell, updated in place."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        self._answer = Growing()

    def update(self, progress: Progress) -> None:
        """Show the answer so far, or its status while there is none."""
        if progress.text:
            self._answer = self._answer.grown(progress.text)
            self._show(bundle.live(self._answer), {})
        else:
            self._show(bundle.waiting(progress.status), {})

    def finish(self, turn: Turn, conversation: str) -> None:
        """Put the whole answer with its footer in place of what was shown."""
        self._show(*bundle.answer(turn, conversation=conversation))

    def clear(self) -> None:
        """Leave an empty display, which takes no room."""
        if self._handle is not None:
            self._show({"text/html": ""}, {})

    def _show(self, data: bundle.Bundle, metadata: dict[str, Any]) -> None:
        if self._handle is None:
            self._handle = display(data, raw=True, metadata=metadata, display_id=True)
        else:
            self._handle.update(data, raw=True, metadata=metadata)


def view_for(shell: object) -> View:
    """Return the view for *shell*: a terminal's or a notebook's."""
    kinds = {kind.__name__ for kind in type(shell).__mro__}
    return TerminalView() if "TerminalInteractiveShell" in kinds else NotebookView()


def show(reply: Reply, view: View, conversation: str) -> Turn:
    """Show an answer as it comes and return its turn.

    Args:
        reply: the answer in flight.
        view: where to show it.
        conversation: the conversation's name, for the metadata.

    Raises:
        Interrupted: the cell was interrupted; what had come is kept and shown.
        ApertisError: the question failed; what had come is kept and shown.
    """
    try:
        bundle.prepare()
        return _show(reply, view, conversation)
    except KeyboardInterrupt:
        turn = _settle(reply)
        if turn is None:
            raise
        with suppress(KeyboardInterrupt):  # a second one must not cost the first line
            view.finish(turn, conversation)
        raise Interrupted(_what_is_kept(turn)) from None


def _show(reply: Reply, view: View, conversation: str) -> Turn:
    _follow(reply, view)
    try:
        turn = reply.result()
    except ApertisError:
        if reply.turn is not None and reply.turn.text:
            view.finish(reply.turn, conversation)
        else:
            view.clear()
        raise
    view.finish(turn, conversation)
    return turn


def _follow(reply: Reply, view: View) -> None:
    """Update *view* until the answer has ended, the longer it is the less often."""
    due, waiting = 0.0, True
    for text in reply.updates(every=_EVERY, heartbeat=_HEARTBEAT):
        if reply.done:
            return
        is_first = waiting and bool(text)
        if is_first or monotonic() >= due:
            view.update(_progress(reply, text))
            due = monotonic() + pause_after(text)
        waiting = not text


def _progress(reply: Reply, text: str) -> Progress:
    status = f"{reply.asked_model} · {reply.status} {reply.elapsed:.0f} s"
    return Progress(text, reply.reasoning, reply.refusal, status)


def pause_after(text: str) -> float:
    """Return the seconds to wait after showing *text* before the next update."""
    return len(text) / _BYTES_PER_SECOND if text else _STATUS_EVERY


def _settle(reply: Reply) -> Turn | None:
    """Stop *reply* and return what had come, however often the user interrupts."""
    while not reply.done:
        with suppress(KeyboardInterrupt):
            reply.stop()
            reply.wait()
    return reply.turn


def _what_is_kept(turn: Turn) -> str:
    if not turn.text:
        return "the question was stopped before its answer began."
    if turn.finish != "interrupted":
        return "the answer had ended; it is kept."
    return f"the answer was stopped; {len(turn.text)} characters of it are kept."
