"""Decides what an Ask leaves open, by what the user prefers, and refuses keys."""

from dataclasses import replace

from apertis_magic.api.client import AsyncApertis
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.settings import Preferences, Settings
from apertis_magic.clean import holds_key
from apertis_magic.errors import ConfigurationError


def preferring(ask: Ask, preferences: Preferences) -> Ask:
    """Return an Ask with what the user prefers where it leaves that open.

    A question that is asked again, or whose answer is completed, keeps its own fields.
    """
    ask = replace(ask, limits=ask.limits.over(preferences.limits))
    if ask.former is not None:
        return ask
    fields = {**preferences.fields, **ask.question.fields}
    return replace(
        ask,
        question=replace(ask.question, fields=fields),
        cache=preferences.cache if ask.cache is None else ask.cache,
    )


def model_for(
    ask: Ask, conversation: Conversation, settings: Settings, client: AsyncApertis
) -> str:
    """Return the model to ask: the one place of a Session that chooses."""
    if settings.fixed_model:
        return settings.model
    former = ask.former
    # Another address may not know the model that was asked.
    is_known = former is not None and former.base_url == client.base_url
    again = former.asked_model if former and is_known else None
    return ask.model or again or conversation.model or settings.model


def check_no_key(key: str | None, *texts: str | None) -> None:
    """See that none of *texts* holds a key, neither the one in use nor another.

    Args:
        key: the key in use, None for none.
        texts: what may be sent.

    Raises:
        ConfigurationError: one does; the key is not repeated.
    """
    if any(holds_key(text, key) for text in texts if text):
        raise ConfigurationError(
            "Nothing was sent, for the message, its options or the system prompt "
            "holds an API key.",
            hint="Take it out, and revoke it if others may have seen it; %chat key "
            "stores a key.",
        )
