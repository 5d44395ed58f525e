"""Which conversations there are: made, chosen, renamed, forked, deleted, restored."""

import time
from collections.abc import Sequence
from pathlib import Path

from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.journal.journal import KeptConversation
from apertis_magic.chat.restoring import SHORT_ID
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import excerpt, quoted
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.front_end import FrontEnd
from apertis_magic.notebook.say import publish, say
from apertis_magic.notebook.wording import counted, listed, turns
from apertis_magic.render.footer import dollars

_MOST_KEPT = 10
"""Conversations of the journal that are listed unasked."""


def new(line: CommandLine) -> None:
    """Make a conversation, or have one of that name start over, and use it."""
    session, name = line.session, line.word
    before, dropped = session.current.name, _number_of_turns(session, name)
    conversation = session.new(name)
    _say_dropped(session, conversation.name, dropped)
    if conversation.name != before:
        say(f"{conversation.name}: {_is_current(before, 'a new conversation')}")
    elif not dropped:
        say(f"{conversation.name} starts from the defaults.")


def use(line: CommandLine) -> None:
    """Make another conversation the current one."""
    _use(line.session, line.words[0])


def _use(session: Session, name: str) -> None:
    before = session.current.name
    number = turns(find(session, name).state.count)
    if name == before:
        say(f"{name} is the current conversation already, {number}.")
        return
    session.use(name)
    say(f"{name}: {_is_current(before, number)}")


def rename(line: CommandLine) -> None:
    """Call the current conversation something else."""
    session, name = line.session, line.words[0]
    before = session.current.name
    if name == before:
        say(f"It is called {name} already.")
        return
    session.rename(name)
    say(f"{before} is called {name} now. %chat rename {quoted(before)} goes back.")


def delete(line: CommandLine) -> None:
    """Forget a conversation, which the journal may bring back."""
    session, name = line.session, line.words[0]
    find(session, name)
    before = session.current.name
    dropped = session.delete(name).turns
    way = back(session, name, min(len(dropped), 1))
    now = session.current.name
    moved = f" {now} is the current conversation now." if now != before else ""
    say(f"Deleted {name} ({in_words(dropped)}).{way}{moved}")


def fork(line: CommandLine) -> None:
    """Go on in a conversation that shares the turns so far."""
    session, name = line.session, line.word
    before = session.current
    if name == before.name:
        _use(session, before.name)
        return
    dropped = _number_of_turns(session, name)
    forked = session.fork(name)
    _say_dropped(session, forked.name, dropped)
    number = turns(forked.state.count)
    about = _is_current(before.name, f"forked from {before.name} with {number}")
    say(f"{forked.name}: {about}")


def show_all(line: CommandLine) -> None:
    """List the conversations, and what the journal holds besides."""
    session = line.session
    publish(_table(session))
    try:
        kept = session.restorable
    except ApertisError as error:
        say(str(error))
        return
    if kept:
        _show_kept(session, kept if line.flags else kept[:_MOST_KEPT], len(kept))


def restore(line: CommandLine) -> None:
    """Bring a conversation back from the journal."""
    session, name = line.session, line.word
    is_missing = session.journal is not None and session.to_restore(name) is None
    if name is None and is_missing:
        _list_others(session)
        return
    known = {turn.id for each in session.names for turn in session.find(each).turns}
    conversation, kept = session.restore(name)
    restored = [turn for turn in conversation.turns if turn.id not in known]
    count = conversation.state.count
    number = turns(count)
    if kept is None:
        say(
            f"{conversation.name} is here, and current, with {number}: "
            "nothing to restore."
        )
        return
    whole = f" It has {number} now." if count > kept.turns else ""
    cells = _cells(line.asker.front_end)
    say(
        f"{conversation.name}: {_restored(restored, kept)}.{whole}{cells}"
        f"{_others(session)}"
    )


def _cells(front_end: FrontEnd) -> str:
    """Return what cells that run again do to the turns that have come back."""
    if front_end.cell is None:
        return " Cells that run again add turns: the front end tells no cell's id."
    again = " Cells that run again replace their turns"
    if front_end.ids_last:
        return f"{again}."
    return f"{again}, by their questions: one that was edited meanwhile adds a turn."


def _list_others(session: Session) -> None:
    """Say that there is nothing of this notebook, and list what else there is."""
    kept = session.restorable
    if kept and session.preferences.notebook is None:
        say("Nothing tells which notebook this is; this is what there is to restore:")
    else:
        say("There is nothing more of this notebook to restore.")
    if kept:
        _show_kept(session, kept[:_MOST_KEPT], len(kept))


def _restored(restored: Sequence[Turn], kept: KeptConversation) -> str:
    """Return what came back, from when and where, and how much of it was cut off."""
    origin = f", from {Path(kept.notebook).name}" if kept.notebook else ""
    counts = [turn for turn in restored if not turn.nothing_came]
    number = sum(turn.finish == "interrupted" for turn in counts)
    was = "was" if number == 1 else "were"
    cut = f"; {number} {was} cut off in mid-answer" if number else ""
    what = f"{turns(kept.turns)}{_lacks(restored)} restored"
    return f"{what}, last changed {moment(kept.changed)}{origin}{cut}"


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


def in_words(dropped: Sequence[Turn]) -> str:
    """Return how many turns were dropped, and questions that had no answer."""
    answered = sum(not turn.nothing_came for turn in dropped)
    return f"{turns(answered)}{_lacks(dropped)}"


def _lacks(asked: Sequence[Turn]) -> str:
    """Return how many questions got no answer, for behind a number of turns."""
    failed = sum(turn.nothing_came for turn in asked)
    return f" and {counted(failed, 'question')} without an answer" if failed else ""


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


def _number_of_turns(session: Session, name: str | None) -> int:
    """Return how many turns the conversation of that name has, if there is one."""
    return session.conversation(name).state.count if name in session.names else 0


def _say_dropped(session: Session, name: str, number: int) -> None:
    if number:
        way = back(session, name, number)
        say(f"{name} starts over; {turns(number)} dropped.{way}")


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
        conversation = session.conversation(name)
        asked = conversation.turns
        costs = [turn.cost for turn in asked if turn.cost is not None]
        tokens = sum(turn.usage.total_tokens or 0 for turn in asked if turn.usage)
        last = conversation.transcript.last_asked
        rows.append(
            (
                f"{'*' if name == current else ' '} {name}",
                str(conversation.state.count),
                f"{tokens:,}",
                dollars(sum(costs)) if costs else "",
                conversation.model or "",
                excerpt(last.prompt, 50) if last else "",
            )
        )
    return table.table(
        ("  conversation", "turns", "tokens", "cost", "model", "last question"),
        rows,
        words=("model", "last question"),
        note="* is the current one.",
    )


def _show_kept(session: Session, kept: Sequence[KeptConversation], number: int) -> None:
    """Show what the journal could bring back, and how.

    Args:
        session: the Session, whose journal holds them.
        kept: those that are shown.
        number: how many there are.
    """
    from apertis_magic.render import table

    rows = [
        (
            each.name,
            str(each.turns),
            moment(each.changed),
            Path(each.notebook).name if each.notebook else "",
            _first_question(session, each),
            each.id[:SHORT_ID],
        )
        for each in kept
    ]
    more = number - len(kept)
    others = f" {more} more: %chat list --all." if more else ""
    bundle = table.table(
        ("in the journal", "turns", "changed", "notebook", "first question", "id"),
        rows,
        words=("notebook", "first question"),
        note=f"%chat restore NAME, or ID, brings one back.{others}",
    )
    publish(bundle)


def _first_question(session: Session, kept: KeptConversation) -> str:
    """Return the beginning of a kept conversation's first question."""
    try:
        turns = session.journal.read(kept.id).turns if session.journal else ()
    except ApertisError:
        return ""  # which the list need not lack as a whole
    return excerpt(turns[0].prompt, 50) if turns else ""
