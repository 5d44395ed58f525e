"""The process's Session: its conversations, the current one, settings and clients."""

import os
import threading
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
    def from_environment(cls) -> "Settings":
        """Return what the environment says now, else the defaults.

        Raises:
            ConfigurationError: the address or the key cannot be one.
        """
        base_url = base_url_from_environment()
        address.check(base_url)
        return cls(
            base_url=base_url,
            model=os.environ.get("APERTIS_MODEL") or DEFAULT_MODEL,
            api_key=keys.find(),
        )


class Session:
    """What the magics and the panel share: conversations, settings and connections."""

    def __init__(self) -> None:
        self.current = Conversation(name=DEFAULT_CONVERSATION)
        self.model_lists = model_list.Memory()
        self._override: Settings | None = None
        self._clients: dict[Settings, AsyncApertis] = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """What holds for the next question; the environment is read anew each time.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return self._override or Settings.from_environment()

    def redirect(self, settings: Settings | None) -> None:
        """Send every request by *settings* from now on; None goes back to before."""
        self._override = settings

    def ask(self, prompt: str, *, model: str | None = None, **request: Any) -> Reply:
        """Ask in the current conversation.

        Args:
            prompt: the user's message.
            model: the model for this question alone.
            **request: what else ``Conversation.ask`` takes.

        Raises:
            ConfigurationError: something is missing or out of range; nothing was sent.
        """
        settings = self.settings
        chosen = model or self.current.model or settings.model
        return self.current.ask(
            prompt,
            model=settings.model if settings.fixed_model else chosen,
            client=self.client(settings),
            **request,
        )

    def end_execution(self, execution: str) -> None:
        """Tell the conversations that an execution of a cell has ended."""
        self.current.end_execution(execution)

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
