"""A ``%chat`` line as its command gets it: read by the command's row."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn

from IPython.core.error import UsageError

from apertis_magic.chat.session import Session
from apertis_magic.clean import excerpt
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.commands.command_table import Command
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.option_line import parse_ask
from apertis_magic.notebook.options import ChatOptions, set_by
from apertis_magic.notebook.variables import Variables
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
        variables: what the line may name; None where it stands for itself.
    """

    asker: "Asker"
    settings: ApertisMagic
    words: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    text: str = ""
    options: ChatOptions = field(default_factory=ChatOptions)
    variables: Variables | None = None

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        return self.asker.session

    @property
    def word(self) -> str | None:
        """The first of the words, None where there are none."""
        return self.words[0] if self.words else None


def read(
    command: Command,
    rest: str,
    asker: "Asker",
    settings: ApertisMagic,
    variables: Variables | None = None,
) -> CommandLine:
    """Return what stands behind a command.

    Args:
        command: its row.
        rest: the line behind its name.
        asker: who asks in this shell.
        settings: what the user has set.
        variables: what the line may name; None where it stands for itself.

    Raises:
        UsageError: the row does not allow that; the message says why in one line.
    """
    line = CommandLine(asker=asker, settings=settings, variables=variables)
    if command.text:
        return replace(line, text=rest)
    if command.options:
        return replace(line, options=_options(command, rest, variables))
    words, flags = _words(command, rest, variables)
    for argument in command.arguments[len(words) :]:
        if argument.needs:
            needs = argument.needs(asker.session)
            raise UsageError(f"%chat {command.name} needs {needs}")
    return replace(line, words=words, flags=flags)


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


def _options(command: Command, rest: str, variables: Variables | None) -> ChatOptions:
    options, text = parse_ask(rest, variables)
    if text:
        raise UsageError(
            f"%chat {command.name} takes {command.takes}. {_asks(command, rest)}"
        )
    for option in set_by(options):
        if option not in command.options and option.dest != "help":
            raise UsageError(
                f"%chat {command.name} does not take {option.names[-1]}: "
                f"{command.refusal}."
            )
    return options


def _words(
    command: Command, rest: str, variables: Variables | None
) -> tuple[tuple[str, ...], frozenset[str]]:
    words = list(words_of(rest))
    if command.if_key and any(word.open for word in words):
        _refuse(command, "", rest)
    others, flags = sorted_words(command, [closed(word) for word in words])
    if variables is not None and not command.if_key:
        others = [_named(command, word, variables) for word in others]
    return tuple(_word(command, n, word, rest) for n, word in enumerate(others)), flags


def _named(command: Command, word: Word, variables: Variables) -> Word:
    """Return a word, or the value of the variable that it names."""
    [text] = variables.texts(command.name, word.text)
    # No value of a variable is an option.
    return word if text == word.text else replace(word, text=text, quoted=True)


def _word(command: Command, number: int, word: Word, rest: str) -> str:
    """Return a word as it counts, by the argument that it is.

    Args:
        command: the row.
        number: how many words stand before it.
        word: the word.
        rest: all that stands behind the command.

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
        _refuse(command, word.text, rest)
    try:
        return argument.check(word.text)
    except ConfigurationError as error:
        raise UsageError(f"%chat: {error}") from None
    except ValueError:
        _refuse(command, word.text, rest)


def _asks(command: Command, rest: str) -> str:
    """Return a sentence on how the line would be a question."""
    return f"%chat ask {excerpt(redact(f'{command.name} {rest}'))} would ask that."


def _refuse(command: Command, word: str, rest: str) -> NoReturn:
    """Say what the command takes instead of *word*, and how to ask that."""
    takes = f"%chat {command.name} takes {command.takes}"
    if command.if_key:
        raise UsageError(f"{takes}; {command.if_key}.")
    if command.arguments and all(argument.spaces for argument in command.arguments):
        takes = f"{takes}; put quotes around one with spaces"
    else:
        takes = f"{takes}, not {redact(word)!r}"
    raise UsageError(f"{takes}. {_asks(command, rest)}")
