"""The clients: ``AsyncApertis`` on the caller's event loop, ``Apertis`` for plain code.

``Apertis`` is a facade: its requests run on the background loop, so that there is one
implementation and it works inside a notebook's running loop as well as in a script.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from types import TracebackType
from typing import Self

from apertis_magic.api import address, defaults, loop
from apertis_magic.api.account import Account, AsyncAccount
from apertis_magic.api.asked_key import KeyFunction
from apertis_magic.api.capabilities import Capabilities
from apertis_magic.api.completions import AsyncCompletions, Completions
from apertis_magic.api.models import AsyncModels, Models
from apertis_magic.api.timeouts import Timeout, Timeouts
from apertis_magic.api.transport import Target, Transport

MAX_RETRIES = 2


class _Client(ABC):
    """What both clients are made with."""

    def __init__(
        self,
        api_key: str | KeyFunction | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int = MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Make a client; it connects with the first request.

        Whom it asks is decided now, and stays.

        Args:
            api_key: the key; else the environment's ``APERTIS_API_KEY``, or what
                ``%chat key`` stored for this address. Where there is none, hosts other
                than Apertis' own are asked without. A function, asynchronous or not, is
                called for the key before each request.
            base_url: where the API is; else where ``%config`` says, or the
                environment's ``APERTIS_BASE_URL``, or ``APERTIS_API_BASE``, or Apertis
                itself. Without either, the local model after ``%chat local``.
            timeout: one number of seconds, above 0, that bounds connecting, the first
                byte and each silence; else they are 10, 300 and 120. Or an
                ``httpx.Timeout``, whose ``read`` bounds the last two.
            max_retries: how often a request that hardly can have been paid for is sent
                again, 0 or more.
            default_headers: headers for every request, by their names.

        Raises:
            ConfigurationError: the key, the address or a number cannot be right.
        """
        transport = Transport(
            _target(base_url, api_key),
            timeouts=Timeouts.of(timeout),
            max_retries=max_retries,
            default_headers=default_headers,
        )
        self._begin(transport, api_key)

    def _begin(self, transport: Transport, api_key: str | KeyFunction | None) -> Self:
        """Send by a transport from now on; the key is the one that was given."""
        self._transport, self._api_key = transport, api_key
        self._add_parts()
        return self

    @abstractmethod
    def _add_parts(self) -> None:
        """Add the parts of the API, which send by the transport."""

    def with_options(
        self,
        *,
        api_key: str | KeyFunction | None = None,
        base_url: str | None = None,
        timeout: Timeout | None = None,
        max_retries: int | None = None,
        default_headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return a client with other options; what is None stays.

        It uses the same connections, and may be closed by itself.

        Args:
            api_key: the key, or a function that gives it. For another address, the key
                that this client was made with, else the one that is kept for it.
            base_url: where the API is.
            timeout: seconds for connecting, the first byte and each silence.
            max_retries: how often to try again, 0 or more.
            default_headers: headers that go over those that there are.

        Returns:
            Another client of this kind.

        Raises:
            ConfigurationError: the key, the address, a header or a number cannot be
                right.
        """
        own = self._api_key if api_key is None else api_key
        target, where = self._transport.target, base_url or self.base_url
        if api_key is not None or address.normalised(where) != target.base_url:
            target = Target.of(where, own)
        transport = self._transport.altered(
            target,
            timeouts=None if timeout is None else Timeouts.of(timeout),
            max_retries=max_retries,
            default_headers=default_headers,
        )
        return copy(self)._begin(transport, own)  # noqa: SLF001  of this very class

    copy = with_options

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What goes with the requests and is to be seen nowhere, as far as known."""
        return self._transport.secrets

    @property
    def asks_for_key(self) -> bool:
        """Whether a function gives the key, which may be another one each time."""
        return self._transport.target.asked_key is not None

    @property
    def capabilities(self) -> Capabilities:
        """What the server has been found to take."""
        return self._transport.capabilities

    @property
    def base_url(self) -> str:
        """Where the requests go, such as ``https://api.apertis.ai/v1``."""
        return self._transport.target.base_url


def _target(base_url: str | None, api_key: str | KeyFunction | None) -> Target:
    """Return where to ask, and with which key.

    Raises:
        ConfigurationError: the address or the key cannot be right.
    """
    if base_url or api_key is not None:
        return Target.of(base_url or defaults.base_url(), api_key)
    default = defaults.current()
    return Target.of(default.base_url, default.api_key)


class AsyncApertis(_Client):
    """A client for the Chat Completions API, on the event loop of its caller.

    It takes what ``Apertis`` takes, and its methods are awaited.

    Attributes:
        chat: asks; see ``chat.completions.create``.
        models: which models there are.
        account: the balance, and what the key has spent.

    Example:
        >>> import asyncio
        >>> from apertis_magic import AsyncApertis
        >>> async def ask(question):
        ...     async with AsyncApertis() as client:
        ...         answer = await client.chat.completions.create(
        ...             model="gpt-4.1-mini",
        ...             messages=[{"role": "user", "content": question}],
        ...         )
        ...         print(answer.choices[0].message.content)
        >>> asyncio.run(ask("What is the capital of Japan?"))  # in a cell: await ask(…)
        The capital of Japan is ...
    """

    def _add_parts(self) -> None:
        self.chat = AsyncChat(self._transport)
        self.models = AsyncModels(self._transport)
        self.account = AsyncAccount(self._transport)

    async def aclose(self) -> None:
        """Ask nothing more, and close the connections; what is answered goes on."""
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
    """The ``chat`` part of the API.

    Attributes:
        completions: asks for the next message of a conversation.
    """

    def __init__(self, transport: Transport) -> None:
        self.completions = AsyncCompletions(transport)


class Apertis(_Client):
    """A client for the Chat Completions API, for plain code and notebooks.

    Several threads may use it. Leaving it as a context manager closes it.

    Attributes:
        chat: asks; see ``chat.completions.create``.
        models: which models there are.
        account: the balance, and what the key has spent.

    Example:
        >>> from apertis_magic import Apertis
        >>> client = Apertis()
        >>> answer = client.chat.completions.create(
        ...     model="gpt-4.1-mini",
        ...     messages=[{"role": "user", "content": "What is the capital of Japan?"}],
        ... )
        >>> print(answer.choices[0].message.content)
        The capital of Japan is ...
        >>> answer.choices[0].finish_reason
        'stop'
    """

    def _add_parts(self) -> None:
        self.chat = Chat(AsyncChat(self._transport))
        self.models = Models(AsyncModels(self._transport))
        self.account = Account(AsyncAccount(self._transport))

    def close(self) -> None:
        """Ask nothing more, and close the connections; what is answered goes on."""
        loop.run(self._transport.aclose())

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
    """The ``chat`` part of the API.

    Attributes:
        completions: asks for the next message of a conversation.
    """

    def __init__(self, chat: AsyncChat) -> None:
        self.completions = Completions(chat.completions)
