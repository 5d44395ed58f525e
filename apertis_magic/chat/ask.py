"""``Ask``: what cell, ``%chat``, panel and Python ask for; ``PreparedAsk`` is ready."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from apertis_magic.api import address, params, transport
from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.types import Message
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.credentials import Echo
from apertis_magic.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How a request is sent; no turn keeps it.

    Attributes:
        timeout: seconds that each phase of the request may take; None for the client's.
        max_retries: how often to try again; None for the client's.
        extra_headers: headers of this request, which may hold a key; None for none.
        extra_query: parameters of its address; None for none.
    """

    timeout: Any = None
    max_retries: int | None = None
    extra_headers: Mapping[str, str] | None = None
    extra_query: Mapping[str, Any] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """Those that are set, as arguments of the client's ``create``."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value is not None}

    def over(self, other: "Limits") -> "Limits":
        """Return these limits, and those of *other* where these are not set."""
        return replace(other, **self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody asks for; what is None is decided when it is prepared.

    Attributes:
        question: what is asked.
        model: the model for this question alone.
        system: the conversation's system prompt from now on, "" for none; None leaves
            it. Of a question that is asked ``once`` it is for that one alone.
        placement: where the turn stands in the conversation.
        cache: whether the journal may answer; None for what the user prefers.
        once: neither send the turns before nor keep this one.
        stream: let the answer come in pieces.
        limits: how the request is sent.
        repeats: the turn whose question is asked again; None for a new question.
        partial: the turn whose answer is to be completed; None for a new answer.
    """

    question: Question
    model: str | None = None
    system: str | None = None
    placement: Placement = field(default_factory=Placement)
    cache: bool | None = None
    once: bool = False
    stream: bool = True
    limits: Limits = field(default_factory=Limits)
    repeats: Turn | None = None
    partial: Turn | None = None

    @classmethod
    def again(cls, turn: Turn, fields: Mapping[str, Any] | None = None) -> "Ask":
        """Return the Ask for a turn's question again, in the turn's place.

        It is asked as it was typed: who asks fills values in anew. What was sent anyway
        is held back once more.

        Args:
            turn: the turn.
            fields: the request's fields that are to be other than they were.
        """
        fields = _changed(turn.question.repeatable, fields or {})
        question = replace(
            turn.question, fields=fields, filled=None, anyway=False, untrusted=False
        )
        return cls(
            question=question,
            placement=Placement(replaces=turn.id),
            repeats=turn,
        )

    @classmethod
    def rest_of(cls, turn: Turn) -> "Ask":
        """Return the Ask for the rest of a turn's answer, which joins the turn."""
        question = turn.question
        # One answer is completed, not as many as were asked for.
        fields = {k: v for k, v in question.repeatable.items() if k != "n"}
        return cls(
            question=replace(question, fields=fields),
            placement=Placement(replaces=turn.id),
            partial=turn,
        )

    @property
    def former(self) -> Turn | None:
        """The turn that is asked again or completed, None for a new question."""
        return self.repeats or self.partial

    def model_at(self, base_url: str, *, own: str | None, default: str) -> str:
        """Return the model to ask: the one place that chooses.

        A question that is asked again, or whose answer is completed, keeps its model,
        where the address is the same: another one may not know the model. An untrusted
        file's model may be a dear one.

        Args:
            base_url: the address that is asked.
            own: the model of the conversation's own, None for none.
            default: the model where nobody says otherwise.
        """
        former = self.former
        again = None
        if former is not None and not former.question.untrusted:
            again = former.asked_model if former.base_url == base_url else None
        return self.model or again or own or default

    def check(self) -> None:
        """See that it can be sent.

        Raises:
            ConfigurationError: the message is empty, a field out of range, or a file
                that went with it is not held.
        """
        question = self.question
        # What completes an answer goes on without them: the answer says what it needs.
        lost = [str(each) for each in question.attachments if each.missing]
        if lost and self.partial is None:
            raise ConfigurationError(
                f"Nothing was sent: {', '.join(lost)} went with this question, and a "
                "notebook names a file alone.",
                hint="Ask it anew in the panel with that attached, or bring the "
                "conversation back from the journal (%chat restore).",
            )
        if not question.sent.strip() and self.former is None:
            raise ConfigurationError("The message is empty.")
        fields = {k: v for k, v in question.fields.items() if k != "extra_body"}
        params.check({**fields, "stream": self.stream})
        if question.last_turns is not None and question.last_turns < 0:
            raise ConfigurationError(
                f"last_turns must be 0 or more, not {question.last_turns}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAsk:
    """An Ask with all decided that it left open; only the turns before it lack.

    Attributes:
        ask: the Ask.
        client: who sends the request.
        model: the model that is asked.
        system: the system prompt, None or empty for none.
        max_context: tokens that question and answer may take, None for no limit.
        context: tokens that the model can read, None where that is not known.
        price: USD for a million tokens of prompt, None where that is not known.
        cached_since: answer from the journal what was asked after that moment, in
            seconds since 1970; None asks the server.
        local_model: what names the local model, if it is the one that is asked.
    """

    ask: Ask
    client: AsyncApertis
    model: str
    system: str | None = None
    max_context: int | None = None
    context: int | None = None
    price: float | None = None
    cached_since: float | None = None
    local_model: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What goes with the request and is to be seen nowhere."""
        try:
            headers = transport.checked(self.ask.limits.extra_headers or {})
        except ConfigurationError:
            headers = {}  # nothing is sent, which the client tells
        return (*self.client.secrets, *transport.secrets(headers))

    @property
    def echo(self) -> Echo:
        """These, as a server may repeat them; a function's key is known once asked."""
        return Echo.of(*self.secrets)

    @property
    def completes(self) -> bool:
        """Whether the model goes on by itself with an answer that ends the request.

        llama.cpp does, word for word; in a stream it sends the rest alone.
        """
        return self.ask.partial is not None and bool(self.local_model)

    def arguments(self) -> dict[str, Any]:
        """Return the fields and limits, as arguments of the client's ``create``."""
        fields = self.ask.question.fields
        other = unseen(self.client.base_url, fields) if self.ask.repeats else {}
        return {**other, **fields, **self.ask.limits.arguments}

    def fingerprint(self, messages: Sequence[Message]) -> str | None:
        """Return what is the same for the same request by the same key, as a hash.

        The local model's address and key are new at each start: its name stands for
        both. None where that cannot be told: a field may hold what is no JSON, a header
        or the query may change the answer, and a function may give any key.
        """
        limits = self.ask.limits
        if limits.extra_headers or limits.extra_query or self.client.asks_for_key:
            return None
        asked = {"base_url": self.client.base_url, "secrets": self.client.secrets}
        request = {
            **({"local_model": self.local_model} if self.local_model else asked),
            "model": self.model,
            "messages": [message.to_dict() for message in messages],
            "options": dict(self.ask.question.fields),
        }
        try:
            text = json.dumps(request, sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            return None
        return sha256(text.encode()).hexdigest()


def detached(ask: Ask) -> Ask:
    """Return an Ask that can wait: nobody else can change its fields meanwhile."""
    question = ask.question
    fields = question.fields
    with suppress(Exception):  # no JSON, which the client tells
        fields = deepcopy(dict(fields))
    return replace(ask, question=replace(question.mended(), fields=fields))


def _changed(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* with *changes* that are set, also inside ``extra_body``."""
    changes = {name: value for name, value in changes.items() if value is not None}
    extra = [each.get("extra_body") or {} for each in (fields, changes)]
    whole = {**fields, **changes}
    return whole | {"extra_body": {**extra[0], **extra[1]}} if any(extra) else whole


def unseen(base_url: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field that Apertis has not seen with this request.

    It answers the very same request from a cache, so that another try would be none.
    """
    if not address.is_apertis(base_url):
        return {}
    number = uuid4().int % 2**31
    return {"user": f"retry-{number}"} if "seed" in fields else {"seed": number}
