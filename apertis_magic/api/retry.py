"""Which failures are worth another try, and how long to wait before it.

Only failures in which no answer can have been paid for: the connection was never made,
or the server said no. A request that was sent and met silence is not sent again.
"""

import random
from email.utils import parsedate_to_datetime
from math import isfinite
from time import time

from apertis_magic.errors import ApertisError, QuotaExceeded, StatusError

RETRIED = frozenset({429, 500, 502, 503, 504, 529, *range(520, 525)})
LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more is told about instead of waited for."""


def delay(error: ApertisError, tries: int) -> float | None:
    """Return the seconds to wait before trying again after *error*.

    Args:
        error: what the last try ended with.
        tries: how many tries there were before that one.

    Returns:
        None where another try makes no sense.
    """
    if isinstance(error, QuotaExceeded):
        return None
    if isinstance(error, StatusError) and error.status not in RETRIED:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    # Not for secrecy: it only keeps many kernels from coming back all at once.
    return float(min(0.5 * 2**tries, 8.0) * random.uniform(0.75, 1.0))  # noqa: S311


def parse_retry_after(value: str | None) -> float | None:
    """Return a ``Retry-After`` header's seconds from now; it may be a date."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except ValueError:
            return None
    return max(0.0, seconds) if isfinite(seconds) else None
