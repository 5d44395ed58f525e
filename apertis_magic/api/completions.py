"""``client.chat.completions``: asks for the next message of a conversation."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, overload

from apertis_magic.api import address, conflicts, loop, params
from apertis_magic.api.ending import Expected
from apertis_magic.api.incoming import Incoming
from apertis_magic.api.message import Message, MessageLike, ResponseMessage
from apertis_magic.api.stream import AsyncStream, Stream
from apertis_magic.api.timeouts import Timeout, Timeouts
from apertis_magic.api.transport import Call, Transport, checked_retries
from apertis_magic.api.types import ChatCompletion
from apertis_magic.errors import ApertisError, BadRequest, ConfigurationError

_PATH = "/chat/completions"


class AsyncCompletions:
    """The ``chat.completions`` part of the API, to be awaited."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[False] = False,
        **options: Any,
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[True],
        **options: Any,
    ) -> AsyncStream: ...
    @overload
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool,
        **options: Any,
    ) -> ChatCompletion | AsyncStream: ...
    async def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        timeout: Timeout | None = None,  # noqa: ASYNC109  one for each phase
        max_retries: int | None = None,
        on_retry: Callable[[ApertisError, float], None] | None = None,
        **options: Any,
    ) -> ChatCompletion | AsyncStream:
        """Ask for the next message of a conversation (``POST /chat/completions``).

        Args:
            model: the model's id.
            messages: the conversation so far, as ``Completions.create`` takes it.
            stream: whether to return the answer's chunks as they come.
            extra_body: further fields of the request, which are not checked.
            extra_headers: headers for this request alone.
            extra_query: parameters of its address.
            timeout: seconds for connecting, the first byte and each silence.
            max_retries: how often to try again, 0 or more.
            on_retry: called with the failure and the seconds before each further try.
            **options: the request's other fields; ``Completions.create`` lists them.

        Returns:
            The answer, or with ``stream`` its chunks as they come.

        Raises:
            ConfigurationError: a value is wrong; nothing was sent.
            StatusError: the server refused.
            ConnectionFailed: there was no answer.
            StreamError: the answer holds an error, or nothing.
        """
        body = _body(model, messages, {**options, "stream": stream or None}, extra_body)
        call = Call(
            path=_PATH,
            query=_query(extra_query),
            body=body,
            headers=extra_headers or {},
            timeouts=None if timeout is None else Timeouts.of(timeout),
            max_retries=None if max_retries is None else checked_retries(max_retries),
            on_retry=on_retry,
        )
        incoming = await self._send(call)
        capabilities = self._transport.capabilities
        pieces = AsyncStream(incoming, Expected.of(body), capabilities)
        if stream:
            return pieces
        async with pieces:  # some gateways stream whatever they are asked for
            return await pieces.completion()

    async def _send(self, call: Call) -> Incoming:
        """Send *call*, ``max_tokens`` by its newer name where the model wants it."""
        body = call.body or {}
        model = str(body.get("model"))
        newer_name = self._transport.capabilities.newer_name
        if model in newer_name:
            renamed = conflicts.renamed(body) or body
            return await self._transport.send(replace(call, body=renamed))
        try:
            return await self._transport.send(call)
        except BadRequest as error:
            newer = conflicts.renamed(body)
            if newer is None or not conflicts.wants_newer_name(str(error), error.param):
                raise
        incoming = await self._transport.send(replace(call, body=newer))
        newer_name.add(model)
        return incoming


def _query(extra: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the parameters of an address.

    Raises:
        ConfigurationError: they are none, or one holds what looks like a key.
    """
    query: object = extra or {}
    if not isinstance(query, Mapping) or not all(map(_is_parameter, query.items())):
        raise ConfigurationError(
            "extra_query must be a mapping of names to texts or numbers, or lists of "
            "these."
        )
    if address.holds_secret((name, str(value)) for name, value in query.items()):
        raise ConfigurationError(
            "extra_query holds what looks like a key, and addresses are logged.",
            hint="A key goes into a header: api_key or extra_headers.",
        )
    return query


def _is_parameter(item: tuple[Any, Any]) -> bool:
    name, value = item
    values = value if isinstance(value, list | tuple) else [value]
    return isinstance(name, str) and all(
        each is None or isinstance(each, str | int | float) for each in values
    )


def _body(
    model: str,
    messages: Iterable[MessageLike],
    options: Mapping[str, Any],
    extra: Mapping[str, Any] | None,
) -> dict[str, Any]:
    name: object = model
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError("model must be the id of a model.")
    chosen = {name: value for name, value in options.items() if value is not None}
    params.check(chosen)
    plain = _plain(messages)
    fields: object = extra or {}
    if not isinstance(fields, Mapping):
        raise ConfigurationError("extra_body must be a mapping.")
    for name in ("model", "messages", "stream"):
        if name in fields:
            raise ConfigurationError(f"{name} is an argument, not extra_body's.")
    return {"model": model, "messages": plain, **chosen, **fields}


def _plain(messages: Iterable[MessageLike]) -> list[dict[str, Any]]:
    value: object = messages
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ConfigurationError(
            "messages must be a list.",
            hint='One message looks like {"role": "user", "content": "Hello!"}.',
        )
    plain = []
    for message in value:
        if isinstance(message, Message | ResponseMessage):
            plain.append(message.to_dict())
        elif isinstance(message, Mapping):
            plain.append(dict(message))
        else:
            raise ConfigurationError(f"{message!r} is no message.")
    if not plain:
        raise ConfigurationError("messages is empty.")
    return plain


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
        **options: Any,
    ) -> ChatCompletion: ...
    @overload
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: Literal[True],
        **options: Any,
    ) -> Stream: ...
    @overload
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool,
        **options: Any,
    ) -> ChatCompletion | Stream: ...
    def create(
        self,
        *,
        model: str,
        messages: Iterable[MessageLike],
        stream: bool = False,
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        timeout: Timeout | None = None,
        max_retries: int | None = None,
        on_retry: Callable[[ApertisError, float], None] | None = None,
        **options: Any,
    ) -> ChatCompletion | Stream:
        """Ask for the next message of a conversation (``POST /chat/completions``).

        What you do not set is not sent. Of ``options`` these are the usual ones:

        * ``temperature`` (0 to 2): how freely words are chosen.
        * ``top_p`` (0 to 1): choose among the likeliest words of this probability.
        * ``max_tokens`` (at least 1): the longest answer, in tokens.
        * ``frequency_penalty`` (-2 to 2): above 0, repeat the same words less.
        * ``presence_penalty`` (-2 to 2): above 0, move on to new topics more.
        * ``stop``: a text, or up to 4, before which the answer ends.
        * ``seed``: a whole number; the same one gives the same answer, perhaps.
        * ``reasoning_effort``: such as ``low`` or ``high``.
        * ``n`` (1 to 128): how many answers to write; each is billed.

        ``apertis_magic.api.params.PARAMS`` has them all, with types and ranges.

        Args:
            model: the model's id (``model`` of the API).
            messages: the conversation so far, the newest message last, each a mapping
                with ``role`` (``system``, ``user``, ``assistant``) and ``content``, or
                an earlier answer's ``message`` (``messages`` of the API).
            stream: whether to return the answer's chunks as they come (``stream``).
            extra_body: fields of the request that this client does not know; they are
                merged into it at its top level, and not checked.
            extra_headers: headers for this request alone; an ``Authorization`` goes
                in place of the key.
            extra_query: parameters of the address for this request alone; they go over
                those of the base URL. They must hold no key.
            timeout: seconds for connecting, the first byte and each silence, for this
                request alone, or an ``httpx.Timeout``.
            max_retries: how often to try again, for this request alone, 0 or more.
            on_retry: called with the failure and the seconds before each further try.
            **options: the other fields of the API, by their names. One that is None is
                not sent.

        Returns:
            The answer, or with ``stream`` its chunks as they come.

        Raises:
            ConfigurationError: an option is unknown or out of its range; nothing was
                sent.
            StatusError: the server refused; ``apertis_magic.errors`` has a class for
                each reason.
            ConnectionFailed: there was no answer.
            StreamError: the answer holds an error, or nothing.

        Example:
            >>> from apertis_magic import Apertis
            >>> question = "What is the capital of Japan?"
            >>> messages = [{"role": "user", "content": question}]
            >>> with Apertis().chat.completions.create(
            ...     model="gpt-4.1-mini", messages=messages, temperature=0, stream=True
            ... ) as stream:
            ...     for chunk in stream:
            ...         for choice in chunk.choices:  # none where it tells the usage
            ...             print(choice.delta.content or "", end="")
            The capital of Japan is ...
        """
        answer = loop.run(
            self._completions.create(
                model=model,
                messages=messages,
                stream=stream,
                extra_body=extra_body,
                extra_headers=extra_headers,
                extra_query=extra_query,
                timeout=timeout,
                max_retries=max_retries,
                on_retry=on_retry,
                **options,
            )
        )
        return Stream(answer) if isinstance(answer, AsyncStream) else answer
