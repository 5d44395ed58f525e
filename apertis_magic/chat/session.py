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
        fixed_model: whether the address serves this model alone, so that questions
            cannot name another.
    """

    base_url: str
    model: str
    api_key: str | None = field(default=None, repr=False)
    fixed_model: bool = False

    @classmethod
    def of(cls, preferences: "Preferences") -> "Settings":
        """Return what the user prefers, else what the environment says, else defaults.

        Raises:
            ConfigurationError: the address or the key cannot be one.
        """
        base_url = preferences.base_url or base_url_from_environment()
        address.check(base_url)
        return cls(
            base_url=base_url,
            model=preferences.model or os.environ.get("APERTIS_MODEL") or DEFAULT_MODEL,
            api_key=keys.find(),
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
        self._clients: dict[Settings, AsyncApertis] = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """What holds for the next question; the environment is read anew each time.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return self._override or Settings.of(self.preferences)

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
        if talk.system is None and not talk.turns:
            talk.system = self.preferences.system
        chosen = model or talk.model or settings.model
        return talk.ask(
            prompt,
            model=settings.model if settings.fixed_model else chosen,
            client=self.client(settings),
            **{**self.preferences.request, **request},
        )

    def go_on(self) -> Reply:
        """Go on with the current conversation's newest answer, which was cut off.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        settings = self.settings
        return self.current.go_on(
            model=settings.model if settings.fixed_model else None,
            client=self.client(settings),
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
        with self._lock:
            if settings not in self._clients:
                self._clients[settings] = AsyncApertis(
                    settings.api_key, settings.base_url
                )
            return self._clients[settings]


_current: Session | None = None
_lock = threading.Lock()


def current() -> Session:
    """Return this process's Session, made on first use."""
    global _current  # noqa: PLW0603  one Session per process is the point
    with _lock:
        if _current is None:
            _current = Session()
        return _current
