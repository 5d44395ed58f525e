"""The turns of a conversation: shown, taken back, dropped."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import excerpt
from apertis_magic.notebook.commands import conversations
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.say import publish, say
from apertis_magic.notebook.wording import counted, turns

_MOST = 5
"""Questions that are named when they are taken back."""


def show(line: CommandLine) -> None:
    """Show a conversation, with the versions of its turns where they are wanted."""
    conversation = conversations.find(line.session, line.word)
    versions, gone = _versions(conversation) if line.flags else ({}, [])
    if not conversation.turns and not gone:
        say("The conversation is empty.")
        return
    from apertis_magic.render import bundle

    transcript = bundle.transcript(
        conversation.turns,
        system=conversation.system,
        stale=conversation.state.stale,
        versions=versions,
        gone=gone,
    )
    publish(transcript)
    if line.flags and conversation.journal is None:
        say("The journal is off, so there are no earlier versions to show.")


def undo(line: CommandLine) -> None:
    """Take the last turns back."""
    conversation = line.session.current
    number = int(line.word.lstrip("0")[:9]) if line.word else 1
    taken = conversation.undo(number)
    if not taken:
        say(f"There is nothing to take back; {conversation.name} is empty.")
        return
    left = f"{turns(conversation.state.count)} left in {conversation.name}."
    journal = conversation.journal
    is_kept = journal is not None and not journal.problem
    way = " %chat show --versions still shows what was." if is_kept else ""
    say(*_questions(taken), f"{left}{way}")


def reset(line: CommandLine) -> None:
    """Drop all turns."""
    conversation = line.session.current
    dropped = conversation.turns
    conversation.reset()
    way = conversations.back(line.session, conversation.name, len(dropped))
    say(f"Dropped {conversations.in_words(dropped)}.{way}")


def _questions(taken: Sequence[Turn]) -> list[str]:
    """Return the lines that name the questions that were taken back."""
    answered = [turn for turn in taken if not turn.nothing_came]
    failed = [turn for turn in taken if turn.nothing_came]
    lines = _named("", turns(len(answered)), answered)
    without = "without an answer"
    several = f"{counted(len(failed), 'question')} {without}"
    return lines + _named(f" a question {without}", several, failed)


def _named(one: str, several: str, taken: Sequence[Turn]) -> list[str]:
    """Return the lines that name such questions, by what one or several are called."""
    questions = [excerpt(turn.prompt) for turn in reversed(taken)]
    if len(questions) <= 1:
        return [f"Took back{one}: {each}" for each in questions]
    more = len(questions) - _MOST
    others = [f"… and {more} more"] if more > 0 else []
    named = [f"  {each}" for each in (*questions[:_MOST], *others)]
    return [f"Took back {several}:", *named]


def _versions(
    conversation: Conversation,
) -> tuple[Mapping[str, Sequence[Turn]], list[Turn]]:
    """Return the earlier versions of each turn by its id, and the turns that are gone.

    The newest of each come first.

    Raises:
        ApertisError: the journal cannot be read.
    """
    state, versions = conversation.state, defaultdict[str, list[Turn]](list)
    if conversation.journal is None:
        return versions, []
    conversation.journal.flush()
    current = {entry.slot: entry.turn.id for entry in state.history}
    gone = []
    for entry in reversed(conversation.journal.versions(state.id)):
        if entry.slot in current:
            versions[current[entry.slot]].append(entry.turn)
        else:
            gone.append(entry.turn)
    return versions, gone
