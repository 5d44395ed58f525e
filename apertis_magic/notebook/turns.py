"""The turns of a conversation: shown, taken back, asked again, dropped."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from IPython.core.error import UsageError
from IPython.display import display

from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import redact
from apertis_magic.notebook import conversations, line, options
from apertis_magic.notebook.options import ChatOptions

_MOST = 5
"""Questions that are named when they are taken back."""

_PATIENCE = 5.0
"""Seconds that the journal has to write what it was handed."""

NOT_FOR_RETRY = ("start_over", "once", "append", "last_turns", "system", "cache")
"""The options that make no sense where a question is asked again in its place."""


def show(session: Session, rest: str) -> None:
    """Show a conversation, with the versions of its turns where they are wanted."""
    name, with_versions = line.read_name("show", rest, "--versions")
    talk = conversations.find(session, name)
    versions, gone = _versions(talk) if with_versions else ({}, [])
    if not talk.turns and not gone:
        line.say("The conversation is empty.")
        return
    from apertis_magic.render import bundle

    transcript = bundle.transcript(
        talk.turns,
        system=talk.system,
        stale=talk.transcript.stale,
        versions=versions,
        gone=gone,
    )
    display(transcript, raw=True)
    if with_versions and talk.journal is None:
        line.say("The journal is off, so there are no earlier versions to show.")


def undo(session: Session, rest: str) -> None:
    """Take the last turns back."""
    text = rest.strip() or "1"
    if not (text.isascii() and text.isdecimal() and int(text[:9])):
        raise UsageError(
            f"%chat undo takes a whole number above 0, not {redact(text)!r}."
        )
    talk = session.current
    taken = talk.undo(int(text[:9]))
    if not taken:
        line.say(f"There is nothing to take back; {talk.name} is empty.")
        return
    asked = [line.excerpt(turn.prompt) for turn in reversed(taken)]
    left = f"{line.turns(len(talk.turns))} left in {talk.name}."
    is_kept = talk.journal is not None and not talk.journal.problem
    way = " %chat show --versions still shows what was." if is_kept else ""
    if len(asked) == 1:
        line.say(f"Took back: {asked[0]}", f"{left}{way}")
        return
    more = [f"… and {len(asked) - _MOST} more"] if len(asked) > _MOST else []
    named = [f"  {each}" for each in (*asked[:_MOST], *more)]
    line.say(f"Took back {line.turns(len(asked))}:", *named, f"{left}{way}")


def reset(session: Session, rest: str) -> None:
    """Drop all turns."""
    line.read("reset", rest, most=0)
    talk = session.current
    dropped = talk.reset()
    way = conversations.back(session, talk.name, dropped)
    line.say(f"Dropped {line.turns(dropped)}.{way}")


def retried(rest: str) -> ChatOptions:
    """Return what a ``%chat retry`` line says.

    Raises:
        UsageError: it is wrong, or says what cannot be for a question asked again.
    """
    given, text = options.parse_ask(rest)
    if text:
        raise UsageError(
            "%chat retry asks the last question again; it takes options and no text. "
            "%chat ask asks another one."
        )
    default = ChatOptions()
    for name in NOT_FOR_RETRY:
        if getattr(given, name) != getattr(default, name):
            [option, *_] = [each for each in options.OPTIONS if each.dest == name]
            raise UsageError(
                f"%chat retry does not take {option.names[-1]}: the question is asked "
                "again in its own place, by the server."
            )
    return given


def _versions(talk: Conversation) -> tuple[Mapping[str, Sequence[Turn]], list[Turn]]:
    """Return the earlier versions of each turn by its id, and the turns that are gone.

    The newest of each come first.

    Raises:
        ApertisError: the journal cannot be read.
    """
    state, found = talk.state, defaultdict[str, list[Turn]](list)
    if talk.journal is None:
        return found, []
    talk.journal.flush(_PATIENCE)
    here = {entry.slot: entry.turn.id for entry in state.history}
    gone = []
    for entry in reversed(talk.journal.versions(state.id)):
        if entry.slot in here:
            found[here[entry.slot]].append(entry.turn)
        else:
            gone.append(entry.turn)
    return found, gone
