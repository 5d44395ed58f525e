"""What the journal's rows tell: conversations, turns under way, versions and sums.

All take a connection to a file that ``file.py`` has opened.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from sqlite3 import Connection
from typing import Any

from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.growth import CALL, SOURCE, Piece, regrown
from apertis_magic.chat.history import Entry, History, Placement, put, swap
from apertis_magic.chat.journal.rows import SUPERSEDED
from apertis_magic.chat.parts import part_of
from apertis_magic.chat.received import answers_of
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConversation:
    """A conversation in the journal.

    Attributes:
        id: names this conversation and no other.
        name: what it was called.
        notebook: the path of the notebook it was held in, None where nobody told.
        changed: when it last changed, in seconds since 1970.
        turns: how many it has.
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
        turns: how many there were.
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


def conversations(db: Connection, without: Collection[str]) -> list[KeptConversation]:
    """Return the conversations that have turns, but for some, the latest first."""
    rows = db.execute(
        "SELECT id, name, notebook, changed, dropped, (SELECT count(*) FROM entry "
        "WHERE conversation = c.id AND position IS NOT NULL), EXISTS (SELECT 1 "
        "FROM turn WHERE conversation = c.id AND open) FROM conversation AS c "
        "ORDER BY changed DESC, rowid DESC"
    ).fetchall()
    return [
        KeptConversation(
            id=key,
            name=name,
            notebook=notebook,
            changed=changed,
            turns=turns,
            dropped=bool(dropped),
            superseded=dropped == SUPERSEDED,
        )
        for key, name, notebook, changed, dropped, ended, is_open in rows
        if key not in without
        and (turns := len(_entries(db, key)[0]) if is_open else ended)
    ]


def read(db: Connection, conversation: str) -> State | None:
    """Return a conversation, with the turns that were under way when a kernel died."""
    about = db.execute(
        "SELECT name, model, system FROM conversation WHERE id = ?", (conversation,)
    ).fetchone()
    if about is None:
        return None
    name, model, system = about
    entries, _ = _entries(db, conversation)
    [made] = db.execute(
        "SELECT coalesce(max(made), 0) FROM entry WHERE conversation = ?",
        (conversation,),
    ).fetchone()
    return State(
        id=conversation,
        name=name,
        model=model,
        system=system,
        history=entries,
        made=made,
    )


def versions(db: Connection, conversation: str) -> tuple[Entry, ...]:
    """Return the turns that are not in a conversation any more, the oldest first."""
    _, others = _entries(db, conversation)
    return tuple(sorted(others, key=lambda entry: (entry.turn.started, entry.order)))


def answer(db: Connection, fingerprint: str, since: float) -> Turn | None:
    """Return the newest answer to that request."""
    row = db.execute(
        "SELECT data FROM turn WHERE request = ? AND started >= ? AND NOT open "
        "ORDER BY started DESC LIMIT 1",
        (fingerprint, since),
    ).fetchone()
    return _turn(row[0]) if row else None


def spent(db: Connection, since: float, conversation: str | None) -> Spent:
    """Return what turns took."""
    # Where more was added to a turn, what it took then is in what it takes now.
    row = db.execute(
        "SELECT count(*), coalesce(sum(tokens), 0), "
        "sum(CASE WHEN NOT cached THEN cost END), "
        "coalesce(sum(cached), 0), coalesce(sum(saved), 0.0) FROM (SELECT "
        "max(tokens) AS tokens, max(cost) AS cost, max(cached) AS cached, "
        "max(saved) AS saved FROM turn WHERE NOT open AND started >= :since "
        "AND (:conversation IS NULL OR key IN "
        "(SELECT turn FROM entry WHERE conversation = :conversation)) GROUP BY id)",
        {"since": since, "conversation": conversation},
    ).fetchone()
    turns, tokens, cost, cached, saved = row
    return Spent(turns=turns, tokens=int(tokens), cost=cost, cached=cached, saved=saved)


def counts(db: Connection) -> tuple[int, int]:
    """Return how many conversations and turns there are."""
    [conversations] = db.execute(
        "SELECT count(*) FROM conversation WHERE dropped <> ?", (SUPERSEDED,)
    ).fetchone()
    [turns] = db.execute("SELECT count(DISTINCT id) FROM turn").fetchone()
    return conversations, turns


def _entries(db: Connection, conversation: str) -> tuple[History, list[Entry]]:
    """Return the turns that a conversation has, and those that it has no more."""
    rows = db.execute(
        "SELECT data, made, execution, slot, position FROM entry "
        "JOIN turn ON key = turn WHERE entry.conversation = ? ORDER BY position",
        (conversation,),
    )
    standing: list[Entry] = []
    others: list[Entry] = []
    for data, order, execution, slot, position in rows:
        entry = Entry(_turn(data), order, execution, slot)
        (others if position is None else standing).append(entry)
    history = tuple(standing)
    for turn, placement in _under_way(db, conversation):
        before = history
        if turn.id in {entry.turn.id for entry in before}:
            history = swap(before, turn)
            continue
        history, entry = put(before, turn, placement)
        others += [*before, entry]
    ids = {entry.turn.id for entry in history}
    return history, [each for each in others if each.turn.id not in ids]


def _under_way(db: Connection, conversation: str) -> Iterator[tuple[Turn, Placement]]:
    """Give the turns that have not ended, with what had come of them."""
    rows = db.execute(
        "SELECT id, data, place FROM turn WHERE open AND conversation = ? "
        "ORDER BY started",
        (conversation,),
    ).fetchall()
    for turn, data, place in rows:
        kept = json.loads(place)
        placement = Placement(
            cell=Cell(**kept["cell"]) if kept["cell"] else None,
            append=kept["append"],
            replaces=kept["replaces"],
            start_over=kept["fresh"],
        )
        yield _grown(db, turn, _turn(data)), placement


def _grown(db: Connection, name: str, turn: Turn) -> Turn:
    """Return *turn* with all its pieces."""
    rows = db.execute(
        "SELECT answer, kind, data FROM piece WHERE turn = ? ORDER BY rowid", (name,)
    )
    choices = regrown(Piece(n, kind, _value(kind, data)) for n, kind, data in rows)
    first, *others = answers_of(choices, turn.parts) or ((),)
    answers = (first, *(turn.answers[1:] or others)) if first or others else ()
    return replace(turn, finish="interrupted", answers=answers)


def _value(kind: str, data: bytes) -> Any:
    text = data.decode("utf-8", "surrogatepass")
    return json.loads(text) if kind in (CALL, SOURCE) else text


def _turn(data: str) -> Turn:
    raw = json.loads(data)
    try:
        return Turn.from_dict(raw)
    except ValueError:  # what a server or an option gave; the texts are worth more
        known = mapping(raw)
        texts = {k: v for k, v in known.items() if isinstance(v, str)}
        answers = known.get("answers")
        own = {"answers": _readable(answers)} if isinstance(answers, list) else {}
        return Turn.from_dict({**texts, **own})


def _readable(answers: list[Any]) -> list[list[Any]]:
    """Return answers without the parts that cannot be read."""
    return [[part for part in items(each) if _is_readable(part)] for each in answers]


def _is_readable(part: Json) -> bool:
    try:
        part_of(part)
    except ValueError:
        return False
    return True
