"""What takes a while to be known: the server's models, what the journal can restore."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from apertis_magic.errors import ApertisError
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json

if TYPE_CHECKING:
    from apertis_magic.chat.session import Session


class Lookups:
    """Looks up what one page after the other asks for; called by one thread.

    Args:
        session: whose server and journal are asked.
        post: has a message sent to the pages.
    """

    def __init__(self, session: "Session", post: Callable[[Json], None]) -> None:
        self._session = session
        self._post = post

    def do(self, request: Request) -> None:
        """Look something up, and post the page what came of it."""
        found = self.KINDS[request.kind](self)
        self._post({"kind": request.kind, "to": request.view, **found})

    def _models(self) -> Json:
        """Return the server's models: those that are known, else once they are."""
        try:
            known = self._session.model_lists.known()
            if known is None or not known.is_fresh:
                known = self._session.model_lists.refresh()
        except ApertisError as error:
            return {"ids": [], "problem": str(error)}
        return {"ids": known.ids, "problem": ""}

    def _restorable(self) -> Json:
        """Return what the journal has of this notebook; no turns where it has none."""
        try:
            kept = self._session.to_restore(None)
        except ApertisError:  # who asks for it by a cell is told
            kept = None
        if kept is None:
            return {"turns": 0, "conversation": "", "changed": 0}
        return {
            "turns": kept.turns,
            "conversation": kept.name,
            "changed": kept.changed,
        }

    KINDS: ClassVar[Mapping[str, "Callable[[Lookups], Json]"]] = {
        "models": _models,
        "restorable": _restorable,
    }
