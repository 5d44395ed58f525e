"""Reads what ``-p KEY=VALUE`` gives: fields of the request that no option is for."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from IPython.core.error import UsageError

from apertis_magic.credentials import redact

_NOT_EXTRA = ("model", "messages", "stream")


def read(pairs: Iterable[str], *, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are given; ``a.b=1`` nests.

    Args:
        pairs: what stood behind each ``-p``.
        taken: the fields that the line's other options set.

    Raises:
        UsageError: that is no pair, or sets what is set already.
    """
    extra: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        *path, name = key.split(".")
        if not equals or not all([*path, name]):
            raise UsageError(f"%%chat: -p needs KEY=VALUE, not {redact(pair)!r}")
        top = key.partition(".")[0]
        if top in _NOT_EXTRA or top in taken:
            raise UsageError(f"%%chat: {top} is set in another way, not by -p.")
        inside = extra
        for step in path:
            inside = inside.setdefault(step, {})
            if not isinstance(inside, dict):
                raise UsageError(f"%%chat: -p sets {step!r} twice.")
        if name in inside:
            raise UsageError(f"%%chat: -p sets {key!r} twice.")
        inside[name] = _json_or_text(value)
    return extra


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return value


def _no_constant(name: str) -> Any:
    """Refuse ``NaN`` and its like, which Python reads and JSON does not have."""
    raise ValueError(name)
