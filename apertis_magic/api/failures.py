"""An HTTP error response -> the exception that says what happened."""

import json
import re
from collections.abc import Mapping

from apertis_magic.api.retry import parse_retry_after
from apertis_magic.api.types import Json, error_of
from apertis_magic.clean import redact
from apertis_magic.errors import (
    AuthenticationError,
    BadRequest,
    ContextLengthExceeded,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    RateLimited,
    ServerError,
    StatusError,
)

_CLASSES: Mapping[int, type[StatusError]] = {
    400: BadRequest,
    401: AuthenticationError,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: NotFound,
    422: BadRequest,
    429: RateLimited,
}
_REQUEST_IDS = ("x-request-id", "x-oneapi-request-id", "cf-ray")
# In a type or code any of these words means money; in a sentence not always.
_QUOTA = re.compile(r"quota|insufficient|balance|billing", re.IGNORECASE)
_QUOTA_SENTENCE = re.compile(
    r"insufficient[_ ](?:\w+ )?(?:quota|balance|funds|credit)|"
    r"(?:exceeded|used up|out of) (?:your|the) [\w ]*(?:quota|credit)",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length",
    re.IGNORECASE,
)
_TAGS = re.compile(r"<(style|script).*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)
_LONGEST = 500
_SERVER_ERRORS = 500


def from_response(
    status: int, headers: Mapping[str, str], body: bytes, *, key: str | None = None
) -> StatusError:
    """Return the exception for an HTTP error response.

    Args:
        status: the HTTP status.
        headers: the response's headers; names in lower case are found.
        body: JSON, HTML or anything else.
        key: the API key, which some servers echo; it is taken out of the message.
    """
    text = redact(body.decode(errors="replace"), key)
    error = _error(text)
    code = error.get("code")
    param = error.get("param")
    words = (error.get(name) for name in ("message", "type", "code"))
    message = str(next(filter(None, words), "no reason given"))
    wait = parse_retry_after(headers.get("retry-after"))
    kind = _class(status, f"{error.get('type')} {code}", message)
    return kind(
        f"{_short(message)} (HTTP {status})",
        status=status,
        code=None if code in (None, "") else str(code),
        param=param if isinstance(param, str) else None,
        request_id=next((headers[n] for n in _REQUEST_IDS if n in headers), None),
        retry_after=wait,
        hint=f"Wait {wait:.0f} s, then run the cell again." if wait else "",
    )


def _class(status: int, code: str, message: str) -> type[StatusError]:
    client_error = status < _SERVER_ERRORS
    if client_error and _CONTEXT.search(f"{code} {message}"):
        return ContextLengthExceeded
    # Money is told by words: gateways send it with 400, 402, 403 and 429.
    if status in (400, 402, 403, 429) and (
        _QUOTA.search(code) or _QUOTA_SENTENCE.search(message)
    ):
        return QuotaExceeded
    return _CLASSES.get(status, StatusError if client_error else ServerError)


def _error(text: str) -> Json:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        # A page for people, or nothing.
        return {"message": " ".join(_TAGS.sub(" ", text).split())}
    return error_of(body) or {"message": body.get("message") or body.get("detail")}


def _short(message: str) -> str:
    return message[:_LONGEST] + "…" if len(message) > _LONGEST else message
