"""Read-only views of the JSON that a server sends, whatever it leaves out or adds.

A view costs next to nothing to make, so a stream of small chunks stays cheap, and it
loses nothing: ``raw`` is the object as it came.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from apertis_magic.clean import mend

Json: TypeAlias = Mapping[str, Any]
_NOTHING: Json = {}
_HUGE = 2**63
_DEEPEST = 100


class Value:
    """A read-only view of a JSON object that the API sent.

    A property is the API's field of the same name, unless its text tells another; it is
    None, or empty, where the server left it out. Fields without a property are
    attributes too, where the server sent them: ``completion.system_fingerprint``,
    ``message.thinking``.

    Args:
        raw: the object as it came.

    Attributes:
        raw: the object as it came.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: Json = _NOTHING) -> None:
        self._raw = raw

    @property
    def raw(self) -> Json:
        """The object as it came."""
        return self._raw

    if not TYPE_CHECKING:  # a misspelt name stays an error for type checkers

        def __getattr__(self, name: str) -> Any:
            # Without the first test, unpickling would ask for _raw without an end.
            if not name.startswith("_") and name in self._raw:
                return self._raw[name]
            raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *map(str, self._raw)})

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._raw == getattr(other, "_raw", None)

    __hash__ = None  # type: ignore[assignment]  # what it shows is not hashable either

    def __repr__(self) -> str:
        shown = (
            f"{name}={value!r}"
            for name in _properties(type(self))
            if (value := getattr(self, name)) not in (None, (), "")
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def _properties(kind: type[Value]) -> list[str]:
    """Return the names of the properties that *kind* has, in their order."""
    homes = (home for home in reversed(kind.__mro__) if home is not Value)
    named = ((name, each) for home in homes for name, each in vars(home).items())
    return [n for n, each in named if isinstance(each, property) and n[0] != "_"]


def mapping(value: object) -> Json:
    """Return *value* if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: object) -> Sequence[Json]:
    """Return the JSON objects in *value*, if it is a list."""
    if not isinstance(value, list):
        return ()
    return [item for item in value if isinstance(item, dict)]


def is_deep(value: object) -> bool:
    """Tell whether JSON is nested more deeply than anybody walks through."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [e for each in inside for e in each if isinstance(e, dict | list)]
    return bool(level)


def string(value: object) -> str | None:
    """Return *value* if it is text, fit to show, and else None."""
    return mend(value) if isinstance(value, str) else None


def text(value: object) -> str | None:
    """Return *value* as text; some gateways send a list of parts in its place."""
    if isinstance(value, list):
        return "".join(map(_part, value))
    # Not mended: the other half of a character may come with the next piece.
    return value if isinstance(value, str) else None


def _part(value: object) -> str:
    words = value if isinstance(value, str) else mapping(value).get("text")
    return words if isinstance(words, str) else ""


def amount(value: object) -> float | None:
    """Return *value* if it is a finite number, be it in quotes, and else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if isfinite(number) else None


def count(value: object) -> int | None:
    """Return *value* as a whole number, and None if it is no number."""
    if type(value) is int and -_HUGE < value < _HUGE:
        return value  # nearly always
    number = amount(value)
    return int(number) if number is not None and abs(number) < _HUGE else None


def first(raw: Json, *names: str) -> Any:
    """Return the first of the fields *names* of *raw* that is not null."""
    for name in names:  # no generator: it is asked for every piece of an answer
        if (value := raw.get(name)) is not None:
            return value
    return None
