"""What is asked, as one value that an Ask, the answer under way and the turn hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as dataclass_fields
from typing import Annotated, Any

from apertis_magic.api.params import PARAMS
from apertis_magic.api.types import Message
from apertis_magic.chat.attachment import Attachment, content
from apertis_magic.clean import mend
from apertis_magic.marks import MAY_HOLD_KEYS, SENT, Named, marked


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
        anyway: whether it is sent also where it would be held back: with a key in it,
            or larger than anybody means.
        untrusted: whether it is of a file that nobody has said to trust: what was
            filled in, which is not shown, is not sent then.
    """

    typed: Annotated[str, Named("prompt"), SENT, MAY_HOLD_KEYS]
    attachments: Annotated[tuple[Attachment, ...], SENT, MAY_HOLD_KEYS] = ()
    filled: Annotated[str | None, SENT, MAY_HOLD_KEYS] = None
    fields: Annotated[Mapping[str, Any], Named("options"), SENT, MAY_HOLD_KEYS] = field(
        default_factory=dict
    )
    last_turns: Annotated[int | None, Named("history")] = None
    anyway: bool = False
    untrusted: bool = False

    @property
    def sent(self) -> str:
        """The message as it is sent."""
        return self.typed if self.filled is None or self.untrusted else self.filled

    @property
    def repeatable(self) -> Mapping[str, Any]:
        """The fields that hold when it is asked again; a stranger's may not cost."""
        if not self.untrusted:
            return self.fields
        known = ((name, PARAMS.get(name)) for name in self.fields)
        return {n: self.fields[n] for n, param in known if param and param.harmless}

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
        names = sorted(marked(Question, MAY_HOLD_KEYS))
        return tuple(t for name in names for t in _texts(getattr(self, name)))

    @property
    def message(self) -> Message:
        """The user's message of the request, with what is attached."""
        return Message("user", content(self.sent, self.attachments))


def _texts(value: Any) -> tuple[str, ...]:
    """Return the texts in what a field holds, each of it looked into once."""
    texts, seen, left = list[str](), dict[int, Any](), [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            texts.append(each)
        elif id(each) in seen:
            continue  # it holds itself, which is no JSON, and the client tells that
        elif isinstance(each, Attachment):
            left += [each.name, "" if each.is_picture else each.data]
        elif isinstance(each, Mapping):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, tuple | list):
            left += each
        seen[id(each)] = each
    return tuple(filter(None, texts))
