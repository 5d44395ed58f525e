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

_AT_FIRST = 20_000
"""The same where it is first shown, since the panel below waits for that."""


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
        conversation, self._updated_at = self._session.current, self._clock()
        # The others come with an update.
        self._turns = _end(conversation.turns, _AT_FIRST)
        self._update = display(saved(conversation, _AT_FIRST))

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


def saved(conversation: Conversation, most: int = _MOST) -> Bundle:
    """Return the end of a conversation, as long as a notebook should hold.

    Args:
        conversation: whose turns it is of.
        most: characters of questions and answers.
    """
    turns, stale = conversation.turns, conversation.state.stale
    shown = _end(turns, most)
    first = len(turns) - len(shown)
    page = bundle.transcript(
        shown, system=conversation.system, stale=stale, draw=_named
    )
    are = "turn is" if first == 1 else "turns are"
    above = note(f"{first} earlier {are} not shown here.") if first else ""
    html = f'{_STYLE}<div class="apertis-saved">{above}{page["text/html"]}</div>'
    return {"text/html": html, "text/plain": page["text/plain"]}


def _end(turns: "tuple[Turn, ...]", most: int) -> "tuple[Turn, ...]":
    """Return the last of *turns*, with so many characters or a few more."""
    size, first = 0, len(turns)
    while first and size < most:
        first -= 1
        size += len(turns[first].prompt) + len(turns[first].text)
    return turns[first:]


def _named(picture: Picture, _direction: str) -> str:
    """Return the line for a picture: the notebook is sent the transcript often."""
    return note(f"[{picture}]")
