"""A turn's JSON of version 0.1.0 -> that of today, for journals, exports, notebooks."""

from typing import Any

from apertis_magic.api.value import Json

_TEXTS = ("reasoning", "text", "refusal")


def is_former(raw: Json) -> bool:
    """Tell whether a turn's JSON is that of version 0.1.0."""
    return "answers" not in raw


def upgraded(raw: Json) -> dict[str, Any]:
    """Return the JSON of a turn as it is written today; what it is not stays.

    Raises:
        ValueError: what were lists are none.
    """
    whole = dict(raw)
    if not is_former(raw):
        return whole
    parts = [{"type": name, "text": whole.pop(name, "")} for name in _TEXTS]
    own = [part for part in parts if part["text"] != ""]
    sources = [
        {**page, "type": "source"}
        for page in _list_of(whole, "sources")
        if isinstance(page, dict)
    ]
    others = [
        [{"type": "text", "text": text}]
        for text in _list_of(whole, "alternatives")
        if isinstance(text, str)
    ]
    first = [*own, *sources]
    return {**whole, "answers": [first, *others] if first or others else []}


def _list_of(raw: dict[str, Any], name: str) -> list[Any]:
    """Take a list out of JSON; a tuple was one, and nothing is an empty one."""
    value = raw.pop(name, None) or []
    if isinstance(value, list | tuple):
        return list(value)
    raise ValueError(f"{name} cannot be {type(value).__name__}")
