"""Reads the line of a ``%%chat`` cell into ``ChatOptions``, by the table of options.

What is wrong with a line is a one-line ``UsageError``; nothing ever ends the process.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError

from apertis_magic.api import params
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import extra_body, foreign_words
from apertis_magic.notebook.closest import closest
from apertis_magic.notebook.option_checks import NO_KEYS
from apertis_magic.notebook.options import BY_NAME, ChatOptions, Option
from apertis_magic.notebook.variables import Variables
from apertis_magic.notebook.words import Word, closed, words

_KEY_OPTIONS = re.compile(
    r"--?(?:[\w-]*key|[\w-]*(?:api|auth|access)[-_]token)$", re.IGNORECASE
)
_NUMBER = re.compile(r"-\.?\d")


@dataclass(frozen=True, slots=True)
class _Setting:
    """An option as it stands on a line.

    Attributes:
        option: its row.
        value: its value, as the row's kind made it.
    """

    option: Option
    value: Any


def parse(line: str) -> ChatOptions:
    """Return the options that the line after ``%%chat`` gives.

    Raises:
        UsageError: the line is wrong; the message says how in one line.
    """
    settings, rest = _read(line)
    if rest is not None:
        closed(rest)
        raise UsageError(
            f"%%chat: {redact(rest.text)!r} stands on the options' line. The message "
            "goes below it; text with spaces needs quotes."
        )
    return _checked(settings)


def parse_ask(line: str, variables: Variables | None = None) -> tuple[ChatOptions, str]:
    """Return the options that a line begins with, and the text behind them.

    Quotes around the whole text are not part of it. A lone ``--`` ends the options.

    Args:
        line: the line.
        variables: what an option's value may name; None where it stands for itself.

    Raises:
        UsageError: the options are wrong; the message says how in one line.
    """
    settings, rest = _read(line, variables)
    if rest is None:
        return _checked(settings), ""
    is_whole = rest.quoted and not line[rest.end :].strip()
    text = rest.text if is_whole else line[rest.start :].strip()
    return _checked(settings), text


def _read(
    line: str, variables: Variables | None = None
) -> tuple[list[_Setting], Word | None]:
    """Return the options of a line in their order, and the first word of none."""
    settings: list[_Setting] = []
    rest = words(line)
    for word in rest:
        if word.text == "--" and not word.quoted:
            return settings, _text(line, word.end)
        is_option = word.text.startswith("-") and not _NUMBER.match(word.text)
        if word.quoted or not is_option or word.text == "-":
            return settings, word
        option, value = _option(closed(word))
        if option.value and value is None:
            value = _value(option, next(rest, None))
        texts = _texts(option, value, variables)
        settings += [_Setting(option, _converted(option, text)) for text in texts]
        if sum(each.option.dest == option.dest for each in settings) > option.most:
            raise UsageError(f"%%chat: {option.too_often}")
    return settings, None


def _texts(
    option: Option, value: str | None, variables: Variables | None
) -> Sequence[str | None]:
    """Return the values that stand for one: itself, or those of a variable."""
    if value is None or variables is None:
        return [value]
    if option.dest == "extra_body":
        return [variables.pair(value)]
    return variables.texts(option.names[-1], value, many=option.most > 1)


def _text(line: str, start: int) -> Word | None:
    """Return all that stands behind *start* as one word."""
    text = line[start:].strip()
    return Word(text, line.index(text, start), len(line)) if text else None


def _option(word: Word) -> tuple[Option, str | None]:
    """Return the option that a word names, and the value that the word holds."""
    name, equals, value = word.text.partition("=")
    if word.text.startswith("--"):
        option = BY_NAME.get(name.replace("_", "-"))
        if option and equals and not option.value:
            raise UsageError(f"%%chat: {name} takes no value.")
        if option:
            return option, value if equals else None
    elif (option := BY_NAME.get(word.text[:2])) and f"-{name}" not in BY_NAME:
        # The words of "-t=0.5" have lost their "=" only where quotes came after it.
        value = word.text[2:].removeprefix("=")
        if option.value or not value:
            return option, value if word.text[2:] else None
    if _KEY_OPTIONS.match(name):
        raise UsageError(f"%%chat: {NO_KEYS}")
    dashed = name.replace("_", "-")
    near = closest(dashed, BY_NAME, foreign_words.OPTIONS)
    raise UsageError(f"%%chat: unknown option {redact(name)}.{near}")


def _value(option: Option, word: Word | None) -> str:
    """Return the value that stands in a word of its own."""
    is_value = word and (
        word.quoted or not word.text.startswith("-") or _NUMBER.match(word.text)
    )
    if word is None or not is_value:
        raise UsageError(f"%%chat: {option.names[-1]} needs a value, {option.value}.")
    return closed(word).text


def _converted(option: Option, value: str | None) -> Any:
    if value is None:
        return option.sets
    name = option.names[-1]
    try:
        converted = option.kind(value)
    except ValueError:
        kind = "a whole number" if option.kind is int else "a number"
        raise UsageError(
            f"%%chat: {name} needs {kind}, not {redact(value)!r}."
        ) from None
    if option.words and value not in option.words:
        raise UsageError(
            f"%%chat: {name} is {' or '.join(option.words)}, not {redact(value)!r}."
        )
    return converted


def _checked(settings: Sequence[_Setting]) -> ChatOptions:
    """Return the options with all that can be wrong with their values checked."""
    dests = {setting.option.dest for setting in settings}
    own: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    try:
        for setting in settings:
            option, value = setting.option, setting.option.check(setting.value)
            for other, sentence in option.excludes.items():
                if other in dests:
                    raise UsageError(f"%%chat: {sentence}")
            values = fields if option.is_field else own
            is_list = option.most > 1
            values[option.dest] = (
                [*values.get(option.dest, []), value] if is_list else value
            )
        params.check(fields)
    except ConfigurationError as error:
        raise UsageError(f"%%chat: {error}") from None
    extra = extra_body.read(own.pop("extra_body", []), taken=fields)
    return ChatOptions(**own, fields=fields, extra_body=extra)
