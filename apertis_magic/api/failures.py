"""An HTTP error response, or an error inside a success -> the right exception."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from apertis_magic.api import address, conflicts
from apertis_magic.api.error_body import Fault, reported
from apertis_magic.api.params import PARAMS
from apertis_magic.api.refusals import SUCCESS, kind_of
from apertis_magic.api.response import Response
from apertis_magic.api.retry import wait_of
from apertis_magic.api.value import Json
from apertis_magic.errors import (
    ApertisError,
    BadRequest,
    ContextLengthExceeded,
    NotFound,
    RateLimited,
    StatusError,
    StreamError,
    UnsupportedParameter,
)

Redact = Callable[[str], str]
E = TypeVar("E", bound=ApertisError)

# Gemini calls its limit for a minute a quota.
_SOON = re.compile(r"retry in (\d+(?:\.\d+)?) ?s", re.IGNORECASE)
_HINTS: Mapping[str, str] = {
    "invalid_image": "Images must be PNG, JPEG, WebP or GIF, and 20 MB at most.",
    "output_length_exceeded": "Give a smaller max_tokens.",
    "subscription_expired": "Renew the subscription, or use a pay-as-you-go key.",
    "expired_api_key": "Make a new key at apertis.ai/setting?tab=keys.",
    "model_access_denied": "The key is limited to other models.",
    "ip_not_allowed": "The key is limited to other IP addresses.",
    "account_suspended": "Ask the provider's support.",
    "endpoint_not_found": NotFound.hint,
}
# What Apertis alone can do about too long a conversation.
_COMPRESSION = (
    "Or let Apertis sum up older turns (billed): -p 'compression={\"enabled\": true}'"
)
_TOO_MANY = 429


def from_response(
    response: Response,
    body: bytes,
    redact: Redact,
    base_url: str = "",
    asked: Json | None = None,
) -> StatusError:
    """Return the exception for an HTTP error response.

    Args:
        response: its status and headers.
        body: JSON, HTML or anything else.
        redact: takes the key, which some servers echo, out of the message.
        base_url: where the request went.
        asked: the request's body, None where it had none.
    """
    fault = Fault.of(reported(body.decode(errors="replace")), redact)
    kind = kind_of(response.status, fault)
    wait = wait_of(response)
    if response.status == _TOO_MANY and (soon := _SOON.search(fault.message)):
        kind, wait = RateLimited, wait or float(soon[1])
    hint = _hint(kind, fault)
    if wait and kind is RateLimited:
        hint = f"Wait {wait:.0f} s, then run the cell again."
    elif kind is NotFound and base_url and not urlsplit(base_url).path:
        hint = f"Should the base URL be {address.below(base_url, '/v1')}?"
    elif kind is ContextLengthExceeded and address.is_apertis(base_url):
        hint = f"{hint} {_COMPRESSION}"
    attempts = response.headers.get("x-timeout-attempts")
    tried = f" after {attempts} attempts" if attempts else ""
    words = f"{fault.message}{tried} (HTTP {response.status})"
    failure = _failure(kind, replace(fault, message=words), response, hint)
    failure.retry_after = wait
    return failure


def in_success(error: Json, redact: Redact, response: Response) -> StreamError:
    """Return the exception for an *error* that came in a success.

    Args:
        error: the error, as ``error_of`` returns it.
        redact: takes the key out of the message.
        response: the response that carries it.
    """
    fault = Fault.of(error, redact)
    hint = _hint(kind_of(SUCCESS, fault), fault)
    return _failure(StreamError, fault, response, hint)


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


def _hint(kind: type[StatusError], fault: Fault) -> str:
    """Return what to do, or nothing where the exception's class says it."""
    if known := _HINTS.get(fault.code or ""):
        return known
    most = conflicts.most_answers(fault.message, fault.param)
    if most is not None and kind in (BadRequest, UnsupportedParameter):
        fewer = f"give -n {most}" if most > 1 else "leave -n out"
        return f"This server gives no more answers to a question: {fewer}."
    if kind is UnsupportedParameter:
        return conflicts.hint(fault.message, fault.param) or kind.hint
    if kind is BadRequest and fault.param:
        known_param = PARAMS.get(fault.param)
        bounds = known_param.range() if known_param else ""
        return f"Check {fault.param}{bounds and f', which takes {bounds}'}."
    return kind.hint
