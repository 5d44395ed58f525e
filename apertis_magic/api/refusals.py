"""Which kind of failure a server tells, by its status and its words: one table."""

import re
from collections.abc import Callable, Container, Mapping, Sequence

from apertis_magic.api import conflicts
from apertis_magic.api.error_body import Fault
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
    UnsupportedParameter,
)

SUCCESS = 200
_SERVER_ERRORS = 500
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
# Errors that words tell, not the status: gateways send each with several.
_BY_WORDS: Sequence[
    tuple[type[StatusError], Container[int], Callable[[Fault], object]]
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
        (SUCCESS, 400, 404),
        lambda fault: (
            _MODEL.search(fault.words)
            or (fault.param == "model" and conflicts.is_unsupported(fault.words))
        ),
    ),
    (
        UnsupportedParameter,
        (SUCCESS, 400, 422),
        lambda fault: conflicts.is_option(fault.words, fault.param),
    ),
    (
        AuthenticationError,
        (SUCCESS, 400, 403),
        lambda fault: _KEY.search(fault.words),
    ),
    (Blocked, (403,), lambda fault: _BLOCKED.search(fault.message)),
)


def kind_of(status: int, fault: Fault) -> type[StatusError]:
    """Return the exception's class for an error that came with *status*."""
    for kind, statuses, fits in _BY_WORDS:
        if status in statuses and fits(fault):
            return kind
    return _CLASSES.get(
        status, ServerError if status >= _SERVER_ERRORS else StatusError
    )
