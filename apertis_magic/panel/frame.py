"""What stands above and below a panel's transcript: names, model, options, totals."""

from typing import Any

from apertis_magic.chat.conversation import UnderWay
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State
from apertis_magic.errors import ConfigurationError
from apertis_magic.panel import fields
from apertis_magic.panel.rows import totals
from apertis_magic.render.footer import dollars

_NO_KEY = "There is no API key yet."
_KEY_HINT = "%chat key, in a cell, asks for one and stores it; so does APERTIS_API_KEY."


def frame(
    session: Session,
    state: State,
    under_way: tuple[UnderWay, ...],
    chosen: dict[str, Any],
) -> dict[str, Any]:
    """Return what a page needs to draw itself around the transcript.

    Args:
        session: whose current conversation is shown.
        state: that conversation.
        under_way: its questions whose answers have not ended.
        chosen: the fields of the request that the panel's questions set.
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
        "options": fields.shown(chosen),
        "defaults": fields.shown(preferred.fields),
        "totals": " · ".join(filter(None, [counted, spent])),
        "answering": [each.reply.id for each in under_way],
        **_server(session),
    }


def _server(session: Session) -> dict[str, Any]:
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
