"""What Tab can offer for a word: models, conversations, files, settings.

The rows of the tables of options and commands name the function that fits a word.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from apertis_magic.chat import session
from apertis_magic.clean import quoted
from apertis_magic.errors import ApertisError
from apertis_magic.notebook import config

ENDINGS = (".ipynb", ".md", ".json")
"""Of the files that hold conversations."""

NO_MODEL = "default"
"""The word that takes a conversation's own model away."""


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


Source: TypeAlias = Callable[[str], Sequence[Candidate]]
"""Returns candidates for an unfinished word, also such that do not fit it."""


def nothing(_word: str) -> Sequence[Candidate]:
    """Return no candidates: a number or a new name is the user's own."""
    return ()


def words(*texts: str) -> Source:
    """Return the source of these very words."""
    return lambda _word: [Candidate(text=text, kind="word") for text in texts]


def models(_word: str) -> Sequence[Candidate]:
    """Return the server's models, as far as they are known without waiting."""
    return _named("model", session.current().model_lists.ids())


def models_or_default(word: str) -> Sequence[Candidate]:
    """Return the same, and the word that goes back to the default."""
    back = Candidate(text=NO_MODEL, kind="word", help="no model of its own")
    return [*models(word), back]


def conversations(_word: str) -> Sequence[Candidate]:
    """Return the conversations of this process."""
    return _named("conversation", session.current().names)


def restorable(_word: str) -> Sequence[Candidate]:
    """Return the conversations that the journal could bring back."""
    try:
        kept = session.current().restorable
    except ApertisError:
        return ()
    return _named("conversation", dict.fromkeys(each.name for each in kept))


def settings(_word: str) -> Sequence[Candidate]:
    """Return the names that ``%chat config`` sets."""
    return words(*config.SETTINGS)(_word)


def files(word: str) -> Sequence[Candidate]:
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


def _named(kind: str, texts: Iterable[str]) -> Sequence[Candidate]:
    return [Candidate(text=quoted(text), kind=kind) for text in texts]
