"""Decides what an Ask leaves open, by what the user prefers."""

from collections.abc import Callable
from dataclasses import replace
from time import time

from apertis_magic.api.client import AsyncApertis
from apertis_magic.chat.ask import Ask, PreparedAsk
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.model_lists import Listing, context_length, input_price
from apertis_magic.chat.settings import Preferences, Settings
from apertis_magic.errors import ConfigurationError

_DAY = 86_400.0


def prepare(
    ask: Ask,
    conversation: Conversation,
    *,
    settings: Settings,
    preferences: Preferences,
    client: Callable[[Settings], AsyncApertis],
    models: Listing | None,
) -> PreparedAsk:
    """Return an Ask with all decided that it leaves open.

    Args:
        ask: what is asked.
        conversation: where it is asked.
        settings: where requests go.
        preferences: what the user prefers.
        client: gives who asks there.
        models: what is known of the server's models, None for nothing.

    Raises:
        ConfigurationError: something is missing or out of range.
    """
    ask = _preferring(ask, preferences)
    ask.check()
    asking = client(settings)
    model = settings.model
    if not settings.fixed_model:
        own = conversation.model
        model = ask.model_at(asking.base_url, own=own, default=settings.model)
    limit, context = preferences.max_context, context_length(models, model)
    return PreparedAsk(
        ask=ask,
        client=asking,
        model=model,
        system=conversation.transcript.system_for(ask),
        max_context=context if limit is None else limit,
        context=context,
        price=input_price(models, model),
        cached_since=_cached_since(preferences) if ask.cache else None,
        local_model=settings.local_model,
    )


def _preferring(ask: Ask, preferences: Preferences) -> Ask:
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


def _cached_since(preferences: Preferences) -> float:
    """Return the moment since when answers of the journal are good enough."""
    if not preferences.journal:
        raise ConfigurationError(
            "Answers are cached in the journal, which is off.",
            hint="%config ApertisMagic.journal = True turns it on.",
        )
    return time() - preferences.cache_days * _DAY
