"""The bytes of an answer -> its chunks, and whether it ended well; no I/O."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy

from apertis_magic.api import bounds, error_body, failures
from apertis_magic.api.assemble import Assembly
from apertis_magic.api.response import Response
from apertis_magic.api.sse import Decoder, Event
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk
from apertis_magic.api.value import Json, is_deep
from apertis_magic.errors import IncompleteAnswer, StreamError

_DONE = "[DONE]"
# Not strict: a raw tab in a string is no reason to lose text.
_decode = json.JSONDecoder(strict=False).raw_decode
_SPACE = b"\xef\xbb\xbf \t\r\n"
_HEAD = 1_000
"""Bytes that tell whether a body is a stream."""

_SHORT = 500
"""Characters in which JSON can be neither deep nor large."""

_WIDE = re.compile(rb"[\xf0-\xf4]|\\u[dD][89abAB]")
"""One of the characters for which each of a text takes four bytes."""

_OF_UPSTREAMS = re.compile(r"408|5\d\d")
"""The statuses by which a gateway tells that its upstream is silent, or gone."""

_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


NOTHING: Json = {"message": "The server sent no answer."}


class Answer:
    """Takes a response's body piece by piece, however it was cut.

    Args:
        response: its headers.
        redact: takes the key out of what the server says.
        choices: how many answers were asked for.

    Attributes:
        complete: whether the server said that the answer has ended.
        done: whether it said that nothing follows (``[DONE]``).
        closed: whether its end was taken in too.
        malformed: how many events could not be read as JSON and were left out.
        whole: the completion that the body holds, None where it is a stream.
        size: bytes of a body of JSON that is no stream, signs of life aside.
        assembly: what has come of the answer.
    """

    def __init__(
        self, response: Response, redact: Callable[[str], str], choices: int = 1
    ) -> None:
        self.complete = False
        self.done = False
        self.closed = False
        self.malformed = 0
        self.whole: ChatCompletion | None = None
        self.size = 0
        self.assembly = Assembly()
        self._response = response
        self._redact = redact
        self._choices = choices
        self._events = Decoder()
        self._begun = False
        # Until it is known whether it is a stream: some servers answer a streamed
        # request in one piece, others stream under another content type.
        self._body: bytearray | None = bytearray()
        self._looked = 0  # bytes that waited when they were found not to be whole

    @property
    def text(self) -> str:
        """The text of the first choice, as far as it has come."""
        return self.assembly.text

    @property
    def waits(self) -> int:
        """Bytes that have come and are no chunk yet, and may be one as they are."""
        waiting = self._waiting
        return 0 if waiting == self._looked else waiting

    @property
    def extent(self) -> object:
        """What is another value once more has come, signs of life aside."""
        assembly = self.assembly
        return self._waiting, assembly.extent, assembly.usage is not None

    @property
    def _waiting(self) -> int:
        return self._events.waiting if self._body is None else self.size

    def feed(self, piece: bytes) -> Iterator[ChatCompletionChunk]:
        """Return the chunks that *piece* completes; they are made as they are taken.

        Raises:
            StreamError: the server says that something went wrong.
        """
        if self._body is not None:
            self._body += piece
            if self._body[:1].isspace():  # signs of life, which may come for long
                self._body = self._body.lstrip()
            if self._body.startswith((b"{", b"[")) and not piece.isspace():
                self.size = len(self._body)
            if not looks_like_events(self._body, self._response):
                return iter(())
            piece, self._body = bytes(self._body), None
        return self._chunks(self._events.feed(piece))

    def look(self) -> Iterator[ChatCompletionChunk]:
        """Give what waits, if it is whole although its end has not come.

        Raises:
            StreamError: the server says that something went wrong.
        """
        if self._body is not None:
            if parse_json(_text_of(self._body)) is not None:
                yield from self.close()
        else:
            ended = deepcopy(self._events)
            events = ended.close()
            if events and all(map(_is_whole, events)):
                self._events = ended
                yield from self._chunks(events)
        self._looked = self._waiting

    def close(self) -> Iterator[ChatCompletionChunk]:
        """Give what the end of the body completes.

        Raises:
            IncompleteAnswer: it ended without a finish reason.
            StreamError: the server says that something went wrong.
        """
        self.closed = True
        body = self._body or bytearray()
        if self._body is not None and (body.strip() or not is_stream(self._response)):
            self.whole = parse_completion(body, self._response, self._redact)
            self.complete = True
            yield self._note(self.whole.as_chunk())
            return
        yield from self._chunks(self._events.close())
        if not self.complete:
            raise IncompleteAnswer(
                "The answer broke off: the stream ended without a finish reason.",
                partial=self.text,
            )

    def _chunks(self, events: Iterable[Event]) -> Iterator[ChatCompletionChunk]:
        for event in events:
            if not event.data and event.type == "message":
                continue  # a sign of life
            was_complete = self.complete
            payload = parse_json(event.data)
            if event.type == "error":
                body = payload or {"message": event.data}
                told = error_body.error_of(body) or error_body.on_top(body)
                self._fail(told, was_complete)
                return
            if payload is None:
                if _is_done(event):
                    if not self._begun:
                        raise self._failure(NOTHING)
                    self.complete = self.done = True
                    return
                self.malformed += 1
                continue
            chunk = ChatCompletionChunk(payload)
            # Without any of these it is a sign of life, such as {"type": "ping"}.
            if payload.get("choices") is not None or chunk.usage or chunk.web_sources:
                yield self._note(chunk)
            elif error_body.is_on_top(payload):
                self._fail(error_body.on_top(payload), was_complete)
                return
            if "error" in payload and (error := error_body.error_of(payload)):
                self._fail(error, was_complete)
                return

    def _note(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        self.assembly.add(chunk)
        self._begun = self._begun or bool(chunk.choices)
        self.complete = self.complete or self.assembly.ended
        return chunk

    def _fail(self, error: Json, was_complete: bool) -> None:  # noqa: FBT001
        """Take in that something went wrong.

        A gateway whose upstream does not end its stream says so behind the last word,
        by the status of that: an answer that is whole ends there.

        Raises:
            StreamError: the answer lacks something.
        """
        choices = self.assembly.choices.values()
        is_whole = len(choices) >= self._choices and all(c.finish for c in choices)
        failure = self._failure(error)
        is_upstream = _OF_UPSTREAMS.fullmatch(str(failure.code)) is not None
        if not (was_complete and is_whole and is_upstream):
            raise failure
        self.done = True

    def _failure(self, error: Json) -> StreamError:
        failure = failures.in_success(error, self._redact, self._response)
        failure.partial = self.text
        return failure


def _is_done(event: Event) -> bool:
    """Tell whether an event says that nothing follows: that alone, and no more."""
    return event.data.strip() == _DONE


def _is_whole(event: Event) -> bool:
    """Tell whether an event that was not ended could have no more."""
    return _is_done(event) or parse_json(event.data) is not None


def is_stream(response: Response) -> bool:
    """Tell whether the body of *response* is a stream of events."""
    return response.is_stream


def looks_like_events(body: bytes | bytearray, response: Response) -> bool:
    """Tell whether *body* begins as a stream of events does, whatever its type says."""
    begin = body[:_HEAD].lstrip(_SPACE)
    if begin.startswith((b"{", b"[", b"<")):
        return False
    return begin.startswith(_FIELDS) or (bool(begin) and is_stream(response))


def parse_json(text: str) -> Json | None:
    """Return the JSON object that *text* holds, or None where it holds none.

    Raises:
        StreamError: it holds more values than anybody needs.
    """
    text = text.strip("\ufeff \t\r\n")
    is_short = len(text) < _SHORT  # nearly always
    if not is_short:
        # An object takes more memory than a number does.
        values = 2 * text.count("{") + text.count("[") + text.count(",")
        bounds.VALUES.check(values)
    try:
        payload, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    if end < len(text) or not isinstance(payload, dict):
        return None
    return payload if is_short or not is_deep(payload) else None


def _text_of(body: bytes | bytearray) -> str:
    """Return a whole body as text.

    Raises:
        StreamError: it would take more memory than an answer may.
    """
    if len(body) > bounds.WIDE.most and _WIDE.search(body):
        raise bounds.WIDE.exceeded()
    return body.decode(errors="replace")


def parse_completion(
    body: bytes | bytearray, response: Response, redact: Callable[[str], str]
) -> ChatCompletion:
    """Return the completion that a whole response body holds.

    Raises:
        StreamError: it is not JSON, carries an error, or holds no answer.
    """
    text = _text_of(body)
    payload = parse_json(text)
    if payload is None:
        raise failures.no_json(text, redact, response)
    completion = ChatCompletion(payload, response)
    error = error_body.error_of(payload)
    if not error and error_body.is_on_top(payload):
        error = error_body.on_top(payload)
    if completion.choices and not error:
        return completion
    failure = failures.in_success(error or NOTHING, redact, response)
    failure.partial = "".join(c.message.content or "" for c in completion.choices[:1])
    raise failure
