"""What is asked, as one value that an Ask, the answer under way and the turn hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Any

from apertis_magic.api.types import Message
from apertis_magic.chat.attachment import Attachment, content
from apertis_magic.clean import mend


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the message, what goes with it, and the options that it keeps.

    The message is there as the user typed it and, where values were filled in, as it is
    sent. docs/architecture.md tells which of the two is for what.

    Attributes:
        typed: the user's message, as it was typed.
        attachments: the files that go with it.
        filled: the message with the values filled in; None where there are none.
        fields: the request's other fields that were set, with ``extra_body``.
        last_turns: how many of the turns before it are sent at the most; None for all.
    """

    typed: str
    attachments: tuple[Attachment, ...] = ()
    filled: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    last_turns: int | None = None

    @property
    def sent(self) -> str:
        """The message as it is sent."""
        return self.typed if self.filled is None else self.filled

    def mended(self) -> "Question":
        """Return the question with halves of characters joined or replaced."""
        texts: dict[str, Any] = {
            each.name: mend(value)
            for each in dataclass_fields(self)
            if isinstance(value := getattr(self, each.name), str)
        }
        return replace(self, **texts)

    @property
    def texts(self) -> tuple[str, ...]:
        """All in it that a person wrote: what must not hold a key."""
        try:
            fields = repr(dict(self.fields))
        except Exception:  # noqa: BLE001  no JSON, which the client tells
            fields = ""
        attached = (each.data for each in self.attachments if not each.is_picture)
        return self.typed, self.sent, fields, *attached

    @property
    def message(self) -> Message:
        """The user's message of the request, with what is attached."""
        return Message("user", content(self.sent, self.attachments))
