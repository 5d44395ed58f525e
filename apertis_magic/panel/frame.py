"""What stands above and below a panel's transcript: names, model, options, totals."""

from collections.abc import Mapping
from time import monotonic
from typing import Any, TypeAlias

from apertis_magic.chat.conversation import UnderWay
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State
from apertis_magic.errors import ConfigurationError
from apertis_magic.panel import fields
from apertis_magic.panel.rows import Json, totals
from apertis_magic.render.footer import dollars

HEARTBEAT = 1.0
"""Seconds after which a page is told how long it has been waiting."""

_View: TypeAlias = tuple[State, tuple[UnderWay, ...]]

_NO_KEY = "There is no API key yet."
_KEY_HINT = "%chat key, in a cell, asks for one and stores it; so does APERTIS_API_KEY."


class FrameFeed:
    """The frame as the pages have it; used by one thread.

    Attributes:
        sent: the last that was news, empty before the first.
    """

    def __init__(self) -> None:
        self.sent: Json = {}
        self._seen: tuple[Any, ...] = ()
        self._due = 0.0

    def news(
        self, session: Session, view: _View, options: Mapping[str, Any]
    ) -> Json | None:
        """Return the frame if it is another than the pages have.

        The environment is read for it, so not with every word of an answer.
        """
        seen = (*view, session.names, tuple(options.items()))
        if self.sent and seen == self._seen and monotonic() < self._due:
            return None
        self._seen, self._due = seen, monotonic() + HEARTBEAT
        now = frame(session, *view, options)
        if now == self.sent:
            return None
        self.sent = now
        return now


def frame(
    session: Session,
    state: State,
    under_way: tuple[UnderWay, ...],
    options: Mapping[str, Any],
) -> Json:
    """Return what a page needs to draw itself around the transcript.

    Args:
        session: whose current conversation is shown.
        state: that conversation.
        under_way: its questions whose answers have not ended.
        options: the fields of the request that the panel's questions set.
    """
    preferred = session.preferences
    tokens, cost = totals(state.turns)
    counted = f"{tokens:,} tokens" if tokens else ""
    spent = dollars(cost) if cost else ""
    return {
        "kind": "frame",
        "conversation": state.name,
        "conversations": list(session.names),
        "model": state.model or "",
        "system": state.system or "",
        "default_system": preferred.system or "",
        "options": fields.as_typed(options),
        "defaults": fields.as_typed(preferred.fields),
        "totals": " · ".join(filter(None, [counted, spent])),
        "answering": [each.reply.id for each in under_way],
        **_server(session),
    }


def _server(session: Session) -> Json:
    """Return what is known of who answers, or what is wrong with that."""
    try:
        settings = session.settings
    except ConfigurationError as error:
        return {"problem": [str(error), error.hint], "local": False}
    return {
        "default_model": settings.model,
        "fixed": settings.fixed_model,
        "problem": [_NO_KEY, _KEY_HINT] if settings.lacks_key else None,
        "local": settings.lacks_key,
    }
