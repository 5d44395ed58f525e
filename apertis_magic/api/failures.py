"""An HTTP error response, or an error inside a success -> the right exception."""

import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit

from apertis_magic.api import address, conflicts
from apertis_magic.api.params import PARAMS
from apertis_magic.api.response import Response
from apertis_magic.api.retry import wait_of
from apertis_magic.api.value import Json, first, is_deep, items, mapping
from apertis_magic.clean import printable
from apertis_magic.errors import (
    ApertisError,
    AuthenticationError,
    BadRequest,
    Blocked,
    ContentPolicyViolation,
    ContextLengthExceeded,
    ModelNotFound,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    ServerError,
    StatusError,
    StreamError,
    UnsupportedParameter,
)

Redact = Callable[[str], str]
E = TypeVar("E", bound=ApertisError)

_CLASSES: Mapping[int, type[StatusError]] = {
    400: BadRequest,
    401: AuthenticationError,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: NotFound,
    408: RequestTimeout,
    413: BadRequest,
    422: BadRequest,
    429: RateLimited,
}
# In a type or code any of these words means money; in a sentence not always.
_QUOTA = re.compile(
    r"quota|insufficient(?!_permission|_scope)|balance|billing|payment|"
    r"subscription_expired",
    re.IGNORECASE,
)
_QUOTA_SENTENCE = re.compile(
    r"insufficient[_ ](?:\w+ )?(?:quota|balance|funds|credit)|"
    r"(?:exceeded|used up|out of) (?:your|the) [\w ]*(?:quota|credit)|"
    r"insufficient_\w*(?:quota|balance)|balance is too low|"
    r"quota (?:is |was |has been )?(?:exceeded|exhausted|not enough|used up)|"
    r"credit balance is too low|used all available credits|spending limit",
    re.IGNORECASE,
)
# Gemini calls its limit for a minute a quota.
_SOON = re.compile(r"retry in (\d+(?:\.\d+)?) ?s", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|"
    r"context (?:window|limit|size)|prompt is too long|maximum prompt length|"
    r"maximum model length|input token count.*exceeds",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content[_ ]policy|content[_ ]filter|sensitive_words_detected|invalid_prompt|"
    r"(?:usage|content) polic(?:y|ies)|(?:input|prompt) was flagged",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model_not_found|model_not_supported|no such model|not a valid model|"
    r"no endpoints found|not_found_error.*\bmodel: |not a chat model|"
    r"\bmodels?\b.{0,120}?(?:not exist|not found|only supported in)",
    re.IGNORECASE | re.DOTALL,
)
_KEY = re.compile(
    r"api[_ ]key[_ ](?:not valid|invalid)|invalid[_ ]api[_ ]key", re.IGNORECASE
)
_BLOCKED = re.compile(r"error code: 10\d\d|cloudflare", re.IGNORECASE)
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
_LONGEST = 500  # characters of a message
_LONGEST_PAGE = 50_000
_SERVER_ERRORS = 500
_TOO_MANY = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """An error, in the words of the server."""

    message: str
    type: str = ""
    code: str | None = None
    param: str | None = None

    @classmethod
    def of(cls, error: Json, redact: Redact) -> "_Fault":
        words = (error.get(name) for name in ("message", "type", "code"))
        reason = str(next(filter(None, words), ""))
        # Redacted last: a control character must not keep a key from being seen.
        message = redact(printable(reason)) or "no reason given"
        code, param = error.get("code"), error.get("param")
        if isinstance(code, int) and isinstance(error.get("status"), str):
            code = error["status"]  # Gemini's word; its code is the HTTP status
        return cls(
            message=message[:_LONGEST] + "…" if len(message) > _LONGEST else message,
            type=str(error.get("type") or ""),
            code=None if code in (None, "") else redact(str(code)),
            param=redact(param) if isinstance(param, str) and param else None,
        )

    @property
    def words(self) -> str:
        """The words that tell which kind of error it is."""
        return f"{self.type} {self.code or ''} {self.message}"


def from_response(
    response: Response, body: bytes, redact: Redact, base_url: str = ""
) -> StatusError:
    """Return the exception for an HTTP error response.

    Args:
        response: its status and headers.
        body: JSON, HTML or anything else.
        redact: takes the key, which some servers echo, out of the message.
        base_url: where the request went.
    """
    fault = _Fault.of(_error(body.decode(errors="replace")), redact)
    kind = _kind(response.status, fault)
    wait = wait_of(response)
    if response.status == _TOO_MANY and (soon := _SOON.search(fault.message)):
        kind, wait = RateLimited, wait or float(soon[1])
    hint = _hint(kind, fault)
    if wait and kind is RateLimited:
        hint = f"Wait {wait:.0f} s, then run the cell again."
    elif kind is NotFound and base_url and not urlsplit(base_url).path:
        hint = f"Should the base URL be {base_url}/v1?"
    elif kind is ContextLengthExceeded and address.is_apertis(base_url):
        hint = f"{hint} {_COMPRESSION}"
    attempts = response.headers.get("x-timeout-attempts")
    tried = f" after {attempts} attempts" if attempts else ""
    words = f"{fault.message}{tried} (HTTP {response.status})"
    failure = _failure(kind, replace(fault, message=words), response, hint)
    failure.retry_after = wait
    return failure


def redirect(response: Response, base_url: str) -> StatusError:
    """Return the exception for a redirect, which is not followed."""
    fault = _Fault(
        message=f"{base_url} answers with a redirect, which is not followed so that "
        "the key stays with one host."
    )
    hint = "Set the base URL to the final address."
    return _failure(StatusError, fault, response, hint)


def in_success(error: Json, redact: Redact, response: Response) -> StreamError:
    """Return the exception for an *error* that came in a success.

    Args:
        error: the error, as ``error_of`` returns it.
        redact: takes the key out of the message.
        response: the response that carries it.
    """
    fault = _Fault.of(error, redact)
    hint = _hint(_kind(_SUCCESS, fault), fault)
    return _failure(StreamError, fault, response, hint)


def _failure(kind: type[E], fault: _Fault, response: Response, hint: str) -> E:
    return kind(
        fault.message,
        status=response.status,
        code=fault.code,
        param=fault.param,
        request_id=response.request_id,
        hint=hint,
        headers=response.headers,
    )


# Errors that words tell, not the status: gateways send each with several.
_SUCCESS = 200
_BY_WORDS: Sequence[
    tuple[type[StatusError], Container[int], Callable[[_Fault], object]]
] = (
    (ContextLengthExceeded, range(500), lambda fault: _CONTEXT.search(fault.words)),
    (ContentPolicyViolation, range(500), lambda fault: _POLICY.search(fault.words)),
    (QuotaExceeded, range(500), lambda fault: _QUOTA_SENTENCE.search(fault.message)),
    (
        QuotaExceeded,
        range(600),
        lambda fault: _QUOTA.search(f"{fault.type} {fault.code}"),
    ),
    (
        ModelNotFound,
        (_SUCCESS, 400, 404),
        lambda fault: (
            _MODEL.search(fault.words)
            or (fault.param == "model" and conflicts.is_unsupported(fault.words))
        ),
    ),
    (
        UnsupportedParameter,
        (_SUCCESS, 400, 422),
        lambda fault: conflicts.is_option(fault.words, fault.param),
    ),
    (
        AuthenticationError,
        (_SUCCESS, 400, 403),
        lambda fault: _KEY.search(fault.words),
    ),
    (Blocked, (403,), lambda fault: _BLOCKED.search(fault.message)),
)


def _kind(status: int, fault: _Fault) -> type[StatusError]:
    for kind, statuses, fits in _BY_WORDS:
        if status in statuses and fits(fault):
            return kind
    return _CLASSES.get(
        status, ServerError if status >= _SERVER_ERRORS else StatusError
    )


def _hint(kind: type[StatusError], fault: _Fault) -> str:
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


def _error(text: str) -> Json:
    """Return the error in a response's body, in any form that servers use."""
    try:
        body = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {"message": _words_of(text)}
    if is_deep(body):
        return {"message": _words_of(text)}
    if isinstance(body, list):  # Gemini's way
        body = next(iter(items(body)), text)
    if not isinstance(body, Mapping):
        return {"message": _words_of(text)}
    error = error_of(body) or next(iter(items(body.get("errors"))), None)
    error = error or on_top(body)
    # OpenRouter keeps the words of the model's own provider apart.
    raw = mapping(error.get("metadata")).get("raw")
    return {**error, "message": f"{error.get('message')}: {raw}"} if raw else error


def error_of(payload: Json) -> Json | None:
    """Return the error that *payload* carries, as a mapping, or None.

    Some gateways send an ``error`` whose fields are all empty along with a success;
    that is no error.
    """
    error = payload.get("error")
    if not error and payload.get("success") is False:
        words = payload.get("message") or "no reason given"
        return {"message": words, "code": payload.get("code")}
    if isinstance(error, str | list) and str(error).strip(" []"):
        return {"message": str(error)}
    if error and isinstance(error, int | float):  # true, or a status
        return {"message": payload.get("message") or f"error {error}"}
    fields = mapping(error)
    is_told = any(fields.get(name) for name in ("message", "type", "code"))
    return fields if is_told else None


def on_top(body: Json) -> Json:
    """Return the error at the top of *body*, where vLLM and FastAPI write it."""
    words = first(body, "message", "detail", "msg", "error_description")
    return {**body, "message": words if isinstance(words, str) else _detail(words)}


def is_on_top(body: Json) -> bool:
    """Tell whether *body* holds nothing but an error at its top."""
    has_words = any(body.get(name) for name in ("message", "detail", "msg"))
    is_named = body.get("object") == "error" or "code" in body or "detail" in body
    return has_words and is_named and not body.get("choices")


def _detail(detail: object) -> str:
    """Return FastAPI's ``detail``, a list of faults or a mapping, as text."""
    if isinstance(detail, Mapping):
        return str(first(detail, "message", "msg", "error") or detail)
    faults = []
    for fault in items(detail):
        place = fault.get("loc")
        name = ".".join(map(str, place)) if isinstance(place, list) else ""
        faults.append(f"{name}: {fault.get('msg')}".removeprefix(": "))
    return "; ".join(faults) or str(detail or "")


def _words_of(page: str) -> str:
    """Return the words of an HTML page, or of a text that is none.

    Not by one regular expression: a page of "<" alone would take it minutes.
    """
    words, hidden = [], ""
    start, *pieces = page[:_LONGEST_PAGE].split("<")
    for piece in pieces:
        tag, closed, text = piece.partition(">")
        name = tag.split()[0].lower() if tag.split() else ""
        if hidden:
            hidden = "" if name == "/" + hidden else hidden
        elif name in ("style", "script"):
            hidden = name
        if not hidden:
            words.append(text if closed else "<" + piece)
    return " ".join(" ".join([start, *words]).split())
