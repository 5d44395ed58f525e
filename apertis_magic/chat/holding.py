"""What is held back before it is sent: a key, or a question that is too large."""

from apertis_magic.chat import fitting
from apertis_magic.chat.ask import PreparedAsk
from apertis_magic.chat.picture import readable
from apertis_magic.chat.question import Question
from apertis_magic.credentials import holds_key
from apertis_magic.errors import HeldBack

LARGEST = 200_000
"""Bytes of a message, as it was typed, that nobody is asked about."""

_SURELY = 2 / 3
"""The share of the estimated tokens that a text has at the least: they are too many."""

_MEANT = "Was all of it meant to be sent? "


def held_back(prepared: PreparedAsk) -> HeldBack | None:
    """Return why a question is not to be sent without a word, None where it may be."""
    ask = prepared.ask
    if ask.question.anyway:
        return None
    # What completes an answer was sent with its question before.
    asked = () if ask.partial else ask.question.texts
    texts = (prepared.system, prepared.model, *asked)
    if any(holds_key(text, *prepared.secrets) for text in texts if text):
        return with_key()
    return None if ask.partial else _too_large(prepared)


def check_no_key(key: str | None, *texts: str | None) -> None:
    """See that none of *texts* holds a key, neither the one in use nor another.

    Args:
        key: the key in use, None for none.
        texts: what may be sent.

    Raises:
        HeldBack: one does; the key is not repeated.
    """
    if any(holds_key(text, key) for text in texts if text):
        raise with_key()


def with_key() -> HeldBack:
    """Return the error for what holds a key."""
    return HeldBack(
        "Nothing was sent, for the message, its options or the system prompt holds an "
        "API key, or what looks like one.",
        hint="Take it out, and revoke it if others may have seen it; %chat key stores "
        f"a key. {HeldBack.hint}",
    )


def _too_large(prepared: PreparedAsk) -> HeldBack | None:
    question, limit = prepared.ask.question, prepared.context
    tokens = fitting.of_question(question)
    is_over = limit is not None and tokens * _SURELY > limit
    if not is_over and len(question.typed.encode(errors="replace")) <= LARGEST:
        return None
    price = prepared.price
    cost = f" (${tokens * price / 1e6:.2g})" if price else ""
    most = f", and {prepared.model} takes {limit:,} at the most" if is_over else ""
    return HeldBack(
        f"Nothing was sent: the question has {readable(_size(question))}, up to "
        f"{tokens:,} tokens{cost}{most}.",
        hint=_MEANT + HeldBack.hint,
    )


def _size(question: Question) -> int:
    """Return the bytes of a question with the texts that are attached."""
    texts = (each.data for each in question.attachments if not each.is_picture)
    return sum(len(t.encode(errors="replace")) for t in (question.sent, *texts))
