"""The clients: ``AsyncApertis`` on the caller's event loop, ``Apertis`` for plain code.

``Apertis`` is a facade: its requests run on the background loop, so that there is one
implementation and it works inside a notebook's running loop as well as in a script.
"""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from apertis_magic.api import loop
from apertis_magic.api.account import Account, AsyncAccount
from apertis_magic.api.completions import AsyncCompletions, Completions
from apertis_magic.api.models import AsyncModels, Models
from apertis_magic.api.timeouts import Timeouts
from apertis_magic.api.transport import Target, Transport

DEFAULT_BASE_URL = "https://api.apertis.ai/v1"
MAX_RETRIES = 2


def base_url_from_environment() -> str:
    """Return the address that requests go to unless one is given."""
    names = ("APERTIS_BASE_URL", "APERTIS_API_BASE")
    found = (os.environ.get(name, "").strip() for name in names)
    return next(filter(None, found), DEFAULT_BASE_URL)


class AsyncApertis:
    """A client for the Chat Completions API, on the event loop of its caller.

    Args:
        api_key: the key; without it the environment's ``APERTIS_API_KEY``. Hosts other
            than Apertis' own get none if there is none.
        base_url: where the API is; without it ``APERTIS_BASE_URL``, or the service.
        timeout: one number of seconds that bounds connecting, the first byte and each
            silence; without it 10, 300 and 120.
        max_retries: how often a request that cannot have been answered is sent again.
        default_headers: headers for every request.

    Raises:
        ConfigurationError: the key, the address or a number cannot be right.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int = MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._transport = Transport(
            Target.of(base_url or base_url_from_environment(), api_key),
            timeouts=Timeouts.of(timeout),
            max_retries=max_retries,
            default_headers=default_headers,
        )
        self.chat = AsyncChat(self._transport)
        self.models = AsyncModels(self._transport)
        self.account = AsyncAccount(self._transport)
        self.usage_in_streams = True
        """False once the server has refused ``stream_options``."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    @property
    def base_url(self) -> str:
        """Where the requests go."""
        return self._transport.target.base_url

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class AsyncChat:
    """The ``chat`` part of the API."""

    def __init__(self, transport: Transport) -> None:
        self.completions = AsyncCompletions(transport)


class Apertis:
    """A client for the Chat Completions API, for plain code and notebooks.

    It takes what ``AsyncApertis`` takes and may be used from several threads.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int = MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        self._client = AsyncApertis(
            api_key, base_url, timeout, max_retries, default_headers
        )
        self.chat = Chat(self._client.chat)
        self.models = Models(self._client.models)
        self.account = Account(self._client.account)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    @property
    def base_url(self) -> str:
        """Where the requests go."""
        return self._client.base_url

    def close(self) -> None:
        """Close the connections."""
        loop.run(self._client.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Chat:
    """The ``chat`` part of the API."""

    def __init__(self, chat: AsyncChat) -> None:
        self.completions = Completions(chat.completions)
