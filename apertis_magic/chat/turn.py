"""One question with its answer, as a frozen value and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any
from uuid import uuid4

from apertis_magic.api.params import ARGUMENTS
from apertis_magic.api.types import Message, Usage
from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat import former
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.parts import (
    Parts,
    Picture,
    Reasoning,
    Refusal,
    Source,
    ToolCall,
    is_answer,
    part_of,
    part_to_dict,
    text_of,
)
from apertis_magic.chat.question import Question
from apertis_magic.chat.sending import is_sent, messages_of
from apertis_magic.clean import excerpt, mend
from apertis_magic.credentials import without_keys
from apertis_magic.marks import MAY_HOLD_KEYS, SENT, json_name, kinds, marked


@dataclass(frozen=True, slots=True)
class Cell:
    """The notebook cell that asks.

    Attributes:
        id: the front end's id of the cell, the same when it runs again.
        execution: the id of this run of it.
        client: names the front end's connection to the kernel, which is another one
            once the notebook was opened again. Empty where the id lasts longer, or
            nothing tells.
    """

    id: str
    execution: str
    client: str = ""

    @property
    def is_numbered(self) -> bool:
        """Whether its id is a number that counts from each opening of the notebook.

        VS Code's are: another opening, another cell with this id.
        """
        return self.id.startswith("vscode-notebook-cell:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user's message and its answer; they enter a conversation together.

    ``str(turn)`` is the answer's text. A turn never changes.

    Attributes:
        id: names this turn and no other.
        question: what was asked.
        answers: the answer's parts and, where several were asked for (``n``), those of
            the others; none while nothing has come.
        finish: ``stop``, ``length`` or what else the server said (``finish_reason``);
            ``interrupted``, ``error``; None where the server said nothing.
        error: what went wrong, in one line; empty when nothing did.
        hint: what to do about it, where that is known.
        model: the model that answered, as the server names it (``model``).
        fallback: why another model than the asked one answered, where the server
            tells it, else empty.
        asked_model: the model that was asked.
        base_url: the address that was asked.
        local: whether the local model answered, which is ours and on this machine.
        usage: the tokens it took, where the server tells them (``usage``).
        system: the system prompt it was asked under.
        left_out: how many turns before it were not sent, since they would not have
            fitted.
        cached: whether the journal gave it again, without a request. All else of it is
            what it was when the server answered.
        cell: id of the notebook cell it came from, where the front end tells it.
        started: when it was sent, in seconds since 1970.
        first_text: seconds from then to the answer's first text.
        elapsed: seconds from then to its end.
        malformed: events of the stream that could not be read and are missing.
        not_streamed: whether it was asked for in one piece, since the server does not
            stream this model's answers.
        repaired: whether it took a second request to get an answer of the right form.
        star: whether a person marked it as a good one.
        note: what a person says of it.

    Example:
        >>> from apertis_magic import Conversation
        >>> turn = Conversation().ask("What is the capital of Japan?").result()
        >>> print(turn)
        The capital of Japan is ...
        >>> turn.finish, turn.usage.total_tokens
        ('stop', 21)
    """

    question: Question
    answers: Annotated[tuple[Parts, ...], SENT] = ()
    finish: str | None = None
    error: str = ""
    hint: str = ""
    model: str = ""
    asked_model: str = ""
    fallback: str = ""
    base_url: str = ""
    local: bool = False
    usage: Usage | None = None
    system: Annotated[str | None, SENT, MAY_HOLD_KEYS] = None
    left_out: int = 0
    cached: bool = False
    cell: str | None = None
    started: float = 0.0
    first_text: float | None = None
    elapsed: float = 0.0
    malformed: int = 0
    not_streamed: bool = False
    repaired: bool = False
    star: bool = False
    note: Annotated[str, MAY_HOLD_KEYS] = ""
    id: str = field(default_factory=lambda: uuid4().hex)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        asked, answered = excerpt(self.prompt, 30), excerpt(self.text, 40)
        return f"<Turn {asked!r}: {answered!r}, {self.finish}>"

    @property
    def parts(self) -> Parts:
        """What the answer is made of, in the order in which it came."""
        return self.answers[0] if self.answers else ()

    @property
    def text(self) -> str:
        """The answer's text, as far as it came."""
        return text_of(self.parts)

    @property
    def reasoning(self) -> str:
        """The model's thinking, where the server tells it."""
        return text_of(self.parts, Reasoning)

    @property
    def refusal(self) -> str:
        """The text of a refusal (``refusal`` of the API), else empty."""
        return text_of(self.parts, Refusal)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The pictures that the model made."""
        return tuple(part for part in self.parts if isinstance(part, Picture))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that the model wants to be called."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The pages of the web that the answer rests on."""
        return tuple(part for part in self.parts if isinstance(part, Source))

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The texts of the other answers, where several were asked for (``n``)."""
        return tuple(text_of(parts) for parts in self.answers[1:])

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
    def texts_of_people(self) -> tuple[str, ...]:
        """All in it that a person wrote: what must not hold a key."""
        own = (getattr(self, name) for name in sorted(marked(Turn, MAY_HOLD_KEYS)))
        return *self.question.texts, *filter(None, own)

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
    def is_answered(self) -> bool:
        """Whether anything came that a person asked for; thinking alone is nothing."""
        return is_answer(self.parts)

    @property
    def nothing_came(self) -> bool:
        """Whether it failed or was stopped before the answer's first word."""
        return self.finish in ("error", "interrupted") and not self.is_answered

    @property
    def is_partial(self) -> bool:
        """Whether the answer can go on: its text did not come to its own end."""
        return bool(self.text) and self.finish not in _ENDS

    @property
    def is_sent(self) -> bool:
        """Whether later requests send it; without an answer they do not."""
        return is_sent(self.parts)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as later requests send it: the question, and what answers it.

        A picture and a tool that was never called are told in a line of text.
        """
        if not self.is_sent:
            return ()
        return self.question.message, *messages_of(self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the turn as JSON, to be kept; without keys, unless they were sent."""
        asked = {json: getattr(self.question, name) for json, name in _OF_QUESTION}
        if asked["filled"] is None:
            del asked["filled"]
        kept = {json: getattr(self, name) for json, name in _OF_TURN}
        kept |= {
            **asked,
            "attachments": [each.to_dict() for each in self.attachments],
            "answers": [list(map(part_to_dict, parts)) for parts in self.answers],
            "usage": asdict(self.usage) if self.usage else None,
        }
        if self.question.anyway:
            return kept
        return kept | {n: without_keys(kept[n]) for n in _MAY_HOLD_KEYS & kept.keys()}

    @classmethod
    def from_dict(cls, raw: Json) -> "Turn":
        """Return the turn that ``to_dict`` made *raw* of, also that of version 0.1.0.

        A newer version's fields are left alone.

        Raises:
            ValueError: it is no turn, or a field is not what it should be.
        """
        if not isinstance(raw, dict):
            raise ValueError("it is no turn")  # noqa: TRY004  of the file
        if _is_deep(raw):
            raise ValueError("it is nested too deeply")
        raw = former.upgraded(raw)
        known = {name: _checked(name, raw[name]) for name in _KINDS if name in raw}
        if "prompt" not in known:
            raise ValueError("there is no prompt")
        asked = {name: known.pop(json) for json, name in _OF_QUESTION if json in known}
        asked["fields"] = _fields(asked.get("fields", {}))
        usage = mapping(raw.get("usage"))
        attached = tuple(
            Attachment.from_dict({k: _mended(v) for k, v in each.items()})
            for each in items(_several(raw, "attachments"))
        )
        return cls(
            question=Question(**asked, attachments=attached),
            answers=_answers(_several(raw, "answers")),
            usage=_usage(usage) if usage else None,
            **known,
        )


def _fields(raw: Json) -> Json:
    """Return the fields of a request, without what no turn keeps of how it is sent."""
    return {name: value for name, value in raw.items() if name not in ARGUMENTS}


def _answers(raw: list[Any]) -> tuple[Parts, ...]:
    """Read the answers of a turn, each a list of parts."""
    for each in raw:
        if not isinstance(each, list | tuple) or len(items(list(each))) < len(each):
            raise ValueError("an answer is a list of parts")
    read = (map(part_of, each) for each in raw)
    return tuple(tuple(part for part in parts if part is not None) for parts in read)


def _checked(name: str, value: Any) -> Any:
    """Return a field's value, fit to be shown, if it is of a type that it can have."""
    # JSON has one kind of number; True is no number. A notebook has its own kind of
    # mapping.
    kind = dict if isinstance(value, dict) else type(value)
    if kind not in _KINDS[name]:
        raise ValueError(f"{name} cannot be {type(value).__name__}")
    if isinstance(value, int | float) and not abs(value) < _HUGE:
        raise ValueError(f"{name} is out of range")
    if name == "started" and not _EARLIEST < value < _LATEST:
        raise ValueError("started is no date")
    return _mended(value)


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


_ENDS = ("stop", "tool_calls", "function_call")
_DEEPEST = 100
_HUGE = 2**63
_EARLIEST, _LATEST = -6e10, 1e15
"""What can be shown as a date, in seconds since 1970."""
_NUMBER: tuple[type, ...] = (int, float)
# Told once, since a turn is written at each answer: what JSON calls a field, its name.
_OF_QUESTION = tuple((json_name(each), each.name) for each in fields(Question))
_OF_TURN = tuple(
    (json_name(each), each.name) for each in fields(Turn) if each.name != "question"
)
_MAY_HOLD_KEYS = {
    json_name(each)
    for kind in (Question, Turn)
    for each in fields(kind)
    if each.name in marked(kind, MAY_HOLD_KEYS)
}
_KINDS: Mapping[str, tuple[type, ...]] = {
    json_name(each): found
    for each in (*fields(Question), *fields(Turn))
    if (found := kinds(each))
}
"""The fields that are the same in JSON, and the types that they can have there."""
