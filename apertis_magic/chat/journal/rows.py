"""What is written to the journal's rows: questions, growing answers, conversations.

All take a connection to a file that ``file.py`` has opened.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from sqlite3 import Connection
from time import time
from typing import Any, TypeAlias
from uuid import uuid4

from apertis_magic.chat.growth import Piece
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.journal.faults import is_outside
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend
from apertis_magic.credentials import without_keys

DROPPED, SUPERSEDED = 1, 2
"""Marks of a conversation that is over, and of one that is another's beginning."""
_LARGEST = 1_000_000
"""Characters in an answer that is given again for the same request, at the most."""


Place: TypeAlias = tuple[int | None, Entry]
"""An entry with its position, None for a version."""

_EAGER = 16
"""Tries after which what is refused is tried ever more seldom."""


@dataclass(frozen=True, slots=True)
class Known:
    """What this process knows of a conversation in the file.

    Attributes:
        number: the higher, the later the state that was written.
        revision: the conversation's; where it is another by now, so are its entries.
        entries: those that stand there with their positions, by turn.
        ids: the turns that the conversation had then, those that were refused too.
    """

    number: int
    revision: str
    entries: Mapping[str, Place]
    ids: Collection[str]


@dataclass(slots=True)
class Written:
    """What a process has written to the file, and what SQLite refused.

    Attributes:
        known: what need not be written again, by the conversation's id.
        refused: how often a turn was refused, and why, by its id.
    """

    known: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, tuple[int, Exception]] = field(default_factory=dict)


def is_due(tries: int) -> bool:
    """Tell whether what was refused so often is worth a try once more."""
    return tries < _EAGER or not tries & (tries - 1)


def begin(
    db: Connection,
    _written: Written,
    state: State | None,
    turn: Turn,
    placement: Placement,
    notebook: str | None,
) -> None:
    """Write a question that is about to be sent."""
    conversation = state.id if state else None
    if state is not None:
        _write_conversation(db, state, notebook)
    _end(db, turn.id)
    db.execute(
        "INSERT INTO turn (id, started, open, conversation, place, data) "
        "VALUES (?, ?, 1, ?, ?, ?)",
        (
            turn.id,
            turn.started,
            conversation,
            _place(placement),
            _json(turn),
        ),
    )


def grow(db: Connection, _written: Written, turn: str, pieces: Sequence[Piece]) -> None:
    """Write what an answer has grown by."""
    rows = [(turn, each.answer, each.kind, _bytes(each.value)) for each in pieces]
    db.executemany("INSERT INTO piece VALUES (?, ?, ?, ?)", rows)


def keep(
    db: Connection,
    written: Written,
    state: State,
    entry: Entry | None,
    fingerprint: str | None,
    notebook: str | None,
    number: int,
) -> Exception | None:
    """Write a conversation as it is now, and the turn that has just ended.

    A later state has a higher number. A turn that SQLite refuses does not cost the
    others; why it was refused is returned.
    """
    ids = {each.turn.id for each in state.history}
    turns: list[Place] = [(n, each) for n, each in enumerate(state.history)]
    if entry is not None and entry.turn.id not in ids:
        turns.append((None, entry))
    known = written.known.get(state.id)
    if known is not None and known.number > number:  # this one was refused meanwhile
        late = [(n, e) for n, e in turns if n is None and e.turn.id not in known.ids]
        return _write_entries(db, written, state.id, late, entry, fingerprint)[1]
    _write_conversation(db, state, notebook)
    before = _before(db, known, state.id)
    gone = [(state.id, name) for name in before if name not in ids]
    db.executemany(
        "UPDATE entry SET position = NULL WHERE conversation = ? AND id = ?", gone
    )
    if entry is not None:
        _end(db, entry.turn.id)
    due = [(n, e) for n, e in turns if before.get(e.turn.id) != (n, e)]
    refused, why = _write_entries(db, written, state.id, due, entry, fingerprint)
    taken = ids - refused
    stand = {e.turn.id: (n, e) for n, e in turns if e.turn.id in taken}
    stand |= {name: before[name] for name in refused & before.keys()}
    revision = uuid4().hex
    db.execute(
        "UPDATE conversation SET revision = ? WHERE id = ?", (revision, state.id)
    )
    written.known[state.id] = Known(number, revision, stand, ids)
    return why


def _before(
    db: Connection, known: Known | None, conversation: str
) -> Mapping[str, Place]:
    """Return the entries that stand in the file with their positions, by turn.

    Where another process has changed them, none stands there any more.
    """
    [revision] = db.execute(
        "SELECT revision FROM conversation WHERE id = ?", (conversation,)
    ).fetchone()
    if known is not None and known.revision == revision:
        return known.entries
    db.execute(
        "UPDATE entry SET position = NULL WHERE conversation = ?", (conversation,)
    )
    return {}


def keep_alone(
    db: Connection, _written: Written, turn: Turn, fingerprint: str | None
) -> None:
    """Write a turn that is in no conversation."""
    _end(db, turn.id)
    _write_turn(db, turn, fingerprint)


def inherit(db: Connection, _written: Written, conversation: str, origin: str) -> None:
    """Have all that was asked in *origin* be known in *conversation* too.

    What does not stand there is a version.
    """
    db.execute(
        "INSERT OR IGNORE INTO entry SELECT ?, id, turn, slot, NULL, made, execution "
        "FROM entry WHERE conversation = ?",
        (conversation, origin),
    )


def drop(
    db: Connection,
    written: Written,
    conversation: str,
    *,
    superseded: bool,
    number: int,
) -> None:
    """Mark a conversation as one that is over, or goes on in another."""
    known = written.known.get(conversation)
    if known is not None and known.number > number:
        return
    written.known[conversation] = Known(number, "", {}, ())
    mark = SUPERSEDED if superseded else DROPPED
    db.execute("UPDATE conversation SET dropped = ? WHERE id = ?", (mark, conversation))


def clear(db: Connection, written: Written) -> None:
    """Remove everything."""
    written.known.clear()
    written.refused.clear()
    for table in ("conversation", "turn", "entry", "piece"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608  names of ours


def _write_conversation(db: Connection, state: State, notebook: str | None) -> None:
    db.execute(
        "INSERT INTO conversation VALUES (?, ?, ?, ?, ?, ?, 0, NULL) ON CONFLICT (id) "
        "DO UPDATE SET name = excluded.name, notebook = excluded.notebook, "
        "model = excluded.model, system = excluded.system, "
        "changed = excluded.changed, dropped = 0",
        (
            state.id,
            mend(state.name),
            notebook and mend(notebook),
            state.model and mend(state.model),
            _system(state),
            time(),
        ),
    )


def _system(state: State) -> str | None:
    """Return the system prompt, without a key unless that was sent."""
    if state.system is None:
        return None
    sent = any(t.question.anyway and t.system == state.system for t in state.turns)
    return mend(state.system) if sent else str(without_keys(mend(state.system)))


def _write_entries(
    db: Connection,
    written: Written,
    conversation: str,
    places: Iterable[Place],
    ended: Entry | None,
    fingerprint: str | None,
) -> tuple[set[str], Exception | None]:
    """Write entries at their positions; return which turns were refused, and why."""
    names: set[str] = set()
    why: Exception | None = None
    for position, entry in places:
        name = entry.turn.id
        own = fingerprint if ended and entry.turn is ended.turn else None
        tries, error = written.refused.pop(name, (0, None))
        if error is None or is_due(tries):
            error = _refusal(db, conversation, entry, position, own)
        if error is not None:
            written.refused[name] = tries + 1, error
            names.add(name)
            why = why or error
    return names, why


def _refusal(
    db: Connection,
    conversation: str,
    entry: Entry,
    position: int | None,
    fingerprint: str | None,
) -> Exception | None:
    """Write an entry whole or not at all; return why SQLite refused it, if it did."""
    db.execute("SAVEPOINT entry")
    try:
        _write_entry(db, conversation, entry, position, fingerprint)
    except Exception as error:
        if is_outside(error) or not db.in_transaction:
            raise
        db.execute("ROLLBACK TO entry")
        return error
    finally:
        if db.in_transaction:
            db.execute("RELEASE entry")
    return None


def _write_entry(
    db: Connection,
    conversation: str,
    entry: Entry,
    position: int | None,
    fingerprint: str | None,
) -> None:
    name = conversation, entry.turn.id
    before = db.execute(
        "SELECT turn FROM entry WHERE conversation = ? AND id = ?", name
    ).fetchone()
    key = _write_turn(db, entry.turn, fingerprint)
    execution = entry.execution and mend(entry.execution)
    db.execute(
        "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*name, key, entry.slot, position, entry.order, execution),
    )
    if before not in (None, (key,)):
        # What the turn was before: of use to conversations that share it, or as the
        # answer to a request.
        db.execute(
            "DELETE FROM turn WHERE key = ? AND request IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM entry WHERE turn = key)",
            before,
        )


def _write_turn(db: Connection, turn: Turn, fingerprint: str | None) -> int:
    """Write a turn that has ended, unless it is there; return its key."""
    data = _json(turn)
    found = db.execute(
        "SELECT key FROM turn WHERE id = ? AND NOT open AND data = ?", (turn.id, data)
    ).fetchone()
    if found is not None:
        return int(found[0])
    tokens = turn.usage.total_tokens if turn.usage and not turn.cached else None
    written = db.execute(
        "INSERT INTO turn (id, started, open, request, tokens, cost, saved, cached, "
        "data) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)",
        (
            turn.id,
            turn.started,
            fingerprint if _is_whole(turn) else None,
            tokens if tokens is None else float(tokens),
            turn.cost,
            turn.saved,
            turn.cached,
            data,
        ),
    )
    return int(written.lastrowid or 0)


def _end(db: Connection, turn: str) -> None:
    """Have a turn be under way no more, whichever conversation it was asked in."""
    db.execute("DELETE FROM piece WHERE turn = ?", (turn,))
    db.execute("DELETE FROM turn WHERE id = ? AND open", (turn,))


def _is_whole(turn: Turn) -> bool:
    """Tell whether an answer may be given again for the same request."""
    ended = turn.finish in ("stop", "length") and not turn.error
    fits = turn.is_answered and len(turn.text) <= _LARGEST
    return ended and fits and not (turn.malformed or turn.fallback or turn.cached)


def _place(placement: Placement) -> str:
    """Return a placement as JSON, whose names are those of the file's schema."""
    place = asdict(placement)
    return json.dumps(place | {"fresh": place.pop("start_over")})


def _json(turn: Turn) -> str:
    return json.dumps(turn.to_dict(), default=str)


def _bytes(value: Any) -> bytes:
    """Return a piece's value as bytes: half a character may stand at a text's end."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("utf-8", "surrogatepass")
