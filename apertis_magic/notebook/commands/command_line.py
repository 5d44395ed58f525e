"""A ``%chat`` line as its command gets it: read by the command's row."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

from apertis_magic.chat.session import Session
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.commands.command_table import Command
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.option_line import parse_ask
from apertis_magic.notebook.options import ChatOptions, set_by
from apertis_magic.notebook.words import Word, closed
from apertis_magic.notebook.words import words as words_of

if TYPE_CHECKING:
    from apertis_magic.notebook.asking import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What every command's function is given.

    Attributes:
        asker: who asks in this shell.
        settings: what the user has set.
        words: the words behind the command, flags apart, as many as its row allows.
        flags: those of the row's flags that are among them.
        text: the rest of the line, where the row takes it as it stands.
        options: the options of a question, where the row takes those.
    """

    asker: "Asker"
    settings: ApertisMagic
    words: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    text: str = ""
    options: ChatOptions = field(default_factory=ChatOptions)

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        return self.asker.session

    @property
    def word(self) -> str | None:
        """The first of the words, None where there are none."""
        return self.words[0] if self.words else None


def read(
    command: Command, rest: str, asker: "Asker", settings: ApertisMagic
) -> CommandLine:
    """Return what stands behind a command.

    Args:
        command: its row.
        rest: the line behind its name.
        asker: who asks in this shell.
        settings: what the user has set.

    Raises:
        UsageError: the row does not allow that; the message says why in one line.
    """
    if command.text:
        return CommandLine(asker=asker, settings=settings, text=rest)
    if command.options:
        options = _options(command, rest)
        return CommandLine(asker=asker, settings=settings, options=options)
    words, flags = _words(command, rest)
    for argument in command.arguments[len(words) :]:
        if argument.needs:
            needs = argument.needs(asker.session)
            raise UsageError(f"%chat {command.name} needs {needs}")
    return CommandLine(asker=asker, settings=settings, words=words, flags=flags)


def sorted_words(
    command: Command, words: Iterable[Word]
) -> tuple[list[Word], frozenset[str]]:
    """Return the words that are no flags of a command, and its flags among them."""
    others, flags = [], set()
    for word in words:
        if word.text in command.flags and not word.quoted:
            flags.add(word.text)
        else:
            others.append(word)
    return others, frozenset(flags)


def _options(command: Command, rest: str) -> ChatOptions:
    options, text = parse_ask(rest)
    if text:
        raise UsageError(
            f"%chat {command.name} takes {command.takes}. %chat ask asks a question."
        )
    for option in set_by(options):
        if option not in command.options and option.dest != "help":
            raise UsageError(
                f"%chat {command.name} does not take {option.names[-1]}: "
                f"{command.refusal}."
            )
    return options


def _words(command: Command, rest: str) -> tuple[tuple[str, ...], frozenset[str]]:
    words = list(words_of(rest))
    if command.if_key and any(word.open for word in words):
        _refuse(command, "")
    others, flags = sorted_words(command, [closed(word) for word in words])
    return tuple(_word(command, n, word) for n, word in enumerate(others)), flags


def _word(command: Command, number: int, word: Word) -> str:
    """Return a word as it counts, by the argument that it is.

    Raises:
        UsageError: it is an option that there is not, one too many, or the wrong one.
    """
    argument = command.argument(number)
    is_option = word.text.startswith("-") and not word.quoted
    if is_option and argument and argument.dashes:
        is_option = word.text.startswith("--") and bool(command.flags)
    if is_option and not command.if_key:
        known = " or ".join(command.flags) or "no options"
        raise UsageError(
            f"%chat {command.name} takes {known}, not {redact(word.text)}."
        )
    if argument is None or (argument.words and word.text not in argument.words):
        _refuse(command, word.text)
    try:
        return argument.check(word.text)
    except ConfigurationError as error:
        raise UsageError(f"%chat: {error}") from None
    except ValueError:
        _refuse(command, word.text)


def _refuse(command: Command, word: str) -> NoReturn:
    """Say what the command takes instead of *word*."""
    takes = f"%chat {command.name} takes {command.takes}"
    if command.if_key:
        raise UsageError(f"{takes}; {command.if_key}.")
    if command.arguments and all(argument.spaces for argument in command.arguments):
        raise UsageError(f"{takes}; put quotes around one with spaces.")
    raise UsageError(f"{takes}, not {redact(word)!r}.")
