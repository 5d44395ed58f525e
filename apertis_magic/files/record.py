"""A conversation as JSON, without loss; and the JSON of its parts."""

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.history import Entry, History
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend

_FORMAT = "apertis_magic conversation"
VERSION = 2
_MOST = 2**53
_VALUES = 20_000_000
"""Values in JSON that is read; in memory each takes many times what it has here."""


def written(state: State) -> str:
    """Return the text of the file."""
    whole = {
        "format": _FORMAT,
        "version": VERSION,
        **about(state),
        "history": [entry_to_dict(entry) for entry in state.history],
    }
    return dumped(whole, indent=1) + "\n"


def read(text: str) -> list[State]:
    """Return the conversation in the file.

    Raises:
        ValueError: there is none, or it is damaged; says why.
    """
    raw = parsed(text)
    if raw.get("format") != _FORMAT:
        raise ValueError("it is not a conversation that %chat export wrote")
    check_version(raw.get("version"))
    entries = [_numbered(n, each) for n, each in enumerate(_history(raw), 1)]
    return [state_of(raw, entries)]


def is_export(text: str) -> bool:
    """Tell whether a file is one of ours."""
    return bool(read(text))


def about(state: State) -> dict[str, Any]:
    """Return a conversation as JSON, without its turns."""
    return {
        "id": state.id,
        "name": state.name,
        "model": state.model,
        "system": state.system,
        "made": state.made,
    }


def state_of(raw: Json, entries: Iterable[Entry]) -> State:
    """Return the conversation that *raw* is about, each turn once.

    Raises:
        ValueError: it is about none, or there are no turns.
    """
    texts: dict[str, Any] = {}
    for name in ("id", "name", "model", "system"):
        value, is_needed = raw.get(name), name in ("id", "name")
        if not isinstance(value, str | None) or (
            is_needed and not (value or "").strip()
        ):
            raise ValueError(f"the conversation's {name} is missing")
        texts[name] = value if value is None else mend(value)
    history = {entry.turn.id: entry for entry in entries}
    if not history:
        raise ValueError("there are no turns in it")
    made = raw.get("made", 0)
    if type(made) is not int or not abs(made) < _MOST:
        raise ValueError("the conversation's last number is missing")
    return State(**texts, history=tuple(history.values()), made=made)


def in_order(turns: Iterable[Turn]) -> History:
    """Return turns as a history in which those asked later are newer.

    One of which nobody knows when it was asked was asked after the one before it.
    """
    placed = tuple(turns)
    times: list[float] = []
    for turn in placed:
        times.append(turn.started or (times[-1] if times else 0.0))
    asked = sorted(range(len(placed)), key=times.__getitem__)
    order = {n: number for number, n in enumerate(asked, 1)}
    return tuple(Entry(turn, order[n], None, turn.id) for n, turn in enumerate(placed))


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """Return a turn with its place as JSON."""
    return {
        "turn": plain(entry.turn.to_dict()),
        "made": entry.order,
        "execution": entry.execution,
        "slot": entry.slot,
    }


def entry_of(raw: Json) -> Entry:
    """Read a turn with its place.

    Raises:
        ValueError: it is none; says why.
    """
    order, execution, slot = (raw.get(k) for k in ("made", "execution", "slot"))
    if type(order) is not int or not abs(order) < _MOST:
        raise ValueError("its number is missing")
    if not isinstance(execution, str | None) or not isinstance(slot, str):
        raise ValueError("its place is missing")  # noqa: TRY004  of the file
    return Entry(Turn.from_dict(mapping(raw.get("turn"))), order, execution, slot)


def check_version(version: object) -> None:
    """See that a file's version is one that is known here.

    Raises:
        ValueError: it is not.
    """
    if type(version) is int and VERSION < version < _MOST:
        raise ValueError("a newer version of apertis_magic wrote it; update this one")
    if type(version) is not int or not 0 < version < _MOST:
        raise ValueError("its version is missing")


def parsed(text: str) -> Json:
    """Return the object that JSON text holds.

    Raises:
        ValueError: it holds none.
    """
    if sum(map(text.count, '[{",')) > _VALUES:
        raise ValueError("it holds too much")
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError:
        raise ValueError("it is not JSON, or its end is missing") from None
    if not isinstance(found, dict):
        raise ValueError("it is JSON of something else")  # noqa: TRY004  of the file
    return found


def dumped(value: object, *, indent: int | None = None) -> str:
    """Return the JSON of what ``plain`` has made fit."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def plain(value: Any) -> Any:
    """Return *value* as JSON can hold it; what it cannot becomes text."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    is_fit = value is None or isinstance(value, str | int | float)
    is_odd = isinstance(value, float) and not isfinite(value)
    return value if is_fit and not is_odd else str(value)


def _history(raw: Json) -> list[Any]:
    history = raw.get("history")
    if not isinstance(history, list) or len(items(history)) < len(history):
        raise ValueError("its turns are missing")
    return history


def _numbered(number: int, raw: Json) -> Entry:
    try:
        return entry_of(raw)
    except ValueError as error:
        raise ValueError(f"turn {number} is damaged: {error}") from None
