"""An HTTP error response, or an error inside a success -> the right exception."""

import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from apertis_magic.api import conflicts
from apertis_magic.api.params import PARAMS
from apertis_magic.api.response import Response
from apertis_magic.api.retry import wait_of
from apertis_magic.api.types import error_of
from apertis_magic.api.value import Json, items
from apertis_magic.errors import (
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

_CLASSES: Mapping[int, type[StatusError]] = {
    400: BadRequest,
    401: AuthenticationError,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: NotFound,
    408: RequestTimeout,
    422: BadRequest,
    429: RateLimited,
}
# In a type or code any of these words means money; in a sentence not always.
_QUOTA = re.compile(
    r"quota|insufficient|balance|billing|payment|subscription_expired", re.IGNORECASE
)
_QUOTA_SENTENCE = re.compile(
    r"insufficient[_ ](?:\w+ )?(?:quota|balance|funds|credit)|"
    r"(?:exceeded|used up|out of) (?:your|the) [\w ]*(?:quota|credit)",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|"
    r"prompt is too long|context window",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content_policy|content_filter|sensitive_words_detected", re.IGNORECASE
)
_MODEL = re.compile(
    r"model_not_found|model[^.]{0,80}(?:not exist|not found)|no such model",
    re.IGNORECASE,
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
_TAGS = re.compile(r"<(style|script).*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)
_LONGEST = 500
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """What a server says is wrong."""

    message: str
    type: str = ""
    code: str | None = None
    param: str | None = None

    @classmethod
    def of(cls, error: Json, redact: Redact) -> "_Fault":
        words = (error.get(name) for name in ("message", "type", "code"))
        message = redact(str(next(filter(None, words), "no reason given")))
        code, param = error.get("code"), error.get("param")
        return cls(
            message=message[:_LONGEST] + "…" if len(message) > _LONGEST else message,
            type=str(error.get("type") or ""),
            code=None if code in (None, "") else redact(str(code)),
            param=redact(param) if isinstance(param, str) and param else None,
        )

    @property
    def words(self) -> str:
        """All that tells what kind of fault it is."""
        return f"{self.type} {self.code or ''} {self.message}"


def from_response(
    response: Response, body: bytes, redact: Redact, base_url: str = ""
) -> StatusError:
    """Return the exception for an HTTP error response.

    Args:
        response: its status and headers.
        body: JSON, HTML or anything else.
        redact: takes the key, which some servers echo, out of what is told.
        base_url: where the request went.
    """
    fault = _Fault.of(_error(body.decode(errors="replace")), redact)
    kind = _kind(response.status, fault)
    wait = wait_of(response)
    hint = _hint(kind, fault)
    if wait and kind is RateLimited:
        hint = f"Wait {wait:.0f} s, then run the cell again."
    elif kind is NotFound and base_url and not urlsplit(base_url).path:
        hint = f"Should the base URL be {base_url}/v1?"
    return kind(
        f"{fault.message} (HTTP {response.status})",
        status=response.status,
        code=fault.code,
        param=fault.param,
        request_id=response.request_id,
        retry_after=wait,
        hint=hint,
        headers={name: redact(value) for name, value in response.headers.items()},
    )


def redirect(response: Response, base_url: str) -> StatusError:
    """Return the exception for a redirect, which is not followed."""
    return StatusError(
        f"{base_url} answers with a redirect, which is not followed so that the key "
        "stays with one host.",
        status=response.status,
        hint="Set the base URL to the final address.",
        request_id=response.request_id,
        headers=response.headers,
    )


def in_success(error: Json, redact: Redact, response: Response) -> StreamError:
    """Return the exception for an *error* that came in a success.

    Args:
        error: what ``error_of`` found.
        redact: takes the key out of what is told.
        response: the response that carries it.
    """
    fault = _Fault.of(error, redact)
    kind = _kind(_SUCCESS, fault)
    return StreamError(
        fault.message,
        status=response.status,
        code=fault.code,
        param=fault.param,
        request_id=response.request_id,
        hint=_hint(kind, fault),
        headers=response.headers,
    )


# What is told by words rather than by the status: gateways send each with several.
_SUCCESS = 200
_TOLD: Sequence[
    tuple[type[StatusError], Container[int], Callable[[_Fault], object]]
] = (
    (ContextLengthExceeded, range(500), lambda fault: _CONTEXT.search(fault.words)),
    (ContentPolicyViolation, range(500), lambda fault: _POLICY.search(fault.words)),
    (
        QuotaExceeded,
        (_SUCCESS, 400, 402, 403, 429),
        lambda fault: (
            _QUOTA.search(f"{fault.type} {fault.code}")
            or _QUOTA_SENTENCE.search(fault.message)
        ),
    ),
    (
        UnsupportedParameter,
        (_SUCCESS, 400, 422),
        lambda fault: conflicts.is_unsupported(fault.words),
    ),
    (ModelNotFound, (_SUCCESS, 400, 404), lambda fault: _MODEL.search(fault.words)),
    (Blocked, (403,), lambda fault: _BLOCKED.search(fault.message)),
)


def _kind(status: int, fault: _Fault) -> type[StatusError]:
    for kind, statuses, is_told in _TOLD:
        if status in statuses and is_told(fault):
            return kind
    return _CLASSES.get(
        status, ServerError if status >= _SERVER_ERRORS else StatusError
    )


def _hint(kind: type[StatusError], fault: _Fault) -> str:
    """Return what to do, or nothing where the exception's class says it."""
    if known := _HINTS.get(fault.code or ""):
        return known
    if kind is UnsupportedParameter:
        return conflicts.hint(fault.message, fault.param) or kind.hint
    if kind is BadRequest and fault.param:
        known_param = PARAMS.get(fault.param)
        bounds = known_param.range() if known_param else ""
        return f"Check {fault.param}{bounds and f', which takes {bounds}'}."
    return kind.hint


def _error(text: str) -> Json:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        # A page for people, or nothing.
        return {"message": " ".join(_TAGS.sub(" ", text).split())}
    return error_of(body) or {"message": body.get("message") or _detail(body)}


def _detail(body: Json) -> str:
    """Return the ``detail`` that FastAPI's servers send: text, or a list of faults."""
    detail = body.get("detail")
    faults = []
    for fault in items(detail):
        where = ".".join(map(str, fault.get("loc") or ()))
        faults.append(f"{where}: {fault.get('msg')}".removeprefix(": "))
    return "; ".join(faults) or str(detail or "")
