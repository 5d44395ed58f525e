"""What can go wrong, and how each failure is shown in a notebook.

::

    ApertisError                   root: everything this package raises on purpose
    ├── ConfigurationError         no key, a bad base URL, a value out of its range
    │   └── HeldBack               it can be sent, but hardly should be: --anyway does
    ├── ConnectionFailed           no answer from the server: DNS, refused, TLS, cut
    │   ├── TimedOut               the server was silent for too long
    │   └── TLSFailed              no secure connection: its certificate, a proxy's
    ├── StatusError                the server answered with an HTTP error status
    │   ├── BadRequest             400, 413, 422
    │   │   ├── ContextLengthExceeded    the conversation is too long for the model
    │   │   ├── ContentPolicyViolation   the prompt may not be answered
    │   │   └── UnsupportedParameter     the model does not take this option
    │   ├── AuthenticationError    401
    │   ├── QuotaExceeded          no money or quota left: 402 and its relatives
    │   ├── PermissionDenied       403
    │   │   └── Blocked            refused by Cloudflare before it reached the service
    │   ├── NotFound               404, 405: the path
    │   │   └── ModelNotFound      404: the model
    │   ├── RequestTimeout         408: the gateway gave up on the model
    │   ├── RateLimited            429
    │   └── ServerError            5xx
    ├── StreamError                a success that holds an error, or broke off
    │   └── IncompleteAnswer       it ended without a finish reason
    └── LocalModelError            the local model cannot be downloaded or started

    Interrupted (KeyboardInterrupt)    a cell was stopped; what had come is kept

In a notebook each is one or two lines without a traceback; in Python each is an
ordinary exception that pickles.
"""

import sys
from collections.abc import Mapping

from apertis_magic.clean import encodable, one_line
from apertis_magic.credentials import redact


class ApertisError(Exception):
    """The root of every error this package raises on purpose.

    ``str(error)`` is one line without a key, whatever a server wrote. What is not known
    is None, or empty.

    Args:
        message: what went wrong; keys are taken out of it.

    Attributes:
        status: HTTP status, where there was a response.
        code: the server's own word for the error, such as ``model_not_found``
            (``error.code`` of the API).
        param: the request's field that the server complains about (``error.param``).
        request_id: what to quote to the provider's support.
        retry_after: seconds after which another try makes sense (``Retry-After``).
        partial: the part of the answer that had come.
        hint: what to do about it, one sentence.
        headers: the response's headers, names in lower case, where there was one.

    Example:
        >>> from apertis_magic import Apertis, ApertisError
        >>> messages = [{"role": "user", "content": "Hello!"}]
        >>> try:
        ...     Apertis().chat.completions.create(
        ...         model="gpt-4.1-mini", messages=messages, temperature=3
        ...     )
        ... except ApertisError as error:
        ...     print(f"{type(error).__name__}: {error}")
        ConfigurationError: temperature must be 0 to 2, not 3
    """

    hint = ""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        partial: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # Twice: a control character hides a key, and one line hides lines of one.
        super().__init__(redact(one_line(redact(message))))
        self.hint = one_line(hint) or type(self).hint
        self.status = status
        self.code = code
        self.param = param
        self.request_id = request_id
        self.retry_after = retry_after
        self.partial = partial
        self.headers = headers or {}

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows in place of a traceback."""
        lines = [f"{type(self).__name__}: {self}", *filter(None, [self.hint])]
        return [encodable(line, sys.stdout) for line in lines]


class ConfigurationError(ApertisError):
    """A key, an address or a value is missing or wrong; nothing was sent."""


class HeldBack(ConfigurationError):
    """What can be sent, but was hardly meant to be; ``anyway`` sends it."""

    hint = "--anyway sends it as it is (in Python: anyway=True)."


class ConnectionFailed(ApertisError):
    """The server could not be reached, or hung up before it answered."""

    hint = "Check the network and the base URL, then ask again."


class TimedOut(ConnectionFailed):
    """The server was silent for longer than the time-out."""

    hint = "Ask again, or give the server more time."


class TLSFailed(ConnectionFailed):
    """There is no secure connection to the server."""


class StatusError(ApertisError):
    """The server answered with an HTTP error status, which is in ``status``."""


class BadRequest(StatusError):
    """400, 413 or 422: the server refuses the request as it stands."""


class ContextLengthExceeded(BadRequest):
    """The conversation and the answer do not fit into the model's context."""

    hint = (
        "Start over with --new, send fewer turns with --history N, or ask a model with "
        "a longer context."
    )


class ContentPolicyViolation(BadRequest):
    """The provider's rules forbid an answer to this prompt."""

    hint = "Say it in other words."


class UnsupportedParameter(BadRequest):
    """The model does not take an option, its value, or two options together."""

    hint = "Leave that option out."


class AuthenticationError(StatusError):
    """401: the key is missing, wrong or expired."""

    hint = "Check APERTIS_API_KEY, or the stored key with %chat key status."


class QuotaExceeded(StatusError):
    """402 or another: no money or quota is left; waiting does not help."""

    hint = "Top up the account or use another key."


class PermissionDenied(StatusError):
    """403: the key may not do this."""

    hint = "The key may be limited to some models or addresses."


class Blocked(PermissionDenied):
    """403 by Cloudflare, which refuses this client's name, not the key."""

    hint = "Give another User-Agent in default_headers."


class NotFound(StatusError):
    """404 or 405: the address does not exist, or takes no questions."""

    hint = "Check the base URL."


class ModelNotFound(NotFound):
    """404: there is no such model, or the key's plan has none."""

    hint = "Check the model's id."


class RequestTimeout(StatusError):
    """408: the gateway gave up waiting for the model."""

    hint = "Stream the answer, or give a longer timeout (300 s at the most)."


class RateLimited(StatusError):
    """429: too many requests in too short a time."""

    hint = "Wait a little, then ask again."


class ServerError(StatusError):
    """5xx: the failure is on the server's side."""

    hint = "Ask again, or ask another model."


class StreamError(ApertisError):
    """The answer broke off, or holds an error or nothing; see ``partial``."""

    hint = "Ask again."


class IncompleteAnswer(StreamError):
    """The answer ended without a finish reason, so its end is missing."""


class LocalModelError(ApertisError):
    """The local model cannot be downloaded, started or stopped."""


class Interrupted(KeyboardInterrupt):
    """A cell was interrupted; what had come of the answer is kept.

    Args:
        message: what became of the answer.
        told: whether the cell's output says so already, so that one word will do.
    """

    def __init__(self, message: str = "", *, told: bool = False) -> None:
        super().__init__(message)
        self.told = told

    def _render_traceback_(self) -> list[str]:
        line = "Interrupted" if self.told else f"Interrupted: {self}"
        return [encodable(line, sys.stdout)]
