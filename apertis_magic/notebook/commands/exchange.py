"""``%chat export`` and ``%chat load``: conversations to files and back."""

from dataclasses import replace
from pathlib import Path

from apertis_magic import files
from apertis_magic.chat import names
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.parts import Picture
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.commands import conversations
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.offers import ENDINGS
from apertis_magic.notebook.options import ANYWAY
from apertis_magic.notebook.say import say
from apertis_magic.notebook.wording import counted, turns


def export(line: CommandLine) -> None:
    """Write a conversation to a file.

    Raises:
        ConfigurationError: there is no such conversation, or nothing was written.
    """
    words = list(line.words)
    if len(words) > 1 and not _is_file(words[0]) and _is_file(words[1]):
        words.reverse()
    target, *others = words
    name = names.checked(others[0]) if others else None
    state, file = conversations.find(line.session, name).state, _file(target)
    force, anyway = "--force" in line.flags, ANYWAY in line.flags
    files.export(state, file, force=force, anyway=anyway)
    say(f"{state.name}: {turns(len(state.turns))} written to {file}.")


def load(line: CommandLine) -> None:
    """Go on with the conversations of a file.

    Raises:
        ConfigurationError: there are none in it; nothing has changed.
    """
    session, file = line.session, _file(line.words[0])
    loaded = [_adopted(session, state, file) for state in files.load(file)]
    session.use(max(loaded, key=_newest).name)
    if len(loaded) > 1:
        say(f"{session.current.name} is the current conversation now.")


def _adopted(session: Session, state: State, file: Path) -> Conversation:
    """Go on with a conversation, and say so."""
    name = names.from_text(state.name)
    had = len(session.conversation(name).turns) if name in session.names else 0
    conversation = session.adopt(replace(state, name=name))
    now = turns(len(conversation.turns))
    beside = f"; it has {now} now" if had else ""
    say(f"{name}: {turns(len(state.turns))} loaded from {file}{_named(state)}{beside}.")
    return conversation


def _named(state: State) -> str:
    """Say what of a conversation is named in its file, but not held there."""
    files = [each for turn in state.turns for each in turn.attachments if each.missing]
    parts = (part for turn in state.turns for answer in turn.answers for part in answer)
    # What the server gave as no picture has no kind.
    pictures = [p for p in parts if isinstance(p, Picture) and p.kind and not p.data]
    found = {"attached file": len(files), "picture": len(pictures)}
    words = " and ".join(counted(n, noun) for noun, n in found.items() if n)
    return f", which names, but does not hold, {words}" if words else ""


def _is_file(text: str) -> bool:
    return text.lower().endswith(ENDINGS)


def _newest(conversation: Conversation) -> float:
    return max(turn.started for turn in conversation.turns)


def _file(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # a home that nobody has
        raise ConfigurationError(f"{text}: {error}") from None
