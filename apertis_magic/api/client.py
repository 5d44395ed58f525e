"""The clients: ``AsyncApertis`` on the caller's event loop, ``Apertis`` for plain code.

``Apertis`` is a facade: its requests run on the background loop, so that there is one
implementation and it works inside a notebook's running loop as well as in a script.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, overload

from apertis_magic.api import loop, params
from apertis_magic.api.stream import AsyncStream, parse_completion
from apertis_magic.api.transport import Target, Timeouts, Transport
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk, Message
from apertis_magic.errors import ConfigurationError

DEFAULT_BASE_URL = "https://api.apertis.ai/v1"
MAX_RETRIES = 2

MessageLike = Message | Mapping[str, Any]


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
        if max_retries < 0:
            raise ConfigurationError(f"max_retries must be 0 or more: {max_retries}")
        self._transport = Transport(
            Target.of(base_url or base_url_from_environment(), api_key),
            timeouts=Timeouts.of(timeout),
            max_retries=max_retries,
            default_headers=default_headers,
        )
        self.chat = AsyncChat(self._transport)
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


class AsyncCompletions:
    """The ``chat.completions`` part of the API."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[False] = False,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[True],
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> AsyncStream: ...
    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatCompletion | AsyncStream: ...
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatCompletion | AsyncStream:
        """Ask for the next message of a conversation (``POST /chat/completions``).

        Args:
            model: the model's id.
            messages: the conversation so far, as ``Message`` or as plain mappings.
            stream: whether to return the answer's chunks as they come.
            extra_body: fields to merge into the request at its top level.
            **options: further fields of the request, such as ``temperature``. One
                that is None is not sent.

        Raises:
            ConfigurationError: an option is out of its range; nothing was sent.
            StatusError: the server refused.
            ConnectionFailed: there was no answer.
        """
        body = _body(model, messages, options)
        if stream:
            body["stream"] = True
        response = await self._transport.post(
            "/chat/completions", {**body, **(extra_body or {})}
        )
        if stream:
            return AsyncStream(self._transport, response)
        text = (await self._transport.read(response)).decode(errors="replace")
        return parse_completion(text, self._transport.redact)


def _body(
    model: str, messages: Iterable[MessageLike], options: Mapping[str, Any]
) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    params.check(given)
    plain = [m.to_dict() if isinstance(m, Message) else dict(m) for m in messages]
    return {"model": model, "messages": plain, **given}


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


class Completions:
    """The ``chat.completions`` part of the API."""

    def __init__(self, completions: AsyncCompletions) -> None:
        self._completions = completions

    @overload
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[False] = False,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> ChatCompletion: ...
    @overload
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[True],
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "Stream": ...
    @overload
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool,
        extra_body: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> "ChatCompletion | Stream": ...
    def create(self, **request: Any) -> "ChatCompletion | Stream":
        """Ask for the next message; see ``AsyncCompletions.create``."""
        answer = loop.run(self._completions.create(**request))
        return Stream(answer) if isinstance(answer, AsyncStream) else answer


class Stream:
    """The chunks of one answer, as they come; also a context manager.

    Leaving it early closes the connection, so that the server stops writing.
    """

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    @property
    def malformed(self) -> int:
        """How many events could not be read and were left out."""
        return self._stream.malformed

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        try:
            while (chunk := loop.run(self._next())) is not None:
                yield chunk
        finally:
            self.close()

    async def _next(self) -> ChatCompletionChunk | None:
        return await anext(self._stream, None)

    def close(self) -> None:
        """Stop the answer, if it still comes, and give the connection back."""
        loop.run(self._stream.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
