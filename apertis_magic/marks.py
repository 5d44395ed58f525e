"""Marks that stand beside a field and say how it is kept, sent and guarded.

What derives from them: the names and the types of a turn's JSON, what is searched for
keys, and what a notebook's metadata leaves out.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

_NUMBER: tuple[type, ...] = (int, float)
_PLAIN: Mapping[Any, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: _NUMBER,
    NoneType: (NoneType,),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of a field, by what it says."""

    says: str


@dataclass(frozen=True, slots=True)
class Named:
    """The field has this name in JSON."""

    name: str


SENT = Mark("goes to the server, with its own question or with later ones")
MAY_HOLD_KEYS = Mark("a person wrote it: no key is sent or kept with it")
NOT_IN_NOTEBOOKS = Mark("a notebook's metadata leaves it out")


def json_name(field: "Field[Any]") -> str:
    """Return what JSON calls a field."""
    named = (each.name for each in _marks(field) if isinstance(each, Named))
    return next(named, field.name)


def marked(kind: Any, mark: Mark) -> frozenset[str]:
    """Return the names of the fields of a dataclass that bear a mark."""
    return frozenset(each.name for each in fields(kind) if mark in _marks(each))


def kinds(field: "Field[Any]") -> tuple[type, ...]:
    """Return the types that a field has in JSON, none where it is another there."""
    hint: Any = field.type
    if get_origin(hint) is Annotated:
        hint = hint.__origin__
    if get_origin(hint) is Mapping:
        return (dict,)
    parts = get_args(hint) or (hint,)
    found = [_PLAIN.get(part, ()) for part in parts]
    return tuple(each for kind in found for each in kind) if all(found) else ()


def _marks(field: "Field[Any]") -> tuple[Any, ...]:
    return getattr(field.type, "__metadata__", ())
