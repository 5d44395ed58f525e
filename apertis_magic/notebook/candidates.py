"""The words that can stand at the end of an unfinished chat line."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from apertis_magic.chat import session
from apertis_magic.chat.session import Session
from apertis_magic.clean import quoted
from apertis_magic.errors import ApertisError
from apertis_magic.notebook import models
from apertis_magic.notebook.commands import COMMANDS
from apertis_magic.notebook.config import SETTINGS
from apertis_magic.notebook.line import ENDINGS
from apertis_magic.notebook.options import BY_NAME, Option
from apertis_magic.notebook.turns import NOT_FOR_RETRY
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
    command = before[0].text if before and not of_cell else ""
    if of_cell or command in ("ask", "retry"):
        word, source = _option(before[1:] if command else before, word)
        if command == "retry" and source is _option_names:
            source = _retry_option_names
    else:
        source = _argument([each.text for each in before])
    # A name with spaces is offered in quotes also where none were typed.
    starts = (word.lower(), *(mark + word.lower() for mark in "'\""))
    return word, [c for c in source(word) if c.text.lower().startswith(starts)]


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
    name, *before = words
    sources = _ARGUMENTS.get(name, ())
    return sources[len(before)] if len(before) < len(sources) else _nothing


def _option_names(word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="option", help=option.help)
        for name, option in BY_NAME.items()
        if word or name == option.names[-1]  # -t beside --temperature tells no more
    ]


def _retry_option_names(word: str) -> Sequence[Candidate]:
    dests = {name: option.dest for name, option in BY_NAME.items()}
    return [c for c in _option_names(word) if dests[c.text] not in NOT_FOR_RETRY]


def _command_names(_word: str) -> Sequence[Candidate]:
    return [
        Candidate(text=name, kind="command", help=command.help)
        for name, command in COMMANDS.items()
    ]


def _values(option: Option) -> _Source:
    return _VALUES.get(option.dest) or _words(*option.words)


def _models(_word: str) -> Sequence[Candidate]:
    return _made("model", session.current().model_lists.ids())


def _model_or_default(word: str) -> Sequence[Candidate]:
    back = Candidate(text=models.BACK, kind="word", help="no model of its own")
    return [*_models(word), back]


def _conversations(_word: str) -> Sequence[Candidate]:
    return _made("conversation", conversations(session.current()))


def _restorable(_word: str) -> Sequence[Candidate]:
    try:
        kept = session.current().restorable
    except ApertisError:
        return ()
    return _made("conversation", dict.fromkeys(each.name for each in kept))


def _files(word: str) -> Sequence[Candidate]:
    """Return the files that hold conversations, and the folders, where *word* is."""
    folder = word.rpartition("/")[0] + "/" if "/" in word else ""
    try:
        inside = sorted(Path(folder or ".").expanduser().iterdir())
        shown = [
            f"{folder}{each.name}{'/' * each.is_dir()}"
            for each in inside
            if each.is_dir() or each.suffix.lower() in ENDINGS
        ]
    except (OSError, RuntimeError, ValueError):
        return ()
    is_hidden = word[len(folder) :].startswith(".")
    return [
        Candidate(text=quoted(text), kind="file")
        for text in shown
        if is_hidden or not text[len(folder) :].startswith(".")
    ]


def _also(source: _Source, *texts: str) -> _Source:
    return lambda word: [*source(word), *_words(*texts)(word)]


def _words(*texts: str) -> _Source:
    return lambda _word: [Candidate(text=text, kind="word") for text in texts]


def _nothing(_word: str) -> Sequence[Candidate]:
    return ()


def _made(kind: str, texts: Iterable[str]) -> Sequence[Candidate]:
    return [Candidate(text=quoted(text), kind=kind) for text in texts]


_VALUES: Mapping[str, _Source] = {
    "model": _models,
    "conversation": _conversations,
}
_SHOWN = _also(_conversations, "--versions")
_ARGUMENTS: Mapping[str, Sequence[_Source]] = {
    "model": [_model_or_default],
    "models": [_words("--refresh")],
    "local": [_words("stop", "status")],
    "key": [_words("status", "clear")],
    "config": [_words(*SETTINGS)],
    "last": [_words("--traceback")],
    "continue": [_words("-c"), _conversations],
    "show": [_SHOWN, _SHOWN],
    "use": [_conversations],
    "delete": [_conversations],
    "list": [_words("--all")],
    "restore": [_restorable],
    "export": [_files, *[_also(_conversations, "--force")] * 2],
    "load": [_files],
    "journal": [_words("path", "size", "clear")],
}
"""What can stand behind each command, one source for each word."""
