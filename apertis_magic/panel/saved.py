"""What a notebook shows of a panel once it is saved: the transcript as plain HTML."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.parts import Picture
from apertis_magic.render import bundle
from apertis_magic.render.bundle import Bundle
from apertis_magic.render.text import note

if TYPE_CHECKING:
    from apertis_magic.chat.session import Session
    from apertis_magic.chat.turn import Turn

_EVERY = 3.0
"""Seconds between two updates, at the least, and before the first: VS Code may forget
the display of a running cell that was updated last."""

# A front end without a kernel shows a line in place of the panel, which says nothing
# that the transcript above it does not say better.
_STYLE = (
    "<style>.jp-OutputArea-child:has(.apertis-saved) + "
    ".jp-OutputArea-child:not(:has(.ap)){display:none}</style>"
)
_MOST = 100_000
"""Characters of questions and answers; the notebook is written with them each time."""


class SavedTranscript:
    """The transcript in the notebook's outputs, as it was when last updated.

    Args:
        session: whose current conversation it is.
        clock: tells the seconds.
    """

    def __init__(
        self, session: "Session", clock: Callable[[], float] = monotonic
    ) -> None:
        self._session, self._clock = session, clock
        self._update: Callable[[Bundle], None] | None = None
        self._updated_at = 0.0
        self._turns: tuple[Turn, ...] = ()

    def show(self, display: Callable[[Bundle], Callable[[Bundle], None]]) -> None:
        """Show the transcript, from then on in place of where it was shown before.

        Args:
            display: shows it, and returns what updates it there.
        """
        conversation = self._session.current
        self._updated_at, self._turns = self._clock(), conversation.turns
        self._update = display(saved(conversation))

    @property
    def is_outdated(self) -> bool:
        """Whether the notebook holds another transcript than there is."""
        return self._update is not None and self._session.current.turns != self._turns

    def refresh(self) -> None:
        """Have the notebook hold the transcript as it is now, but not too often."""
        now = self._clock()
        if self._update is None or now - self._updated_at < _EVERY:
            return
        if self.is_outdated:
            conversation = self._session.current
            self._updated_at, self._turns = now, conversation.turns
            self._update(saved(conversation))


def saved(conversation: Conversation) -> Bundle:
    """Return the end of a conversation, as long as a notebook should hold."""
    turns, stale = conversation.turns, conversation.state.stale
    size, first = 0, len(turns)
    while first and size < _MOST:
        first -= 1
        size += len(turns[first].prompt) + len(turns[first].text)
    shown = bundle.transcript(
        turns[first:], system=conversation.system, stale=stale, draw=_named
    )
    above = note(f"{first} earlier turns are not shown here.") if first else ""
    html = f'{_STYLE}<div class="apertis-saved">{above}{shown["text/html"]}</div>'
    return {"text/html": html, "text/plain": shown["text/plain"]}


def _named(picture: Picture, _direction: str) -> str:
    """Return the line for a picture: the notebook is sent the transcript often."""
    return note(f"[{picture}]")
