"""One question with its answer, as a frozen value and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import uuid4

from apertis_magic.api.types import Message, Usage
from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.question import Question
from apertis_magic.clean import mend, without_keys


@dataclass(frozen=True, slots=True)
class Cell:
    """The notebook cell that asks.

    Attributes:
        id: the front end's id of the cell, the same when it runs again.
        execution: the id of this run of it.
    """

    id: str
    execution: str


@dataclass(frozen=True, slots=True)
class Source:
    """A page of the web that an answer rests on.

    Attributes:
        url: where it is, as the server names it; not to be trusted.
        title: its title, else empty.
    """

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user's message and its answer; they enter a conversation together.

    ``str(turn)`` is the answer's text. A turn never changes.

    Attributes:
        id: names this turn and no other.
        question: what was asked.
        text: the answer's text, as far as it came.
        reasoning: the model's thinking, where the server tells it.
        refusal: the text of a refusal (``refusal`` of the API), else empty.
        alternatives: the texts of the other answers, where several were asked for
            (``n``).
        sources: the pages of the web that the answer rests on.
        finish: ``stop``, ``length`` or what else the server said (``finish_reason``);
            ``interrupted``, ``error``; None where the server said nothing.
        error: what went wrong, in one line; empty when nothing did.
        hint: what to do about it, where that is known.
        model: the model that answered, as the server names it (``model``).
        fallback: why another model than the asked one answered, where the server
            tells it, else empty.
        asked_model: the model that was asked.
        base_url: the address that was asked.
        usage: the tokens it took, where the server tells them (``usage``).
        system: the system prompt it was asked under.
        left_out: how many turns before it were not sent, since they would not have
            fitted.
        cached: whether it was answered from the journal, without a request.
        cell: id of the notebook cell it came from, where the front end tells it.
        started: when it was sent, in seconds since 1970.
        first_text: seconds from then to the answer's first text.
        elapsed: seconds from then to its end.
        malformed: events of the stream that could not be read and are missing.

    Example:
        >>> from apertis_magic import Conversation
        >>> turn = Conversation().ask("What is the capital of Japan?").result()
        >>> print(turn)
        The capital of Japan is ...
        >>> turn.finish, turn.usage.total_tokens
        ('stop', 21)
    """

    question: Question
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    alternatives: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    finish: str | None = None
    error: str = ""
    hint: str = ""
    model: str = ""
    asked_model: str = ""
    fallback: str = ""
    base_url: str = ""
    usage: Usage | None = None
    system: str | None = None
    left_out: int = 0
    cached: bool = False
    cell: str | None = None
    started: float = 0.0
    first_text: float | None = None
    elapsed: float = 0.0
    malformed: int = 0
    id: str = field(default_factory=lambda: uuid4().hex)

    def __str__(self) -> str:
        return self.text

    @property
    def prompt(self) -> str:
        """The user's message, as it was typed."""
        return self.question.typed

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files that went with the question."""
        return self.question.attachments

    @property
    def options(self) -> Mapping[str, Any]:
        """The other fields of the request that were set."""
        return self.question.fields

    @property
    def cost(self) -> float | None:
        """What the answer cost in USD, where the server tells it (``usage.cost``)."""
        if self.cached:
            return 0.0
        return self.usage.cost if self.usage else None

    @property
    def saved(self) -> float:
        """What it would have cost in USD, had it not been answered from the journal."""
        return (self.usage.cost or 0.0) if self.usage and self.cached else 0.0

    @property
    def nothing_came(self) -> bool:
        """Whether it failed or was stopped before the answer's first word."""
        ended_early = self.finish in ("error", "interrupted")
        return ended_early and not self.text and not self.refusal

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as later requests send it; a turn without text is not sent."""
        if not self.text:
            return ()
        return self.question.message, Message("assistant", self.text)

    def to_dict(self) -> dict[str, Any]:
        """Return the turn as JSON, to be kept: what was sent is in it without keys."""
        kept = asdict(self)
        asked = kept.pop("question")
        if asked["filled"] is None:
            del asked["filled"]
        kept |= {_IN_JSON.get(name, name): value for name, value in asked.items()}
        return kept | {n: without_keys(kept[n]) for n in _MAY_HOLD_KEYS & kept.keys()}

    @classmethod
    def from_dict(cls, raw: Json) -> "Turn":
        """Return the turn that ``to_dict`` made *raw* of.

        A newer version's fields are left alone.

        Raises:
            ValueError: it is no turn, or a field is not what it should be.
        """
        known = {name: raw[name] for name in _KINDS if name in raw}
        for name, value in known.items():
            # JSON has one kind of number; True is no number. A notebook has its own
            # kind of mapping.
            kind = dict if isinstance(value, dict) else type(value)
            if kind not in _KINDS[name]:
                raise ValueError(f"{name} cannot be {type(value).__name__}")
            if isinstance(value, int | float) and not abs(value) < _HUGE:
                raise ValueError(f"{name} is out of range")
        if "prompt" not in known:
            raise ValueError("there is no prompt")
        if _is_deep(raw):
            raise ValueError("it is nested too deeply")
        mended = {name: _mended(value) for name, value in known.items()}
        asked = {
            each.name: mended.pop(name)
            for each in fields(Question)
            if (name := _IN_JSON.get(each.name, each.name)) in mended
        }
        usage = mapping(raw.get("usage"))
        attached = tuple(
            Attachment.from_dict({k: _mended(v) for k, v in each.items()})
            for each in items(_several(raw, "attachments"))
        )
        return cls(
            question=Question(**asked, attachments=attached),
            **mended,
            alternatives=tuple(
                mend(text)
                for text in _several(raw, "alternatives")
                if isinstance(text, str)
            ),
            sources=tuple(
                Source(mend(str(page.get("url"))), mend(str(page.get("title", ""))))
                for page in items(_several(raw, "sources"))
            ),
            usage=_usage(usage) if usage else None,
        )


def _several(raw: Json, name: str) -> list[Any]:
    """Return what is a list, or was a tuple."""
    value = raw.get(name) or []
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError(f"{name} cannot be {type(value).__name__}")


def _mended(value: Any) -> Any:
    return mend(value) if isinstance(value, str) else value


def _is_deep(raw: Any) -> bool:
    """Tell whether JSON is nested too deeply to be walked through."""
    level = [raw]
    for _ in range(_DEEPEST):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [
            inner for each in inside for inner in each if isinstance(inner, dict | list)
        ]
    return bool(level)


def _usage(raw: Json) -> Usage:
    names = {each.name for each in fields(Usage)}
    known = {name: value for name, value in raw.items() if name in names}
    for name, value in known.items():
        is_number = type(value) in _NUMBER and abs(value) < _HUGE
        is_fit = isinstance(value, dict) if name == "raw" else is_number
        if not is_fit and value is not None:
            raise ValueError(f"usage cannot have {type(value).__name__} for {name}")
    return Usage(**known)


def _kinds(hint: Any) -> tuple[type, ...]:
    """Return the types that a field has in JSON, none where it is another there."""
    if get_origin(hint) is Mapping:
        return (dict,)
    parts = get_args(hint) or (hint,)
    kinds = [_PLAIN.get(part, ()) for part in parts]
    return tuple(each for kind in kinds for each in kind) if all(kinds) else ()


_DEEPEST = 100
_HUGE = 2**63
_NUMBER: tuple[type, ...] = (int, float)
_PLAIN: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: _NUMBER,
    NoneType: (NoneType,),
}
_IN_JSON = {"typed": "prompt", "fields": "options", "last_turns": "history"}
"""What JSON calls fields of the question otherwise; there they are the turn's own."""
_MAY_HOLD_KEYS = {"system"} | {
    _IN_JSON.get(each.name, each.name) for each in fields(Question)
}
_KINDS: Mapping[str, tuple[type, ...]] = {
    _IN_JSON.get(each.name, each.name): kinds
    for each in (*fields(Question), *fields(Turn))
    if (kinds := _kinds(each.type))
}
"""The fields that are the same in JSON, and the types that they can have there."""
