"""The words that can stand at the end of an unfinished chat line."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from apertis_magic.chat import model_list, session
from apertis_magic.chat.session import Session
from apertis_magic.notebook import models
from apertis_magic.notebook.commands import COMMANDS
from apertis_magic.notebook.config import SETTINGS
from apertis_magic.notebook.options import BY_NAME, Option
from apertis_magic.notebook.words import Word, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A word that can stand there.

    Attributes:
        text: the word.
        kind: what it is, such as ``model``.
        help: one line about it; may be empty.
    """

    text: str
    kind: str
    help: str = ""


_Source: TypeAlias = Callable[[str], Sequence[Candidate]]
"""Returns candidates for an unfinished word, also such that do not fit it."""


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
    if not of_cell and before and before[0].text == "ask":
        before, of_cell = before[1:], True
    if of_cell:
        word, source = _option(before, word)
    else:
        source = _argument([each.text for each in before])
    start = word.lower()
    return word, [c for c in source(word) if c.text.lower().startswith(start)]


def conversations(here: Session) -> list[str]:
    """Return the names of the conversations."""
    return list(here.names)


def _option(before: Sequence[Word], word: str) -> tuple[str, _Source]:
    """Return the part of *word* to complete, and the source: names or values."""
    name, equals, value = word.partition("=")
    if equals and name in BY_NAME:
        return value, _values(BY_NAME[name])
    last = before[-1] if before else None
    option = BY_NAME.get(last.text) if last and not last.quoted else None
    if option is None or not option.value:
        return word, _option_names
    return word, _values(option)


def _argument(words: Sequence[str]) -> _Source:
    if not words:
        return _command_names
    return _ARGUMENTS.get(words[0], _nothing) if len(words) == 1 else _nothing


def _option_names(word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="option", help=option.help)
        for name, option in BY_NAME.items()
        if word or name == option.names[-1]  # -t beside --temperature tells no more
    ]


def _command_names(_word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="command", help=command.help)
        for name, command in COMMANDS.items()
    ]


def _values(option: Option) -> _Source:
    return _VALUES.get(option.dest) or _words(*option.words)


def _models(_word: str) -> Sequence[Candidate]:
    return _made("model", model_list.ids(session.current()))


def _model_or_default(word: str) -> Sequence[Candidate]:
    back = Candidate(text=models.BACK, kind="word", help="no model of its own")
    return [*_models(word), back]


def _conversations(_word: str) -> Sequence[Candidate]:
    return _made("conversation", conversations(session.current()))


def _words(*texts: str) -> _Source:
    return lambda _word: _made("word", texts)


def _nothing(_word: str) -> Sequence[Candidate]:
    return ()


def _made(kind: str, texts: Iterable[str]) -> Sequence[Candidate]:
    return [Candidate(text=_quoted(text), kind=kind) for text in texts]


def _quoted(text: str) -> str:
    """Return *text* as one word of a magic line."""
    if text and not re.search(r"\s|^[\"']", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_VALUES: Mapping[str, _Source] = {
    "model": _models,
    "conversation": _conversations,
}
_ARGUMENTS: Mapping[str, _Source] = {
    "model": _model_or_default,
    "models": _words("--refresh"),
    "local": _words("stop", "status"),
    "key": _words("status", "clear"),
    "config": _words(*SETTINGS),
    "last": _words("--traceback"),
    "continue": _words("-c"),
}
