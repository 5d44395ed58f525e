"""The process's Session: its conversations, the current one, settings and clients."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apertis_magic.api import address, keys
from apertis_magic.api.client import AsyncApertis, base_url_from_environment
from apertis_magic.chat import model_list
from apertis_magic.chat.conversation import DEFAULT_MODEL, Conversation
from apertis_magic.chat.reply import Reply

DEFAULT_CONVERSATION = "main"


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
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    key_source: str = field(default="", compare=False)
    fixed_model: bool = False

    @property
    def about_key(self) -> str:
        """Whether there is a key and where it is from, in words."""
        if not self.api_key:
            return "none"
        return f"set ({self.key_source})" if self.key_source else "set"

    @classmethod
    def of(cls, preferences: "Preferences") -> "Settings":
        """Return what the user prefers, else what the environment says, else defaults.

        Raises:
            ConfigurationError: the address or the key cannot be one.
        """
        base_url = _base_url(preferences)
        found = keys.find(base_url=base_url)
        return cls(
            base_url=base_url,
            model=preferences.model or os.environ.get("APERTIS_MODEL") or DEFAULT_MODEL,
            api_key=found.key if found else None,
            key_source=found.source if found else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the user has set for every question that does not say otherwise.

    Attributes:
        base_url: the API's address; None leaves the environment's.
        model: the model; None leaves the environment's.
        system: the system prompt of conversations that have none yet.
        request: fields of the request and arguments of the client's ``create``, such
            as ``temperature`` or ``timeout``.
    """

    base_url: str | None = None
    model: str | None = None
    system: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """What the magics and the panel share: conversations, settings and connections."""

    def __init__(self) -> None:
        self.preferences = Preferences()
        self.model_lists = model_list.Memory()
        self._conversations: dict[str, Conversation] = {}
        self._name = DEFAULT_CONVERSATION
        self._override: Settings | None = None
        self._clients: dict[tuple[str, str | None], AsyncApertis] = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """What holds for the next question; the environment is read anew each time.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return self._override or Settings.of(self.preferences)

    @property
    def base_url(self) -> str:
        """The address that is set, also while the local model answers.

        Raises:
            ConfigurationError: it cannot be one.
        """
        return _base_url(self.preferences)

    @property
    def current(self) -> Conversation:
        """The conversation of the questions that name none."""
        return self.conversation(self._name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the conversations, the current one's included."""
        return tuple({self._name: None, **self._conversations})

    def conversation(self, name: str) -> Conversation:
        """Return the conversation of that name, made on first use."""
        with self._lock:
            if name not in self._conversations:
                self._conversations[name] = Conversation(name=name)
            return self._conversations[name]

    def redirect(self, settings: Settings | None) -> None:
        """Send every request by *settings* from now on; None goes back to before."""
        self._override = settings

    def ask(
        self,
        prompt: str,
        *,
        conversation: str | None = None,
        model: str | None = None,
        **request: Any,
    ) -> Reply:
        """Ask in a conversation.

        Args:
            prompt: the user's message.
            conversation: its name; None for the current one.
            model: the model for this question alone.
            **request: what else ``Conversation.ask`` takes.

        Raises:
            ConfigurationError: something is missing or out of range; nothing was sent.
        """
        settings = self.settings
        talk = self.conversation(conversation or self._name)
        talk.default_system = self.preferences.system
        chosen = model or talk.model or settings.model
        return talk.ask(
            prompt,
            model=settings.model if settings.fixed_model else chosen,
            client=self.client(settings),
            **{**self.preferences.request, **request},
        )

    def go_on(self, conversation: str | None = None, *, stream: bool = True) -> Reply:
        """Go on with a conversation's newest answer, which was cut off.

        Args:
            conversation: its name; None for the current one.
            stream: let the rest come in pieces.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        settings = self.settings
        talk = self.conversation(conversation or self._name)
        limits = ("timeout", "max_retries")
        given = self.preferences.request
        # Another address may not know the model that began.
        client = self.client(settings)
        is_there = talk.newest and talk.newest.base_url == client.base_url
        other = settings.model if settings.fixed_model else talk.model or settings.model
        return talk.go_on(
            model=None if is_there else other,
            client=client,
            stream=stream,
            **{name: given[name] for name in limits if name in given},
        )

    def end_execution(self, execution: str) -> None:
        """Tell the conversations that an execution of a cell has ended."""
        for talk in tuple(self._conversations.values()):
            talk.end_execution(execution)

    def client(self, settings: Settings) -> AsyncApertis:
        """Return the one client for *settings*, so that all requests share connections.

        Raises:
            ConfigurationError: the address or the key cannot be right.
        """
        target = settings.base_url, settings.api_key
        with self._lock:
            if target not in self._clients:
                self._clients[target] = AsyncApertis(
                    settings.api_key, settings.base_url
                )
            return self._clients[target]


def _base_url(preferences: Preferences) -> str:
    base_url = preferences.base_url or base_url_from_environment()
    address.check(base_url)
    return base_url


_current: Session | None = None
_lock = threading.Lock()


def current() -> Session:
    """Return this process's Session, made on first use."""
    global _current  # noqa: PLW0603  one Session per process is the point
    with _lock:
        if _current is None:
            _current = Session()
        return _current
