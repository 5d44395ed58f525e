"""An HTTP error response, or an error inside a success -> the right exception."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from apertis_magic.api import advice, conflicts, resets, server_words
from apertis_magic.api.error_body import Fault, reported
from apertis_magic.api.refusals import SUCCESS, is_too_much_at_once, kind_of
from apertis_magic.api.response import Response
from apertis_magic.api.retry import wait_of
from apertis_magic.api.value import Json
from apertis_magic.clean import shortened
from apertis_magic.errors import (
    ApertisError,
    NotFound,
    RateLimited,
    StatusError,
    StreamError,
)

Redact = Callable[[str], str]
_TOLD = frozenset(map(str, (401, 402, 403, 429, *range(500, 600))))
"""Codes of an error inside a success that are the status of another response."""

E = TypeVar("E", bound=ApertisError)
_EXCERPT = 100
"""Characters of what is no JSON."""


def from_response(
    response: Response,
    body: bytes,
    redact: Redact,
    base_url: str = "",
    asked: Json | None = None,
    clock: resets.Clock = resets.now,
) -> StatusError:
    """Return the exception for an HTTP error response.

    Args:
        response: its status and headers.
        body: JSON, HTML or anything else.
        redact: takes the key, which some servers echo, out of the message.
        base_url: where the request went.
        asked: the request's body, None where it had none.
        clock: gives the time now.
    """
    error = reported(body.decode(errors="replace"))
    fault = Fault.of(error, redact, response.request_id)
    kind = kind_of(response.status, _in_own_words(fault, asked))
    attempts = response.headers.get("x-timeout-attempts")
    tried = f" after {attempts} attempts" if attempts else ""
    words = f"{fault.message}{tried} (HTTP {response.status})"
    hint = advice.advice(kind, fault, base_url, asked, redact)
    failure = _failure(kind, replace(fault, message=words), response, hint)
    failure.retry_after = wait_of(response)
    if kind is RateLimited and is_too_much_at_once(fault):
        failure.hint = advice.about_size()
    elif kind is RateLimited:
        _tell_end(failure, fault, response, clock)
    elif conflicts.refuses_streaming(failure, asked):
        failure.hint = advice.whole_answers()
    return failure


def _in_own_words(fault: Fault, asked: Json | None) -> Fault:
    """Return a fault without what it quotes of the request, which tells no kind."""
    return replace(fault, text=server_words.without_quotations(fault.text, asked))


def _tell_end(
    failure: StatusError, fault: Fault, response: Response, clock: resets.Clock
) -> None:
    """Have a failure know when its limit ends, and its hint tell it."""
    end, present = resets.end_of(fault, response, clock), clock()
    wait = failure.retry_after
    if wait is None:
        wait = resets.seconds_told(fault.text)
    if wait is None and end is not None:
        wait = (end - present).total_seconds()
    failure.retry_after = wait
    end = end or resets.end_of_window(response, clock)
    failure.hint = advice.about_wait(wait, end, present)


def in_success(error: Json, redact: Redact, response: Response) -> StreamError:
    """Return the exception for an *error* that came in a success.

    Args:
        error: the error, as ``error_of`` returns it.
        redact: takes the key out of the message.
        response: the response that carries it.
    """
    fault = Fault.of(error, redact, response.request_id)
    kind = kind_of(SUCCESS, fault)
    if kind is StatusError and fault.code in _TOLD:
        kind = kind_of(int(fault.code), fault)
    is_known = kind is not StatusError
    hint = advice.advice(kind, fault, response.base_url) if is_known else ""
    return _failure(StreamError, fault, response, hint)


def no_json(text: str, redact: Redact, response: Response) -> StreamError:
    """Return the exception for a success whose body is no JSON object.

    Args:
        text: the body.
        redact: takes the key out of the message.
        response: the response that carries it.
    """
    words = server_words.told(text) or text.strip()  # of tags alone nothing is told
    shown = repr(shortened(redact(words), _EXCERPT))
    what = f"something that is not JSON: {shown}" if words else "nothing"
    return StreamError(
        f"The server answered with {what}",
        hint=advice.about_address(response.base_url),
    )


def no_list(base_url: str, status: int) -> NotFound:
    """Return the exception for a server that answers, and has no list of models.

    Args:
        base_url: the server's.
        status: what it answered with where the list was to be.
    """
    return NotFound(
        f"{base_url} has no list of models (HTTP {status})",
        status=status,
        hint=f"{advice.named('model')} takes the id of any model that it has.",
    )


def _failure(kind: type[E], fault: Fault, response: Response, hint: str) -> E:
    return kind(
        fault.message,
        status=response.status,
        code=fault.code,
        param=fault.param,
        request_id=response.request_id,
        hint=hint,
        headers=response.headers,
    )
