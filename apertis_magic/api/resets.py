"""When a limit ends that was exceeded: as a date, in seconds, or in a sentence."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apertis_magic.api.error_body import Fault
from apertis_magic.api.response import Response

Clock = Callable[[], datetime]
"""Gives the time, with its time zone."""

_UNIT = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_SPAN = r"(\d+(?:\.\d+)?) ?(ms|milliseconds?|[dhms](?![a-z])|(?:day|hour|min|sec)\w*)"
_SOON = re.compile(
    rf"(?:retry|again|resets?|wait|available)(?: again| after| in| for)*,? "
    rf"((?:{_SPAN}(?:,? (?:and )?)?)+)",
    re.IGNORECASE,
)
_SPANS = re.compile(_SPAN, re.IGNORECASE)
_DATE = re.compile(
    r"resets? (?:at|on|after):? *"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?"
    r"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)",
    re.IGNORECASE,
)
_LAST = timedelta(days=366)
_MILLISECONDS = 1e11
"""A time since 1970 that is larger is not in seconds."""


def now() -> datetime:
    """Return the time, in the zone of this machine."""
    return datetime.now().astimezone()


def seconds_told(words: str) -> float | None:
    """Return the seconds after which a server says to try again, None for none.

    Args:
        words: its sentence, such as ``Please try again in 1m20.5s.``
    """
    told = _SOON.search(words)
    if told is None:
        return None
    return sum(float(n) * _seconds(unit) for n, unit in _SPANS.findall(told[1]))


def end_of(fault: Fault, response: Response, clock: Clock) -> datetime | None:
    """Return when a limit ends, in the zone of the clock; None where that is not told.

    A time that has passed, or is more than a year away, is none.

    Args:
        fault: the refusal, whose field or words may tell.
        response: its headers, which may tell too.
        clock: gives the time now.
    """
    told = _DATE.search(fault.text)
    headers = (response.headers.get(name) for name in ("reset_at", "reset-at"))
    dates = (fault.resets, *headers, told[1] if told else None)
    return next(filter(None, (_to_come(_time(date), clock()) for date in dates)), None)


def end_of_window(response: Response, clock: Clock) -> datetime | None:
    """Return when a window ends that is exhausted (``X-RateLimit-Reset``), else None.

    It may not be what was exceeded.
    """
    window = response.rate_limit
    return None if window.remaining else _to_come(_time(window.reset), clock())


def _to_come(end: datetime | None, present: datetime) -> datetime | None:
    is_to_come = end is not None and present < end < present + _LAST
    return end.astimezone(present.tzinfo) if end and is_to_come else None


def _time(told: str | float | None) -> datetime | None:
    """Return a time that is told as a date, or in seconds since 1970."""
    try:
        number = float(told or "")
    except ValueError:
        return _date(str(told or ""))
    try:
        return datetime.fromtimestamp(
            number / 1000 if number > _MILLISECONDS else number, UTC
        )
    except (ValueError, OverflowError, OSError):
        return None


def _date(told: str) -> datetime | None:
    """Return the time that a date is; one without a zone is of UTC."""
    zoned = re.sub(r" ?(?:UTC|GMT|Z)$", "+00:00", told.strip(), flags=re.IGNORECASE)
    try:
        date = datetime.fromisoformat(zoned)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _seconds(unit: str) -> float:
    """Return the seconds of a unit, by its name or its first letter."""
    unit = unit.lower()
    return _UNIT["ms" if unit.startswith(("ms", "milli")) else unit[0]]
