"""``%chat journal`` and ``%chat usage``: what is kept on disk, and what was spent."""

import time
from collections.abc import Callable, Iterable, Mapping

from apertis_magic.chat.journal.journal import Journal, Spent
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.say import publish, say
from apertis_magic.notebook.wording import counted, turns
from apertis_magic.render.footer import dollars


def journal(line: CommandLine) -> None:
    """Show the journal, or do what the word says: tell its path or size, or clear it.

    Raises:
        ApertisError: the file cannot be read, or not be cleared.
    """
    days = line.session.preferences.journal_days
    actions: Mapping[str | None, Callable[[Journal], None]] = {
        None: lambda journal: _show(journal, days),
        "path": lambda journal: say(str(journal.file)),
        "size": _size,
        "clear": _clear,
    }
    kept = line.session.journal
    if kept is None:
        say("The journal is off. %config ApertisMagic.journal = True turns it on.")
        return
    kept.flush()
    actions[line.word](kept)


def usage(line: CommandLine) -> None:
    """Show what was spent, and what the journal's answers have saved.

    Raises:
        ApertisError: the journal cannot be read.
    """
    kept = line.session.journal
    spent = _in_memory(line.session) if kept is None else _in_file(line.session, kept)
    from apertis_magic.render import bundle

    rows = {name: _in_words(each) for name, each in spent.items()}
    publish(bundle.card("What was spent", rows | _from_cache(kept), ()))
    if kept is None:
        say("The journal is off: what was replaced or taken back is not counted.")
    elif kept.problem:
        say(kept.problem)


def _in_memory(session: Session) -> dict[str, Spent]:
    current = session.current
    every = [session.conversation(name) for name in session.names]
    return {
        f"conversation {current.name}": _spent(current.turns),
        "all in this kernel": _spent(turn for each in every for turn in each.turns),
    }


def _in_file(session: Session, kept: Journal) -> dict[str, Spent]:
    kept.flush()
    current = session.current
    return {
        f"conversation {current.name}": kept.spent(conversation=current.state.id),
        "today": kept.spent(_midnight()),
        "all in the journal": kept.spent(),
    }


def _from_cache(kept: Journal | None) -> dict[str, str]:
    """Return a row for what was answered again in this kernel, if anything was."""
    if kept is None or not kept.given_again.turns:
        return {}
    again = kept.given_again
    saved = f", which saved {dollars(again.saved)}" if again.saved else ""
    return {"from the cache": f"{counted(again.turns, 'answer')} in this kernel{saved}"}


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

    publish(bundle.card("The journal", rows, ()))


def _size(journal: Journal) -> None:
    size = journal.size()
    number = counted(size.conversations, "conversation")
    say(f"{_bytes(size.bytes)}: {turns(size.turns)} in {number}.")


def _clear(journal: Journal) -> None:
    before = journal.size()
    if before.is_empty:
        say("The journal is empty.")
        return
    journal.clear()
    freed = max(before.bytes - journal.size().bytes, 0)
    number = counted(before.conversations, "conversation")
    say(
        f"Removed {turns(before.turns)} in {number} ({_bytes(freed)}) from the "
        "journal. The conversations that are open go on, and are written again at "
        "their next turn."
    )


def _spent(turns_in_memory: Iterable[Turn]) -> Spent:
    """Return what turns in memory took."""
    asked = list(turns_in_memory)
    paid = [turn for turn in asked if not turn.cached]
    costs = [turn.cost for turn in paid if turn.cost is not None]
    return Spent(
        turns=sum(not turn.nothing_came for turn in asked),
        tokens=sum(turn.usage.total_tokens or 0 for turn in paid if turn.usage),
        cost=sum(costs) if costs else None,
        cached=len(asked) - len(paid),
        saved=sum(turn.saved for turn in asked),
    )


def _in_words(spent: Spent) -> str:
    if not spent.turns:
        return "nothing yet"
    parts = [turns(spent.turns), f"{spent.tokens:,} tokens"]
    if spent.cost is not None:
        parts.append(dollars(spent.cost))
    elif spent.cached < spent.turns:
        parts.append("the server told no cost")
    if spent.cached:
        saved = f", which saved {dollars(spent.saved)}" if spent.saved else ""
        parts.append(f"{spent.cached} of them from the cache{saved}")
    return " · ".join(parts)


def _midnight() -> float:
    """Return when this day began on this machine, in seconds since 1970."""
    day = time.localtime()
    return time.mktime((day.tm_year, day.tm_mon, day.tm_mday, 0, 0, 0, 0, 0, -1))


def _bytes(number: int) -> str:
    for unit, size in (("MB", 1_000_000), ("KB", 1_000)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
