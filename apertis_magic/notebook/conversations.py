"""Which conversations there are: made, chosen, renamed, forked, deleted, restored."""

import time
from collections.abc import Sequence
from pathlib import Path

from IPython.core.error import UsageError
from IPython.display import display

from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.journal.journal import KeptConversation
from apertis_magic.chat.restoring import SHORT_ID
from apertis_magic.chat.session import Session
from apertis_magic.clean import quoted
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.notebook.line import excerpt, listed, read, read_name, say, turns
from apertis_magic.render.footer import dollars

_MOST_KEPT = 10
"""Conversations of the journal that are listed unasked."""


def new(session: Session, rest: str) -> None:
    """Make a conversation, or have one of that name start over, and use it."""
    name, _ = read_name("new", rest)
    before, dropped = session.current.name, _number(session, name)
    talk = session.new(name)
    _say_dropped(session, talk.name, dropped)
    if talk.name != before:
        say(f"{talk.name}: {_is_current(before, 'a new conversation')}")
    elif not dropped:
        say(f"{talk.name} starts from the defaults.")


def use(session: Session, rest: str) -> None:
    """Make another conversation the current one."""
    name = _needed("use", rest, session)
    before = session.current.name
    talk = find(session, name)
    if name == before:
        say(f"{name} is the current conversation already, {turns(len(talk.turns))}.")
        return
    session.use(name)
    say(f"{name}: {_is_current(before, turns(len(talk.turns)))}")


def rename(session: Session, rest: str) -> None:
    """Call the current conversation something else."""
    name, _ = read_name("rename", rest)
    before = session.current.name
    if name is None:
        raise UsageError(f"%chat rename needs a new name for {before}.")
    if name == before:
        say(f"It is called {name} already.")
        return
    session.rename(name)
    say(f"{before} is called {name} now. %chat rename {quoted(before)} goes back.")


def delete(session: Session, rest: str) -> None:
    """Forget a conversation, which the journal may bring back."""
    name = _needed("delete", rest, session)
    find(session, name)
    before = session.current.name
    gone = session.delete(name)
    number = len(gone.turns)
    way = back(session, name, min(number, 1))
    now = session.current.name
    moved = f" {now} is the current conversation now." if now != before else ""
    say(f"Deleted {name} ({turns(number)}).{way}{moved}")


def fork(session: Session, rest: str) -> None:
    """Go on in a conversation that shares the turns so far."""
    name, _ = read_name("fork", rest)
    before = session.current
    if name == before.name:
        use(session, rest)
        return
    dropped = _number(session, name)
    forked = session.fork(name)
    _say_dropped(session, forked.name, dropped)
    number = turns(len(forked.turns))
    about = _is_current(before.name, f"forked from {before.name} with {number}")
    say(f"{forked.name}: {about}")


def show_all(session: Session, rest: str) -> None:
    """List the conversations, and what the journal holds besides."""
    _, flags = read("list", rest, "--all", most=0)
    display(_table(session), raw=True)
    try:
        kept = session.restorable
    except ApertisError as error:
        say(str(error))
        return
    if kept:
        shown = kept if flags else kept[:_MOST_KEPT]
        display(_kept_table(shown, len(kept) - len(shown)), raw=True)


def restore(session: Session, rest: str) -> None:
    """Bring a conversation back from the journal."""
    name, _ = read_name("restore", rest)
    if (
        name is None
        and session.journal is not None
        and session.to_restore(None) is None
    ):
        say(f"There is nothing more of this notebook to restore.{_others(session)}")
        return
    talk, kept = session.restore(name)
    if kept is None:
        number = turns(len(talk.turns))
        say(f"{talk.name} is here, and current, with {number}: nothing to restore.")
        return
    ago = moment(kept.changed)
    origin = f", from {Path(kept.notebook).name}" if kept.notebook else ""
    broken = sum(1 for turn in talk.turns if turn.finish == "interrupted")
    was = "was" if broken == 1 else "were"
    cut = f"; {broken} {was} cut off in mid-answer" if broken else ""
    is_more = len(talk.turns) > kept.turns
    whole = f" It has {turns(len(talk.turns))} now." if is_more else ""
    say(
        f"{talk.name}: {turns(kept.turns)} restored, last changed {ago}{origin}{cut}."
        f"{whole} Cells that run again replace their turns.{_others(session)}"
    )


def find(session: Session, name: str | None) -> Conversation:
    """Return the conversation of that name, None for the current one.

    Raises:
        ConfigurationError: there is none; it says where there is one to restore.
    """
    try:
        return session.find(name)
    except ConfigurationError as error:
        try:
            is_kept = name in [kept.name for kept in session.restorable]
        except ApertisError:
            is_kept = False
        if is_kept and name is not None:
            error.hint = f"%chat restore {quoted(name)} brings it back."
        raise


def back(session: Session, name: str, number: int) -> str:
    """Return a sentence on how so many turns that were dropped come back."""
    if not number:
        return ""
    journal, what = session.journal, "it" if number == 1 else "them"
    if journal is not None and not journal.problem:
        return f" %chat restore {quoted(name)} brings {what} back."
    why = "is off" if journal is None else "cannot be written"
    return f" {'It is' if number == 1 else 'They are'} gone: the journal {why}."


def moment(seconds: float) -> str:
    """Return a moment, in seconds since 1970, by this machine's clock."""
    then = time.localtime(seconds)
    day = time.strftime("%Y-%m-%d", then)
    is_today = day == time.strftime("%Y-%m-%d")
    return f"{'today' if is_today else day} {time.strftime('%H:%M', then)}"


def _is_current(before: str, what: str) -> str:
    way = f"%chat use {quoted(before)} goes back."
    return f"{what}; it is the current conversation now. {way}"


def _number(session: Session, name: str | None) -> int:
    """Return how many turns the conversation of that name has, if there is one."""
    return len(session.conversation(name).turns) if name in session.names else 0


def _say_dropped(session: Session, name: str, number: int) -> None:
    if number:
        way = back(session, name, number)
        say(f"{name} starts over; {turns(number)} dropped.{way}")


def _needed(command: str, rest: str, session: Session) -> str:
    name, _ = read_name(command, rest)
    if name is None:
        raise UsageError(f"%chat {command} needs a name: {listed(session.names)}.")
    return name


def _others(session: Session) -> str:
    """Return a sentence on what else the journal could bring back."""
    names = [quoted(kept.name) for kept in session.restorable]
    if not names:
        return ""
    return f" The journal also holds {listed(names)}; see %chat list."


def _table(session: Session) -> dict[str, str]:
    from apertis_magic.render import table

    current, rows = session.current.name, []
    for name in session.names:
        talk = session.conversation(name)
        told = talk.turns
        costs = [turn.cost for turn in told if turn.cost is not None]
        tokens = sum(turn.usage.total_tokens or 0 for turn in told if turn.usage)
        last = talk.transcript.last_asked
        rows.append(
            (
                f"{'*' if name == current else ' '} {name}",
                str(len(told)),
                f"{tokens:,}",
                dollars(sum(costs)) if costs else "",
                talk.model or "",
                excerpt(last.prompt, 50) if last else "",
            )
        )
    return table.table(
        ("  conversation", "turns", "tokens", "cost", "model", "last question"),
        rows,
        words=("model", "last question"),
        note="* is the current one.",
    )


def _kept_table(kept: Sequence[KeptConversation], more: int) -> dict[str, str]:
    from apertis_magic.render import table

    rows = [
        (
            each.name,
            str(each.turns),
            moment(each.changed),
            Path(each.notebook).name if each.notebook else "",
            each.id[:SHORT_ID],
        )
        for each in kept
    ]
    others = f" {more} more: %chat list --all." if more else ""
    return table.table(
        ("in the journal", "turns", "changed", "notebook", "id"),
        rows,
        words=("notebook",),
        note=f"%chat restore NAME, or ID, brings one back.{others}",
    )
