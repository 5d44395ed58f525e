"""The request's parameters as fields of the panel: blank is unset, and is not sent."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from apertis_magic.api import params
from apertis_magic.api.params import PARAMS, Param
from apertis_magic.errors import ConfigurationError

_LABELS = {"n": "Number of answers", "stop": "End the answer at", "top_p": "Top P"}
FIELDS = tuple(param for param in PARAMS.values() if param.on_line)
"""The parameters that have a field, as the magic line has an option for each."""


def described() -> list[dict[str, Any]]:
    """Return what a page needs to draw the fields."""
    return [
        {
            "name": param.name,
            "label": _LABELS.get(param.name, param.name.replace("_", " ").capitalize()),
            "help": param.help + ("; each on its line" if param.most > 1 else ""),
            "range": param.range(),
            "number": param.kind in (int, float),
            "step": 1 if param.kind is int else "any",
            "low": param.low,
            "high": param.high,
            "lines": param.most > 1,
        }
        for param in FIELDS
    ]


def read(name: str, text: str) -> Any:
    """Return the value that somebody typed, None for a blank field.

    Raises:
        ConfigurationError: the field cannot have it; one line says why.
    """
    param = PARAMS.get(name)
    if param not in FIELDS or param is None:
        raise ConfigurationError(f"There is no option {name}.")
    if not text.strip():
        return None
    value = text.split("\n") if param.most > 1 else _number(param, text.strip())
    if isinstance(value, list):
        value = [line for line in value if line]
    params.check({name: value})
    return value


def as_typed(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as somebody would type them."""
    return {
        name: "\n".join(value) if isinstance(value, list | tuple) else str(value)
        for name, value in values.items()
        if any(param.name == name for param in FIELDS)
    }


def _number(param: Param, text: str) -> Any:
    """Return the number that *text* is, where one is wanted and it is one."""
    if param.kind not in (int, float):
        return text
    decimal = text.replace(",", ".") if param.kind is float else text
    for kind in (int, float):
        with suppress(ValueError):
            value = kind(decimal)
            return int(value) if param.kind is int and value % 1 == 0 else value
    return text
