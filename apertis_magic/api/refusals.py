"""Which kind of failure a server tells, by its status and its words: one table."""

import re
from collections.abc import Callable, Container, Mapping, Sequence

from apertis_magic.api import conflicts, phrases
from apertis_magic.api.error_body import Fault
from apertis_magic.api.params import PARAMS
from apertis_magic.api.resets import seconds_told
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
_TOO_MANY = 429
_SERVER_ERRORS = 500
_CLASSES: Mapping[int, type[StatusError]] = {
    400: BadRequest,
    401: AuthenticationError,
    402: QuotaExceeded,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
    408: RequestTimeout,
    413: BadRequest,
    422: BadRequest,
    429: RateLimited,
}
_ANY = range(600)
_REFUSED = range(_SERVER_ERRORS)
_READ = (SUCCESS, 400, 403, 404, 413, 422)
"""With which a server tells what is wrong with a request that it has read."""

_OF_CONVERSATION = ("messages", "input", "prompt")
_OF_LENGTH = ("max_tokens", "max_completion_tokens")
_Fits = Callable[[Fault], object]


def _names(names: re.Pattern[str]) -> _Fits:
    return lambda fault: names.search(f"{fault.type} {fault.code or ''}")


def _says(phrase: re.Pattern[str]) -> _Fits:
    return lambda fault: phrase.search(fault.words)


def is_too_much_at_once(fault: Fault) -> bool:
    """Tell whether one request alone is more than a limit of a minute allows."""
    return phrases.AT_ONCE.search(fault.text) is not None


def _is_rate(fault: Fault) -> bool:
    """Tell whether a limit of a minute was met; Gemini calls its own a quota."""
    is_money = _names(phrases.SURELY_MONEY_NAMES)(fault)
    is_soon = seconds_told(fault.text) is not None
    return not is_money and (is_soon or phrases.RATE.search(fault.text) is not None)


def _is_too_long(fault: Fault) -> bool:
    """Tell whether the words say that a conversation is too long for the model."""
    if _is_of_option(fault) or phrases.RATE.search(fault.text):
        return False
    if a_string := phrases.STRING_TOO_LONG.search(fault.text):
        return a_string["field"] in (None, *_OF_CONVERSATION)
    return phrases.CONTEXT.search(fault.text) is not None


def _is_of_option(fault: Fault) -> bool:
    """Tell whether the server complains about an option, whatever else it says."""
    field = conflicts.field_of(fault.param)
    is_known = field in PARAMS and field not in _OF_LENGTH
    return is_known or conflicts.is_unknown(fault.text)


# Errors that words tell, not the status: gateways send each with several. The first row
# that fits counts.
_BY_WORDS: Sequence[tuple[type[StatusError], Container[int], _Fits]] = (
    (RateLimited, (400, 413, 429), is_too_much_at_once),
    (RateLimited, (429,), _is_rate),
    (QuotaExceeded, _ANY, _names(phrases.MONEY_NAMES)),
    (ContextLengthExceeded, _ANY, _names(phrases.CONTEXT_NAMES)),
    (
        ContextLengthExceeded,
        (*_READ, *range(500, 600)),
        _is_too_long,
    ),
    (
        ContentPolicyViolation,
        _ANY,
        lambda fault: not _is_of_option(fault) and phrases.POLICY.search(fault.words),
    ),
    (QuotaExceeded, _REFUSED, _says(phrases.MONEY)),
    (PermissionDenied, (400, 401, 403), _says(phrases.KEY_OF_OTHERS)),
    (ModelNotFound, _ANY, _says(phrases.CHANNEL)),
    (
        ModelNotFound,
        _READ,
        lambda fault: not _is_of_option(fault) and phrases.MODEL.search(fault.words),
    ),
    (
        ModelNotFound,
        _READ,
        lambda fault: fault.param == "model" and conflicts.is_unsupported(fault.words),
    ),
    (ModelNotFound, (404,), lambda fault: fault.param == "model"),
    (
        UnsupportedParameter,
        (SUCCESS, 400, 404, 422),
        lambda fault: conflicts.is_option(fault.words, fault.param),
    ),
    (AuthenticationError, (SUCCESS, 400, 403), _says(phrases.KEY)),
    (Blocked, (403,), _says(phrases.BLOCKED)),
    (NotFound, (SUCCESS, 400, 404, 501), _says(phrases.PATH)),
)


def kind_of(status: int, fault: Fault) -> type[StatusError]:
    """Return the exception's class for an error that came with *status*."""
    for kind, statuses, fits in _BY_WORDS:
        if status in statuses and fits(fault):
            return kind
    return _CLASSES.get(
        status, ServerError if status >= _SERVER_ERRORS else StatusError
    )
