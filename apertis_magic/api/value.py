"""Read-only views of the JSON that a server sends, whatever it leaves out or adds.

A view costs next to nothing to make, so a stream of small chunks stays cheap, and it
loses nothing: ``raw`` is the object as it came.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from apertis_magic.clean import mend

Json: TypeAlias = Mapping[str, Any]
_NOTHING: Json = {}
_HUGE = 2**63
_DEEPEST = 100


class Value:
    """A read-only view of a JSON object that the API sent.

    A property is the API's field of the same name, unless its text tells another; it is
    None, or empty, where the server left it out. Fields without a property are
    attributes too, where the server sent them: ``message.thinking``.

    Args:
        raw: the object as it came.

    Attributes:
        raw: the object as it came.
    """

    __slots__ = ("_raw",)

    _derived: ClassVar[frozenset[str]] = frozenset()
    """Properties that are no field of the API's of that name."""

    def __init__(self, raw: Json = _NOTHING) -> None:
        self._raw = raw

    @property
    def raw(self) -> Json:
        """The object as it came."""
        return self._raw

    def to_dict(self) -> dict[str, Any]:
        """Return the object as it came, in a copy that may be changed."""
        return deepcopy(dict(self._raw))

    def model_dump(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """Return the object as it came, with the API's fields that are missing in it.

        They are None, unless there is something that they are where nothing is told.

        Args:
            exclude_none: whether to add none, and to leave out what is null.
        """
        return self._dump(exclude_none=exclude_none)

    def _dump(self, *, exclude_none: bool) -> dict[str, Any]:
        """Return what ``model_dump`` of the object around this one has of it."""
        return dumped(self, modelled(type(self)), exclude_none=exclude_none)

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
            and not (isinstance(value, Value) and not value.raw)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


class Nested(Value, Mapping[str, Any]):
    """A view of an object inside a response, which can also be read as a mapping.

    Objects and lists of objects in it are such views too. It equals another, or a dict,
    with the same fields; null is as good as left out.
    """

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return _nested(super().__getattr__(name))

    def __getitem__(self, name: str) -> Any:
        return self._raw[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __eq__(self, other: object) -> bool:
        if type(self) is type(other):
            return _told(self._raw) == _told(getattr(other, "_raw", None))
        return isinstance(other, dict) and _told(self._raw) == _told(other)

    __hash__ = None  # type: ignore[assignment]  # as of all values


def _told(raw: Any) -> Json:
    return {name: value for name, value in raw.items() if value is not None}


def _nested(value: Any) -> Any:
    """Return a field of a nested object, with views of the objects in it."""
    if isinstance(value, dict):
        return Nested(value)
    if isinstance(value, list) and value and len(items(value)) == len(value):
        return tuple(map(Nested, value))
    return value


def _properties(kind: type[Value]) -> tuple[str, ...]:
    """Return the names of the properties that *kind* has, in their order."""
    homes = (home for home in reversed(kind.__mro__) if home is not Value)
    named = ((name, each) for home in homes for name, each in vars(home).items())
    found = (n for n, each in named if isinstance(each, property) and n[0] != "_")
    return tuple(dict.fromkeys(found))  # once, also what a subclass tells anew


def modelled(kind: type[Value]) -> tuple[str, ...]:
    """Return the fields of the API that *kind* has as properties."""
    derived = kind._derived  # noqa: SLF001  of this module
    return tuple(name for name in _properties(kind) if name not in derived)


def dumped(view: Any, names: Iterable[str], *, exclude_none: bool) -> dict[str, Any]:
    """Return the JSON of an object, with the API's fields that are missing in it.

    Args:
        view: the view of the object.
        names: the API's fields; one that is missing is as the view has it.
        exclude_none: whether to add none, and to leave out what is null.
    """
    added = () if exclude_none else names
    found = {name: _scalar(getattr(view, name)) for name in added}
    for name, value in view.raw.items():
        if value is not None or not exclude_none:
            inside = getattr(view, name, None)
            found[name] = _dumped(value, inside, exclude_none=exclude_none)
    return found


def _scalar(value: Any) -> Any:
    """Return a value if it is a text or a number, and else None."""
    return value if isinstance(value, str | int | float) else None


def _dumped(raw: Any, view: Any, *, exclude_none: bool) -> Any:
    """Return the JSON of a field: by its view, where that is a view of all of it."""
    if isinstance(raw, dict) and getattr(view, "raw", None) is raw:
        return view._dump(exclude_none=exclude_none)  # noqa: SLF001  of its kind
    if isinstance(raw, list) and isinstance(view, tuple) and len(view) == len(raw):
        pairs = zip(raw, view, strict=True)
        return [_dumped(*pair, exclude_none=exclude_none) for pair in pairs]
    return deepcopy(raw)


def as_json(value: object) -> dict[str, Any]:
    """Return the JSON of a view, for ``json.dumps``.

    Raises:
        TypeError: it is no view.
    """
    if isinstance(value, Value):
        return value.to_dict()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


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
