"""What holds for the next question: where it goes, and what the user prefers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from apertis_magic.api import address, keys
from apertis_magic.api.environment import (
    base_url_from_environment,
    model_from_environment,
)
from apertis_magic.chat.ask import Limits


class Endpoint(Protocol):
    """Where a server of one model is."""

    @property
    def url(self) -> str:
        """The base URL of its API."""

    @property
    def model(self) -> str:
        """The model's id."""

    @property
    def key(self) -> str:
        """The key that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where requests go, with which key and to which model by default.

    Attributes:
        base_url: the API's address.
        model: the model for questions that name none.
        api_key: the key, None for none; never in the repr.
        key_source: where the key was found, in words.
        fixed_model: whether the address serves this model alone, so that questions
            cannot name another.
        context_length: tokens that this model can read and write together, where that
            is known.
        local_model: what names the local model, whose address and key are new at each
            start; empty where another server is asked.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    key_source: str = field(default="", compare=False)
    fixed_model: bool = False
    context_length: int | None = None
    local_model: str = ""

    @property
    def lacks_key(self) -> bool:
        """Whether a question would fail for want of a key."""
        return not self.api_key and address.is_apertis(self.base_url)

    @property
    def about_key(self) -> str:
        """Whether there is a key and where it is from, in words."""
        if self.local_model:
            return "the local model's own"
        if not self.api_key:
            return "none" if self.lacks_key else "none; this address may need none"
        return f"set ({self.key_source})" if self.key_source else "set"

    def model_of(self, own: str | None) -> str:
        """Return the model that answers a conversation with that model of its own."""
        return self.model if self.fixed_model else own or self.model

    @classmethod
    def of(cls, preferences: "Preferences") -> "Settings":
        """Return what the user prefers, else what the environment says, else defaults.

        Raises:
            ConfigurationError: the address or the key cannot be one.
        """
        base_url = address_of(preferences)
        found = keys.find(base_url=base_url)
        return cls(
            base_url=base_url,
            model=preferences.model or model_from_environment(),
            api_key=found.key if found else None,
            key_source=found.source if found else "",
        )

    @classmethod
    def of_endpoint(cls, endpoint: Endpoint, *, context_length: int) -> "Settings":
        """Return what sends every question to a server of one model.

        Args:
            endpoint: where it is.
            context_length: tokens that the model can read and write together.
        """
        return cls(
            base_url=endpoint.url,
            model=endpoint.model,
            api_key=endpoint.key,
            fixed_model=True,
            context_length=context_length,
            local_model=endpoint.model,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the user has set for every question that does not say otherwise.

    Attributes:
        base_url: the API's address; None leaves the environment's.
        model: the model; None leaves the environment's.
        system: the system prompt of conversations that have none yet.
        fields: fields of the request, such as ``temperature``.
        limits: how a request is sent.
        max_context: tokens that question and answer may take; None for what the model
            is known to take.
        journal: whether turns are kept on disk.
        journal_days: days for which they are kept.
        cache_days: days for which they answer the same request again.
        cache: whether they do so unasked.
        notebook: the notebook that the cells are in, None where nobody tells.
    """

    base_url: str | None = None
    model: str | None = None
    system: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    max_context: int | None = None
    journal: bool = True
    journal_days: float = 90
    cache_days: float = 30
    cache: bool = False
    notebook: str | None = None


def address_of(preferences: "Preferences") -> str:
    """Return the API's address that the user prefers, else the environment's.

    Raises:
        ConfigurationError: it cannot be one.
    """
    base_url = (preferences.base_url or base_url_from_environment()).strip()
    address.check(base_url)
    return base_url
