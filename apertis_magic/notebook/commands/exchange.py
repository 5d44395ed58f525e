"""``%chat export`` and ``%chat load``: conversations to files and back."""

from dataclasses import replace
from pathlib import Path

from apertis_magic import files
from apertis_magic.chat import names, trust
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.parts import Picture
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import excerpt, quoted
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import cell_asks
from apertis_magic.notebook.commands import conversations
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.offers import ENDINGS
from apertis_magic.notebook.options import ANYWAY
from apertis_magic.notebook.say import say
from apertis_magic.notebook.wording import counted, listed, turns


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
    say(f"{state.name}: {turns(state.count)} written to {file}.")


def load(line: CommandLine) -> None:
    """Go on with the conversations of a file.

    Raises:
        ConfigurationError: there are none in it; nothing has changed.
    """
    session, file = line.session, _file(line.words[0])
    trusted = bool(line.flags)
    states = files.load(file, cell_asks.read, say)
    loaded = [_adopted(session, state, file, trusted=trusted) for state in states]
    session.use(max(loaded, key=_newest).name)
    if len(loaded) > 1:
        say(f"{session.current.name} is the current conversation now.")


def _adopted(
    session: Session, state: State, file: Path, *, trusted: bool
) -> Conversation:
    """Go on with a conversation, and say so."""
    name = names.from_text(state.name)
    had = session.conversation(name).state.count if name in session.names else 0
    believed = trust.marked(replace(state, name=name), trusted=trusted)
    conversation = session.adopt(believed)
    now = turns(conversation.state.count)
    beside = f"; it has {now} now" if had else ""
    say(
        f"{name}: {turns(state.count)} loaded from {file}{_named(state)}{beside}."
        f"{_brought(state, file, trusted=trusted)}"
    )
    return conversation


def _brought(state: State, file: Path, *, trusted: bool) -> str:
    """Say what a file brings beside its turns, and whether that holds from now on."""
    options = {
        name: excerpt(redact(str(value)), 20)
        for turn in state.turns
        for name, value in (
            turn.options if trusted else trust.left_out(_untrusted(turn))
        ).items()
    }
    shown = listed([f"{name}={value}" for name, value in options.items()], 12)
    system = state.system and excerpt(redact(state.system), 40)
    parts = (
        f"model {redact(state.model)}" if state.model else "",
        f'system prompt "{system}"' if system else "",
        f"options {shown}" if shown else "",
    )
    *others, last = [*filter(None, parts)] or [""]
    found = f"{', '.join(others)} and {last}" if others else last
    if not found:
        return ""
    if trusted:
        return f" Its {found} hold for your questions too."
    way = f"%chat load {quoted(str(file))} --trust takes them over"
    return f" Your own questions go without its {found}; {way}."


def _untrusted(turn: Turn) -> Question:
    return replace(turn.question, untrusted=True)


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
