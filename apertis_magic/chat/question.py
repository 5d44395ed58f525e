"""One question: all it is made of, and the turn it becomes."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from apertis_magic.api import address
from apertis_magic.api.client import AsyncApertis
from apertis_magic.api.types import Message, Usage
from apertis_magic.chat.attachment import Attachment, content
from apertis_magic.chat.history import Placement
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError

if TYPE_CHECKING:
    from apertis_magic.chat.reply import Reply

_NOT_KEPT = ("extra_headers", "timeout", "max_retries")  # the first may hold a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that one question to a model is made of, but for the turns before it.

    Attributes:
        prompt: the user's message.
        attachments: the files that go with it.
        model: the model that is asked.
        client: who sends it.
        system: the system prompt, None or empty for none.
        options: the request's other fields, and arguments of the client's ``create``.
        vary: fields that only keep a server from answering from its cache.
        placement: where its turn stands in the conversation.
        last_turns: how many of the turns before it are sent at the most, None for all.
        max_context: tokens that question and answer may take, None for no limit.
        once: neither send the turns before nor keep this one.
        stream: let the answer come in pieces.
        cached_since: answer from the journal what was asked after that moment, in
            seconds since 1970; None asks the server.
        partial: the turn that the answer goes on with.
    """

    prompt: str
    attachments: tuple[Attachment, ...] = ()
    model: str
    client: AsyncApertis
    system: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, Any] = field(default_factory=dict)
    placement: Placement = field(default_factory=Placement)
    last_turns: int | None = None
    max_context: int | None = None
    once: bool = False
    stream: bool = True
    cached_since: float | None = None
    partial: Turn | None = None

    @property
    def kept_options(self) -> dict[str, Any]:
        """The options that its turn keeps."""
        return {k: v for k, v in self.options.items() if k not in _NOT_KEPT}

    def fingerprint(self, messages: Sequence[Message]) -> str | None:
        """Return what is the same for the same request; no key is in it.

        None where that cannot be told: an option may hold what is no JSON, and a header
        may change the answer and hold a key.
        """
        if self.options.get("extra_headers"):
            return None
        asked = {
            "base_url": self.client.base_url,
            "model": self.model,
            "messages": [message.to_dict() for message in messages],
            "options": self.kept_options,
        }
        try:
            text = json.dumps(asked, sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            return None
        return sha256(text.encode()).hexdigest()

    @property
    def message(self) -> Message:
        """The user's message, as it is sent."""
        return Message("user", content(self.prompt, self.attachments))

    def turn(
        self, reply: "Reply", finish: str | None, error: ApertisError | None = None
    ) -> Turn:
        """Return what has become of it so far as a turn."""
        partial, cell = self.partial, self.placement.cell
        made = Turn(
            id=reply.id,
            prompt=self.prompt,
            attachments=self.attachments,
            text=reply.text,
            reasoning=reply.reasoning,
            refusal=reply.refusal,
            alternatives=reply.alternatives,
            sources=reply.sources,
            finish=finish,
            error=str(error or ""),
            hint=error.hint if error else "",
            model=reply.model,
            asked_model=self.model,
            fallback=reply.fallback,
            base_url=self.client.base_url,
            usage=reply.usage,
            system=self.system,
            options=self.kept_options,
            last_turns=self.last_turns,
            left_out=reply.left_out,
            cached=reply.cached,
            cell=cell.id if cell else None,
            started=reply.started,
            first_text=reply.first_text,
            elapsed=reply.elapsed,
            malformed=reply.malformed,
        )
        return _joined(partial, made) if partial else made


def _joined(partial: Turn, rest: Turn) -> Turn:
    """Return *rest*, which holds the text of both, as the turn that *partial* began."""
    return replace(
        rest,
        cell=partial.cell,
        started=partial.started,
        first_text=partial.first_text,
        alternatives=partial.alternatives,
        last_turns=partial.last_turns,
        malformed=partial.malformed + rest.malformed,
        elapsed=partial.elapsed + rest.elapsed,
        usage=_both(partial, rest),
    )


def _both(partial: Turn, rest: Turn) -> Usage | None:
    """Return what both took; what the journal answered took nothing now."""
    if partial.cached:
        return rest.usage
    return rest.usage + partial.usage if rest.usage and partial.usage else None


def copied(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return options that do not change with what was given, while they wait."""
    try:
        return deepcopy(dict(options))
    except Exception:  # noqa: BLE001  no JSON, which the client tells
        return options


def changed(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return *options* with those that are given now, also inside ``extra_body``."""
    given = {name: value for name, value in given.items() if value is not None}
    extra = [each.get("extra_body") or {} for each in (options, given)]
    whole = {**options, **given}
    return whole | {"extra_body": {**extra[0], **extra[1]}} if any(extra) else whole


def varied(base_url: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field that Apertis has not seen with this request.

    It answers the very same request from a cache, so that another try would be none.
    """
    if not address.is_apertis(base_url):
        return {}
    number = uuid4().int % 2**31
    return {"user": f"retry-{number}"} if "seed" in options else {"seed": number}
