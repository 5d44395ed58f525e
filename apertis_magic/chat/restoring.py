"""What the journal can bring back into a Session, and what has come back already.

Each conversation of the journal is in one of these states for a Session:

* *open*: a conversation of the Session goes on under its id.
* *abandoned*: it was open in this process, and was reset, started over or deleted.
* *superseded*: all of its turns go on in another conversation, under another id. It is
  never offered again.
* none of these: it is another kernel's, or an earlier kernel's of this notebook.

What is open or superseded is not offered. A conversation that was abandoned and comes
back is superseded, since it goes on under a new id.
"""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from apertis_magic.chat.journal.journal import Journal, KeptConversation
from apertis_magic.errors import ConfigurationError

SHORT_ID = 8
"""Characters of a conversation's id that name it in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a Session has when it is asked what can be restored.

    Attributes:
        journal: the journal, None where there is none.
        open_ids: ids of the Session's conversations.
        notebook: the notebook that the cells are in, None where nobody tells.
    """

    journal: Journal | None
    open_ids: Collection[str]
    notebook: str | None


class Restoring:
    """What was abandoned, superseded and restored in one Session."""

    def __init__(self) -> None:
        self._abandoned: list[str] = []  # the latest last
        self._superseded: set[str] = set()
        self._restored: dict[str | None, str] = {}  # a name asked for: the one it has

    def abandon(self, conversation: str) -> None:
        """Note that a conversation of this process was left behind, by its id."""
        self._abandoned.append(conversation)

    def is_abandoned(self, conversation: str) -> bool:
        """Tell whether a conversation of that id was left behind."""
        return conversation in self._abandoned

    def supersede(
        self, conversation: str, journal: Journal | None, *, in_file: bool = True
    ) -> None:
        """Note that a conversation goes on under another id.

        Args:
            conversation: the former id.
            journal: the journal, None where there is none.
            in_file: whether the journal is to know; another notebook's conversation
                goes on in that notebook as well.
        """
        self._superseded.add(conversation)
        if in_file and journal is not None:
            journal.drop(conversation, superseded=True)

    def note_restored(self, wanted: str | None, name: str) -> None:
        """Note that a conversation has come back.

        Args:
            wanted: the name that was asked for, None for none.
            name: what the conversation is called in the Session.
        """
        self._restored[wanted] = name
        if wanted is None:
            self._restored[name] = name

    def restored_as(self, wanted: str | None) -> str | None:
        """Return what a conversation is called that came back, else *wanted*."""
        return self._restored.get(wanted, wanted)

    def restorable(self, desk: Desk) -> list[KeptConversation]:
        """Return what the journal holds that is not open, the likeliest wanted first.

        That is what was abandoned last in this process, then this notebook's latest.

        Raises:
            ApertisError: the journal cannot be read.
        """
        return [each for each in self._kept(desk) if not each.superseded]

    def to_restore(self, name: str | None, desk: Desk) -> KeptConversation | None:
        """Return what comes back by that name, None where there is nothing more.

        A cell that restores and runs again brings nothing else, which would come among
        the turns: once restored, what was abandoned since is all there is. And one that
        names none brings no other notebook's: its words would be sent with the next
        question, of which nobody was told.

        Args:
            name: a conversation's name or the beginning of its id; None for the one
                that this notebook used last.
            desk: what the Session has.

        Raises:
            ApertisError: the journal cannot be read.
        """
        found = [
            each
            for each in self._kept(desk)
            if name == each.id[:SHORT_ID]
            or (name in (None, each.name) and not each.superseded)
        ]
        if name in self._restored:
            found = [each for each in found if self.is_abandoned(each.id)]
        elif name is None:
            found = [each for each in found if self._is_own(each, desk)]
        return found[0] if found else None

    def _is_own(self, kept: KeptConversation, desk: Desk) -> bool:
        """Tell whether this notebook has held a conversation, as far as that is told.

        Two for which no notebook is told may be anybody's.
        """
        is_same = desk.notebook is not None and kept.notebook == desk.notebook
        return is_same or self.is_abandoned(kept.id)

    def nothing_kept(self, name: str | None, desk: Desk) -> ConfigurationError:
        """Return the error where nothing comes back by that name, with what could."""
        names = list(dict.fromkeys(each.name for each in self.restorable(desk)))
        near = get_close_matches(name or "", names, n=3, cutoff=0.5)
        which = f" {name!r}" if name else ""
        return ConfigurationError(
            f"The journal holds no other conversation{which}.",
            hint=f"It holds {', '.join(near or names[:3])}." if names else "",
        )

    def _kept(self, desk: Desk) -> list[KeptConversation]:
        """Return what is not open, with what the file calls superseded."""
        if desk.journal is None:
            return []
        desk.journal.flush()
        order = {each: -number for number, each in enumerate(self._abandoned, 1)}

        def rank(kept: KeptConversation) -> tuple[int, bool, bool]:
            return order.get(kept.id, 0), kept.notebook != desk.notebook, kept.dropped

        others = {*desk.open_ids, *self._superseded}
        return sorted(desk.journal.conversations(without=others), key=rank)
