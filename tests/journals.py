"""What the journal's tests share: turns, states, and what is in the files."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from turns import turn_of

from apertis_magic.chat import history
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State
from apertis_magic.chat.transcript import Transcript
from apertis_magic.chat.turn import Turn

PATIENCE = 60.0
_moments = count(1)
_OF_QUESTION = {
    "prompt": "typed",
    "attachments": "attachments",
    "options": "fields",
    "last_turns": "last_turns",
}
"""What tests call the parts of a turn's question."""


def answered(text: str = "an answer", **fields: Any) -> Turn:
    """Return a whole turn that was asked after the one before."""
    asked = {
        name: fields.pop(old) for old, name in _OF_QUESTION.items() if old in fields
    }
    others = {"finish": "stop", "started": float(next(_moments)), **fields}
    return turn_of(question=Question(**{"typed": "x", **asked}), text=text, **others)


def after(
    state: State, turn: Turn, placement: Placement | None = None
) -> tuple[State, Entry]:
    """Return a conversation with one turn more, and the turn's entry."""
    entries, entry = history.put(state.history, turn, placement or Placement())
    return replace(state, history=entries), entry


def taken_up(state: State, journal: Journal | None = None) -> Conversation:
    """Return a conversation that goes on with *state*, under its id."""
    conversation = Conversation()
    conversation.transcript = Transcript(state, journal)
    conversation.transcript.keep()
    return conversation


def talk(*texts: str, name: str = "main") -> State:
    """Return a conversation with these answers."""
    state = State(name=name)
    for text in texts:
        state, _ = after(state, answered(text))
    return state


def saved(journal: Journal, state: State) -> bool:
    """Tell whether the file holds just that conversation, once all is written."""
    journal.flush(PATIENCE)
    return journal.read(state.id) == state


def query(file: Path, statement: str, *values: object) -> list[Any]:
    """Run a statement on a file, whoever else has it open, and return the rows."""
    with closing(sqlite3.connect(file, PATIENCE, isolation_level=None)) as db:
        return db.execute(statement, values).fetchall()


def check(file: Path) -> str:
    """Return SQLite's verdict on a file: ``ok`` for a sound one."""
    [[verdict]] = query(file, "PRAGMA integrity_check")
    return str(verdict)


def is_one_line(problem: str) -> bool:
    """Tell whether *problem* is what a user is told: something, in one line."""
    return bool(problem.strip()) and len(problem.splitlines()) == 1
