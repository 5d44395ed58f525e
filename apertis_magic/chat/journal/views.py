"""What the journal's rows tell: conversations, turns under way, versions and sums.

All take a connection to a file that ``file.py`` has opened, and a set. A row may hold
anything: what is damaged costs that row, which goes into the set.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from sqlite3 import Connection
from typing import Any, NamedTuple, TypeAlias, TypeVar

from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.growth import CALL, SOURCE, Piece, regrown
from apertis_magic.chat.history import Entry, History, Placement, put, swap
from apertis_magic.chat.journal.rows import DROPPED, SUPERSEDED
from apertis_magic.chat.parts import Picture, Reasoning, Refusal, Text, part_of
from apertis_magic.chat.received import answers_of
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.errors import ApertisError

_T = TypeVar("_T")

_LATEST = 253_402_214_400.0
"""The end of the last year that a date can have, in seconds since 1970."""

_HUGE = 2**53
"""More than any count; SQLite's largest number could not be counted on from."""

_TEXTS = frozenset(each.type for each in (Text, Reasoning, Refusal, Picture))
"""The kinds of pieces that are texts."""

_JSON = frozenset({CALL, SOURCE})
"""The kinds of pieces that are JSON."""


class Lost(NamedTuple):
    """A row that is damaged.

    Attributes:
        noun: what it is.
        of: the name of its conversation, empty where that does not matter.
        key: tells it from the others.
    """

    noun: str
    of: str
    key: object


# What the server told the tokens of was answered, as a rule; the others are looked at.
# By CASE, since of OR SQLite works out both sides, for each turn there is.
_IS_COUNTED = "CASE WHEN tokens IS NULL THEN is_counted(CAST(data AS BLOB)) ELSE 1 END"
_FAILED = (b'"finish": "error"', b'"finish": "interrupted"')
# A turn that is gone may have left its number to another conversation's.
_ITS_TURN = "key = turn AND (turn.id = entry.id OR typeof(turn.id) <> 'text')"

View: TypeAlias = Callable[[Connection, set[Lost]], _T]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConversation:
    """A conversation in the journal.

    Attributes:
        id: names this conversation and no other.
        name: what it was called.
        notebook: the path of the notebook it was held in, None where nobody told.
        changed: when it last changed, in seconds since 1970.
        turns: how many it has; a question that got no answer is not counted.
        dropped: whether it is over: reset, deleted, or going on in another one.
        superseded: whether it is the last of these.
    """

    id: str
    name: str
    notebook: str | None
    changed: float
    turns: int
    dropped: bool
    superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What turns took.

    Attributes:
        turns: how many there were; a question that got no answer is not counted.
        tokens: what those took that the server answered.
        cost: USD, as far as the server told; None where it told nothing.
        cached: how many were answered from the journal.
        saved: USD that these would have cost.
    """

    turns: int = 0
    tokens: int = 0
    cost: float | None = None
    cached: int = 0
    saved: float = 0.0


def conversations(
    db: Connection, lost: set[Lost], without: Collection[str]
) -> list[KeptConversation]:
    """Return the conversations that have turns, but for some, the latest first."""
    db.create_function("is_counted", 1, _is_counted)
    # NULL where it has no turns at all.
    rows = db.execute(
        f"SELECT id, name, notebook, changed, dropped, (SELECT sum({_IS_COUNTED}) "  # noqa: S608  words of ours
        f"FROM entry JOIN turn ON {_ITS_TURN} WHERE entry.conversation = c.id "
        "AND position IS NOT NULL AND typeof(data) = 'text'), EXISTS (SELECT 1 "
        "FROM turn WHERE conversation = c.id AND open), rowid FROM conversation AS c "
        "ORDER BY rowid DESC"
    ).fetchall()
    found: list[KeptConversation] = []
    for key, name, notebook, changed, dropped, ended, is_open, row in rows:
        if not isinstance(key, str):
            lost.add(Lost("conversation", "", row))
        elif key not in without:
            turns = _number(db, lost, key) if is_open else ended
            kept = KeptConversation(
                id=key,
                name=_name(name, key),
                notebook=_text(notebook),
                changed=_moment(changed),
                turns=turns or 0,
                dropped=dropped in (DROPPED, SUPERSEDED),
                superseded=dropped == SUPERSEDED,
            )
            found += [] if turns is None else [kept]
    return sorted(found, key=lambda kept: kept.changed, reverse=True)


def read(db: Connection, lost: set[Lost], conversation: str) -> State | None:
    """Return a conversation, with the turns that were under way when a kernel died.

    Raises:
        ApertisError: all that it has is damaged.
    """
    about = db.execute(
        "SELECT name, model, system FROM conversation WHERE id = ?", (conversation,)
    ).fetchone()
    if about is None:
        return None
    name, model, system = about
    entries, _ = _entries(db, lost, conversation)
    if lost and not entries:
        raise ApertisError(
            f"The conversation {_name(name, conversation)} cannot be read: its turns "
            "are damaged."
        )
    orders = db.execute("SELECT made FROM entry WHERE conversation = ?", [conversation])
    return State(
        id=conversation,
        name=_name(name, conversation),
        model=_text(model),
        system=_text(system),
        history=entries,
        made=max([0, *(_count(order) or 0 for (order,) in orders)]),
    )


def versions(db: Connection, lost: set[Lost], conversation: str) -> tuple[Entry, ...]:
    """Return the turns that are not in a conversation any more, the oldest first."""
    _, others = _entries(db, lost, conversation)
    return tuple(sorted(others, key=lambda entry: (entry.turn.started, entry.order)))


def answer(
    db: Connection, lost: set[Lost], fingerprint: str, since: float
) -> Turn | None:
    """Return the newest answer to that request."""
    rows = db.execute(
        "SELECT key, data FROM turn WHERE request = ? AND started >= ? AND NOT open "
        "ORDER BY started DESC",
        (fingerprint, since),
    )
    turns = (_turn(data, lost, Lost("answer", "", key)) for key, data in rows)
    return next((turn for turn in turns if turn is not None), None)


def spent(
    db: Connection, _lost: set[Lost], since: float, conversation: str | None
) -> Spent:
    """Return what turns took."""
    # What was asked once and given again was paid for once.
    names = {"tokens": "max", "cost": "max", "cached": "min", "saved": "min"}
    # What is no amount is damaged, and counts nothing.
    amounts = ", ".join(
        f"{which}(CASE WHEN typeof({name}) IN ('integer', 'real') "
        f"AND {name} BETWEEN -1e15 AND 1e15 THEN {name} END) AS {name}"
        for name, which in names.items()
    )
    db.create_function("is_counted", 1, _is_counted)
    # Where more was added to a turn, what it took then is in what it takes now.
    row = db.execute(
        "SELECT total(counted), total(tokens), sum(CASE WHEN NOT coalesce(cached, 0) "  # noqa: S608  names of ours
        "THEN cost END), count(CASE WHEN cached THEN 1 END), total(saved) "
        f"FROM (SELECT {amounts}, max({_IS_COUNTED}) AS counted "
        "FROM turn WHERE NOT open AND started >= :since "
        "AND (:conversation IS NULL OR key IN "
        f"(SELECT turn FROM entry JOIN turn ON {_ITS_TURN} "
        "WHERE entry.conversation = :conversation)) GROUP BY id)",
        {"since": since, "conversation": conversation},
    ).fetchone()
    turns, tokens, cost, cached, saved = row
    return Spent(
        turns=int(turns), tokens=int(tokens), cost=cost, cached=cached, saved=saved
    )


def counts(db: Connection, _lost: set[Lost]) -> tuple[int, int, int]:
    """Return how many conversations and turns there are, and how many rows."""
    [conversations] = db.execute(
        "SELECT count(*) FROM conversation WHERE dropped <> ?", (SUPERSEDED,)
    ).fetchone()
    db.create_function("is_counted", 1, _is_counted)
    turns, rows = db.execute(
        f"SELECT count(DISTINCT CASE WHEN {_IS_COUNTED} THEN id END), count(*) "  # noqa: S608  words of ours
        "FROM turn"
    ).fetchone()
    return conversations, turns, conversations + rows


def _is_counted(data: bytes | None) -> bool:
    """Tell whether a row is a turn of its own: not a question that got no answer."""
    if data is None or not any(finish in data for finish in _FAILED):
        return True
    try:
        return not _turn_of(json.loads(data)).nothing_came
    except (ValueError, RecursionError):
        return True


def _number(db: Connection, lost: set[Lost], conversation: str) -> int | None:
    """Return how many turns a conversation has with those under way, None for none."""
    entries, _ = _entries(db, lost, conversation)
    return sum(not e.turn.nothing_came for e in entries) if entries else None


def _entries(
    db: Connection, lost: set[Lost], conversation: str
) -> tuple[History, list[Entry]]:
    """Return the turns that a conversation has, and those that it has no more."""
    [[name]] = db.execute(
        "SELECT max(name) FROM conversation WHERE id = ?", (conversation,)
    )
    of = _name(name, conversation)
    standing: dict[str, tuple[float, Entry]] = {}
    others: list[Entry] = []
    rows = db.execute(
        "SELECT entry.id, data, made, execution, slot, position FROM entry "  # noqa: S608  words of ours
        f"LEFT JOIN turn ON {_ITS_TURN} WHERE entry.conversation = ? ORDER BY position",
        (conversation,),
    )
    for key, data, order, execution, slot, position in rows:
        turn = _turn(data, lost, Lost("turn", of, (conversation, key)))
        if turn is None:
            continue
        made = _count(order) or 0
        own = slot if isinstance(slot, str) else turn.id
        entry = Entry(turn, made, _text(execution), own)
        if position is None:
            others.append(entry)
        else:
            at = position if isinstance(position, int) else float("inf")
            standing.setdefault(turn.id, (at, entry))
    ordered = sorted(standing.values(), key=lambda each: (each[0], each[1].order))
    history = tuple(entry for _, entry in ordered)
    for turn, placement in _under_way(db, lost, conversation, of):
        before = history
        if turn.id in {entry.turn.id for entry in before}:
            history = swap(before, turn)
            continue
        history, entry = put(before, turn, placement)
        others += [*before, entry]
    ids = {entry.turn.id for entry in history}
    return history, [each for each in others if each.turn.id not in ids]


def _under_way(
    db: Connection, lost: set[Lost], conversation: str, of: str
) -> Iterator[tuple[Turn, Placement]]:
    """Give the turns that have not ended, with what had come of them."""
    rows = db.execute(
        "SELECT key, id, data, place FROM turn WHERE open AND conversation = ? "
        "ORDER BY started",
        (conversation,),
    ).fetchall()
    for key, name, data, place in rows:
        turn = _turn(data, lost, Lost("turn", of, key))
        if turn is not None:
            yield _grown(db, lost, name, turn), _placement(place)


def _placement(place: Any) -> Placement:
    """Return a turn's place; where that is damaged it comes after all others."""
    try:
        kept = mapping(json.loads(_text(place) or "{}"))
    except (ValueError, RecursionError):
        kept = {}
    cell, replaces = mapping(kept.get("cell")), _text(kept.get("replaces"))
    names = _text(cell.get("id")), _text(cell.get("execution"))
    return Placement(
        cell=Cell(names[0], names[1] or "") if names[0] else None,
        append=kept.get("append") is True,
        replaces=replaces,
        start_over=kept.get("fresh") is True,
    )


def _grown(db: Connection, lost: set[Lost], name: Any, turn: Turn) -> Turn:
    """Return *turn* with all its pieces."""
    rows = db.execute(
        "SELECT rowid, answer, kind, data FROM piece WHERE turn = ? ORDER BY rowid",
        (name,),
    )
    pieces: list[Piece] = []
    for row, number, kind, data in rows:
        piece = _piece(number, kind, data)
        if piece is None:
            lost.add(Lost("piece of an answer", "", row))
        else:
            pieces.append(piece)
    first, *others = answers_of(regrown(pieces), turn.parts) or ((),)
    later = turn.answers[1:] or others
    answers = (first, *later) if first or later else ()
    return replace(turn, finish="interrupted", answers=answers)


def _piece(answer: Any, kind: Any, data: Any) -> Piece | None:
    """Return a piece of an answer, None where it is damaged or of no known kind."""
    is_fit = isinstance(answer, int) and isinstance(data, bytes)
    if not is_fit or kind not in _TEXTS | _JSON:
        return None
    try:
        text = data.decode("utf-8", "surrogatepass")
        value = json.loads(text) if kind in _JSON else text
    except (ValueError, RecursionError):
        return None
    return Piece(answer, kind, value) if isinstance(value, str | dict) else None


def _turn(data: Any, lost: set[Lost], row: Lost) -> Turn | None:
    """Return the turn that a row holds; None where it is damaged, and lost."""
    try:
        raw = json.loads(data) if isinstance(data, str) else None
        return _turn_of(raw)
    except (ValueError, RecursionError):
        lost.add(row)
        return None


def _turn_of(raw: Any) -> Turn:
    """Read a turn.

    Raises:
        ValueError: it is none.
    """
    try:
        return Turn.from_dict(raw)
    except ValueError:  # what a server or an option gave; the texts are worth more
        known = mapping(raw)
        texts = {k: v for k, v in known.items() if isinstance(v, str)}
        answers = known.get("answers")
        own = {"answers": _readable(answers)} if isinstance(answers, list) else {}
        return Turn.from_dict({**texts, **own})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and abs(value) < _HUGE else None


def _moment(value: Any) -> float:
    """Return a time that can be shown, 1970 where it is damaged."""
    is_fit = isinstance(value, int | float) and isfinite(value)
    return min(max(float(value), 0.0), _LATEST) if is_fit else 0.0


def _name(value: Any, conversation: str) -> str:
    """Return a conversation's name, its id's beginning where that is damaged."""
    return value if isinstance(value, str) else conversation[:8]


def _readable(answers: list[Any]) -> list[list[Any]]:
    """Return answers without the parts that cannot be read."""
    return [[part for part in items(each) if _is_readable(part)] for each in answers]


def _is_readable(part: Json) -> bool:
    try:
        part_of(part)
    except ValueError:
        return False
    return True
