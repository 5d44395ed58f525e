"""The words that can stand at the end of an unfinished chat line, by the two tables."""

import re
from collections.abc import Collection, Sequence

from apertis_magic.notebook.commands import command_line
from apertis_magic.notebook.commands.command_table import COMMANDS, Command
from apertis_magic.notebook.offers import Candidate, Source, nothing
from apertis_magic.notebook.offers import words as these
from apertis_magic.notebook.options import BY_NAME, OPTIONS, Option
from apertis_magic.notebook.words import Word, words


def at_end(line: str, *, of_cell: bool) -> tuple[str, Sequence[Candidate]]:
    """Return the unfinished end of *line* and what can stand in its place.

    Args:
        line: what stands after ``%%chat`` or ``%chat``, up to the cursor.
        of_cell: whether it was ``%%chat``.
    """
    word = re.split(r"\s", line)[-1]
    before = list(words(line.removesuffix(word)))
    if any(each.open for each in before):
        return word, ()
    if of_cell or (before[0].text if before else word).startswith("-"):
        word, source = _of_options(OPTIONS, before, word)
    elif not before:
        source = _command_names
    else:
        word, source = _behind(COMMANDS.get(before[0].text), before[1:], word)
    # A name with spaces is offered in quotes also where none were typed.
    starts = (word.lower(), *(mark + word.lower() for mark in "'\""))
    return word, [c for c in source(word) if c.text.lower().startswith(starts)]


def _behind(
    command: Command | None, before: Sequence[Word], word: str
) -> tuple[str, Source]:
    """Return the part of *word* to complete behind a command, and the source."""
    if command is None:
        return word, nothing
    if command.options:
        return _of_options(command.options, before, word)
    others, flags = command_line.sorted_words(command, before)
    argument = command.argument(len(others))
    left = these(*(flag for flag in command.flags if flag not in flags))
    source = argument.source if argument else nothing
    return word, lambda part: [*source(part), *left(part)]


def _of_options(
    options: Collection[Option], before: Sequence[Word], word: str
) -> tuple[str, Source]:
    """Return the part of *word* to complete, and the source: names or values."""
    name, equals, value = word.partition("=")
    if equals and BY_NAME.get(name) in options:
        return value, BY_NAME[name].source
    last = before[-1] if before else None
    option = BY_NAME.get(last.text) if last and not last.quoted else None
    if option is None or not option.value:
        return word, lambda part: _option_names(options, part)
    return word, option.source


def _option_names(options: Collection[Option], word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="option", help=option.help)
        for option in options
        for name in (option.names if word else _short_list(options, option))
    ]


def _short_list(options: Collection[Option], option: Option) -> Sequence[str]:
    """Return the one name that is offered unasked: a second one tells no more."""
    return option.names[:1] if len(options) == 1 else option.names[-1:]


def _command_names(_word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="command", help=command.help)
        for name, command in COMMANDS.items()
    ]
