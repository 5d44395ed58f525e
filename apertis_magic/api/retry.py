"""Which failures are worth another try, and how long to wait before it.

Only failures in which hardly an answer can have been paid for: the connection was never
made, or the server said no. (A proxy that gave up, as in 504 and 524, is tried again
too; its server may have gone on.) A question that was sent and met silence is not sent
again.
"""

import random
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time

from apertis_magic.api import phrases
from apertis_magic.api.response import Response
from apertis_magic.errors import (
    ApertisError,
    AuthenticationError,
    BadRequest,
    NotFound,
    QuotaExceeded,
    StatusError,
)

RETRIED = frozenset({429, 500, 502, 503, 504, 529, *range(520, 525)})
LONGEST_WAIT = 120.0
"""Seconds; a server that asks for more is told about instead of waited for."""

_SPREAD = 0.05
"""Seconds over which those are spread at least that a server told to wait."""

_RATE_LIMITED = 429
_A_DAY = 86_400.0
"""Seconds; a window's end that is smaller is no time of the day but a wait."""


def delay(
    error: ApertisError,
    tries: int,
    between: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """Return the seconds to wait before trying again after *error*.

    Args:
        error: what the last try ended with.
        tries: how many tries there were before that one.
        between: gives a random number between two. It is not for secrecy: it only keeps
            many kernels from coming back all at once.

    Returns:
        None where another try makes no sense.
    """
    if isinstance(error, StatusError) and not _mends(error):
        return None
    told = error.retry_after
    if not told:
        return float(min(0.5 * 2**tries, 8.0) * between(0.75, 1.0))
    if told > LONGEST_WAIT:
        return None
    return told + between(0, max(told / 10, _SPREAD))  # never earlier than told


def _mends(error: StatusError) -> bool:
    """Tell whether waiting can mend a refusal; the server's own word goes first."""
    if isinstance(error, QuotaExceeded | AuthenticationError):
        return False
    if phrases.AT_ONCE.search(str(error)):
        return False
    word = error.headers.get("x-should-retry", "").lower()
    # Gateways send what no other try mends, such as a prompt too long, with a 500 too.
    may_pass = error.status in RETRIED and not isinstance(error, BadRequest | NotFound)
    return word == "true" or (word != "false" and may_pass)


def wait_of(response: Response) -> float | None:
    """Return the seconds that a refusal asks to wait, where it does.

    By ``retry-after-ms``, ``Retry-After`` (seconds or a date), or for a rate limit the
    end of its window (``X-RateLimit-Reset``), which is waited for at most
    ``LONGEST_WAIT``: the window may not be what was exceeded.
    """
    milliseconds = _seconds(response.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = parse_retry_after(response.headers.get("retry-after"))
    if seconds is not None:
        return seconds
    window = response.rate_limit
    if response.status != _RATE_LIMITED or window.remaining or window.reset is None:
        return None
    left = window.reset if window.reset < _A_DAY else window.reset - time()
    return min(left, LONGEST_WAIT) if 0 < left < _A_DAY else None


def parse_retry_after(value: str | None) -> float | None:
    """Return a ``Retry-After`` header's seconds from now; it may be a date."""
    seconds = _seconds(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None
