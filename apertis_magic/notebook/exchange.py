"""``%chat export`` and ``%chat load``: conversations to files and back."""

from dataclasses import replace
from pathlib import Path

from IPython.core.error import UsageError

from apertis_magic import files
from apertis_magic.chat import names
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import conversations, line


def export(session: Session, rest: str) -> None:
    """Write a conversation to a file.

    Raises:
        UsageError: the line is wrong.
        ConfigurationError: there is no such conversation, or nothing was written.
    """
    words, flags = line.read("export", rest, "--force", most=2)
    if not words:
        raise UsageError(
            f"%chat export needs a file: NAME{' or NAME'.join(line.ENDINGS)}."
        )
    if len(words) > 1 and not _is_file(words[0]) and _is_file(words[1]):
        words.reverse()
    target, *names = words
    name = line.check_name(names[0]) if names else None
    state, file = conversations.find(session, name).state, _file(target)
    files.export(state, file, force=bool(flags))
    line.say(f"{state.name}: {line.turns(len(state.turns))} written to {file}.")


def load(session: Session, rest: str) -> None:
    """Go on with the conversations of a file.

    Raises:
        UsageError: the line is wrong.
        ConfigurationError: there are none in it; nothing has changed.
    """
    words, _ = line.read("load", rest)
    if not words:
        raise UsageError(
            "%chat load needs a file that %chat export wrote, or a notebook with "
            "answers in it."
        )
    file = _file(words[0])
    loaded = [_adopted(session, state, file) for state in files.load(file)]
    session.use(max(loaded, key=_newest).name)
    if len(loaded) > 1:
        line.say(f"{session.current.name} is the current conversation now.")


def _adopted(session: Session, state: State, file: Path) -> Conversation:
    """Go on with a conversation, and say so."""
    name = names.made(state.name)
    had = len(session.conversation(name).turns) if name in session.names else 0
    talk = session.adopt(replace(state, name=name))
    number, now = line.turns(len(state.turns)), line.turns(len(talk.turns))
    beside = f"; it has {now} now" if had else ""
    line.say(f"{name}: {number} loaded from {file}{beside}.")
    return talk


def _is_file(text: str) -> bool:
    return text.lower().endswith(line.ENDINGS)


def _newest(talk: Conversation) -> float:
    return max(turn.started for turn in talk.turns)


def _file(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # a home that nobody has
        raise ConfigurationError(f"{text}: {error}") from None
