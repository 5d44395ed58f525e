"""``%chat journal`` and ``%chat usage``: what is kept on disk, and what was spent."""

import time
from collections.abc import Callable, Iterable, Mapping

from IPython.core.error import UsageError
from IPython.display import display

from apertis_magic.chat.journal.journal import Journal, Spent
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import redact
from apertis_magic.errors import ApertisError
from apertis_magic.notebook.line import say, turns
from apertis_magic.render.footer import dollars

_PATIENCE = 5.0
"""Seconds that the journal has to write what it was handed."""


def run(session: Session, action: str) -> None:
    """Show the journal, or do what a ``%chat journal`` line says.

    Args:
        session: whose journal.
        action: nothing, ``path``, ``size`` or ``clear``.

    Raises:
        UsageError: it is anything else.
        ApertisError: the file cannot be read, or not be cleared.
    """
    actions: Mapping[str, Callable[[Journal], None]] = {
        "": lambda journal: _show(journal, session.preferences.journal_days),
        "path": lambda journal: say(str(journal.file)),
        "size": _size,
        "clear": _clear,
    }
    if action not in actions:
        raise UsageError(
            f"%chat journal takes nothing, path, size or clear, not {redact(action)!r}."
        )
    journal = session.journal
    if journal is None:
        say("The journal is off. %config ApertisMagic.journal = True turns it on.")
        return
    journal.flush(_PATIENCE)
    actions[action](journal)


def usage(session: Session, rest: str) -> None:
    """Show what was spent, and what the journal's answers have saved.

    Raises:
        UsageError: the line is wrong.
        ApertisError: the journal cannot be read.
    """
    if rest:
        raise UsageError(f"%chat usage takes nothing more, not {redact(rest)!r}.")
    talk, journal = session.current, session.journal
    if journal is None:
        talks = [session.conversation(name) for name in session.names]
        rows = {
            f"conversation {talk.name}": _of(talk.turns),
            "all in this kernel": _of(turn for each in talks for turn in each.turns),
        }
    else:
        journal.flush(_PATIENCE)
        rows = {
            f"conversation {talk.name}": journal.spent(conversation=talk.state.id),
            "today": journal.spent(_midnight()),
            "all in the journal": journal.spent(),
        }
    from apertis_magic.render import bundle

    told = {name: _told(spent) for name, spent in rows.items()}
    display(bundle.card("What was spent", told, ()), raw=True)
    if journal is None:
        say("The journal is off: what was replaced or taken back is not counted.")
    elif journal.problem:
        say(journal.problem)


def _show(journal: Journal, days: float) -> None:
    rows = {"file": str(journal.file), "problem": journal.problem}
    try:
        size = journal.size()
        rows["size"] = _bytes(size.bytes)
        rows["conversations"] = f"{size.conversations:,}"
        rows["turns"] = f"{size.turns:,}, earlier versions included"
    except ApertisError as error:
        rows["problem"] = rows["problem"] or str(error)
    rows["kept for"] = f"{days:g} days" if days else "ever"
    if not rows["problem"]:
        del rows["problem"]
    from apertis_magic.render import bundle

    display(bundle.card("The journal", rows, ()), raw=True)


def _size(journal: Journal) -> None:
    size = journal.size()
    talks = _talks(size.conversations)
    say(f"{_bytes(size.bytes)}: {turns(size.turns)} in {talks}.")


def _clear(journal: Journal) -> None:
    before = journal.size()
    if not before.turns and not before.conversations:
        say("The journal is empty.")
        return
    journal.clear()
    freed = max(before.bytes - journal.size().bytes, 0)
    say(
        f"Removed {turns(before.turns)} in {_talks(before.conversations)} "
        f"({_bytes(freed)}) from the journal. The conversations that are open go on, "
        "and are written again at their next turn."
    )


def _of(told: Iterable[Turn]) -> Spent:
    """Return what turns in memory took."""
    asked = list(told)
    paid = [turn for turn in asked if not turn.cached]
    costs = [turn.cost for turn in paid if turn.cost is not None]
    return Spent(
        turns=len(asked),
        tokens=sum(turn.usage.total_tokens or 0 for turn in paid if turn.usage),
        cost=sum(costs) if costs else None,
        cached=len(asked) - len(paid),
        saved=sum(turn.saved for turn in asked),
    )


def _told(spent: Spent) -> str:
    if not spent.turns:
        return "nothing yet"
    told = [turns(spent.turns), f"{spent.tokens:,} tokens"]
    if spent.cost is not None:
        told.append(dollars(spent.cost))
    elif spent.cached < spent.turns:
        told.append("the server told no cost")
    if spent.cached:
        saved = f", which saved {dollars(spent.saved)}" if spent.saved else ""
        told.append(f"{spent.cached} of them from the cache{saved}")
    return " · ".join(told)


def _midnight() -> float:
    """Return when this day began on this machine, in seconds since 1970."""
    day = time.localtime()
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))


def _talks(number: int) -> str:
    return f"{number} conversation" if number == 1 else f"{number} conversations"


def _bytes(number: int) -> str:
    for unit, size in (("MB", 1_000_000), ("KB", 1_000)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
