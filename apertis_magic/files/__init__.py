"""A conversation <-> a file: a notebook, a page to read, or JSON without loss.

What comes back from each:

* ``.json``: the whole conversation.
* ``.md``: the same; questions, texts and pictures come from the page as it stands, so
  that what a person changed in them holds.
* ``.ipynb``: the conversation's id, name, model and system prompt, and every turn but
  for its usage as the server sent it (``usage.raw``), the files that were attached,
  which are named, and pictures that are too large for an output. A turn's cell is the
  one that shows it. Any other notebook with answers in it can be loaded as well, also
  one whose metadata was cleaned away: then what its cells ask and show is all.

Options are what JSON makes of them: a tuple is a list afterwards. ``docs/format.md``
has the formats.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from apertis_magic.chat.state import State
from apertis_magic.clean import excerpt
from apertis_magic.credentials import holds_key
from apertis_magic.errors import ConfigurationError, HeldBack
from apertis_magic.files import cleaned, disk, file_names, ipynb, md, record


class Format(Protocol):
    """What a module of this package does for one kind of file."""

    def written(self, state: State) -> str:
        """Return the text of the file."""

    def read(self, text: str) -> list[State]:
        """Return the conversations in the text, or raise a ``ValueError``."""

    def is_export(self, text: str) -> bool:
        """Tell whether the text is as ``written`` made it, changed by nobody."""


_FORMATS: Mapping[str, Format] = {".ipynb": ipynb, ".md": md, ".json": record}


def export(
    state: State, file: Path, *, force: bool = False, anyway: bool = False
) -> None:
    """Write a conversation to a file, whole or not at all.

    Args:
        state: the conversation.
        file: where to; its ending names the format: ``.ipynb``, ``.md`` or ``.json``.
        force: replace also a file that is no export, or that somebody has changed.
        anyway: write it also where a question holds a key.

    Raises:
        HeldBack: a question holds a key; ``anyway`` writes it.
        ConfigurationError: nothing was written; the message says why in one line.
    """
    format = _format_of(file)
    if not state.history:
        raise ConfigurationError(
            f"{state.name} has no turns yet; nothing was written to {file}."
        )
    with _told(file, "written"):
        target = _target(file)
        is_new = not os.path.lexists(target)
        if not (is_new or force or _is_export(target, format)):
            raise ConfigurationError(
                f"{file} exists and is not an export of ours; --force replaces it."
            )
        if not anyway:
            _check_no_key(state)
        disk.write(target, format.written(state), is_new=is_new)


def is_replaceable(file: Path) -> bool:
    """Tell whether ``export`` may write a file: there is none, or an unchanged export.

    Raises:
        ConfigurationError: its ending is none of a conversation's file, or there can be
            no such file.
    """
    format = _format_of(file)
    with _told(file, "written"):
        target = _target(file)
        return not os.path.lexists(target) or _is_export(target, format)


def beside(stem: str, ending: str) -> Iterator[Path]:
    """Return names in the current folder for a conversation's file, the best first.

    Whoever gives them, each is the name of a plain file, on every system.

    Args:
        stem: what the name is made of, such as the conversation's name.
        ending: the format: ``ipynb``, ``md`` or ``json``.

    Raises:
        ConfigurationError: it is another format.
    """
    if f".{ending}" not in _FORMATS:
        names = ", ".join(name.removeprefix(".") for name in _FORMATS)
        raise ConfigurationError(
            f"A conversation is written as {names}, not as {excerpt(ending, 20)!r}."
        )
    return file_names.numbered(stem, f".{ending}")


def load(
    file: Path,
    reader: cleaned.Reader = cleaned.unread,
    tell: Callable[[str], None] = lambda _: None,
) -> list[State]:
    """Return the conversations in a file, in the order of their first turns.

    Args:
        file: the file.
        reader: reads what a cell of a notebook asks, where that was cleaned away.
        tell: takes a line about what could not be read.

    Raises:
        ConfigurationError: there are none; the message says why in one line.
    """
    format = _format_of(file)
    with _told(file, "loaded"):
        try:
            text = disk.read(file)
        except FileNotFoundError:
            raise ConfigurationError(f"There is no file {file}.") from None
        if format is ipynb:
            return ipynb.read(text, reader, tell)
        return format.read(text)


@contextmanager
def _told(file: Path, done: str) -> Iterator[None]:
    """Have what goes wrong be told in one line.

    Raises:
        ConfigurationError: it went wrong.
    """
    try:
        yield
    except RecursionError:
        reason = "it is nested too deeply"
    except MemoryError:
        reason = "it is larger than the memory that is left"
    except IsADirectoryError:
        reason = "it is a folder"
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError as error:
        reason = str(error)
    else:
        return
    raise ConfigurationError(f"{file} cannot be {done}: {reason}.")


def _target(file: Path) -> Path:
    """Return the file that a path leads to, which must be of the same format.

    Raises:
        OSError: it leads nowhere.
        ValueError: there can be no such file.
    """
    target = disk.target(file)
    if target.suffix.lower() != file.suffix.lower():
        raise ValueError(f"it is a link to {target}")
    if os.name == "nt" and file_names.is_device(file.name):
        raise ValueError("Windows has no such file")
    return target


def _format_of(file: Path) -> Format:
    format = _FORMATS.get(file.suffix.lower())
    if format is None:
        raise ConfigurationError(
            f"A conversation's file ends in {', '.join(_FORMATS)}; {file} does not."
        )
    return format


def _is_export(file: Path, format: Format) -> bool:
    try:
        return format.is_export(disk.read(file))
    except (OSError, ValueError, RecursionError):
        return False


def _check_no_key(state: State) -> None:
    """See that no key was asked with: a file is made to be passed on.

    What a model answered is written as it is.
    """
    for number, turn in enumerate(state.turns, 1):
        if any(map(holds_key, (*turn.texts_of_people, state.system or ""))):
            raise HeldBack(
                f"Nothing was written, for question {number} of {state.name}, its "
                "options or the system prompt holds an API key.",
                hint="Take that turn out of the conversation, and revoke the key if "
                "others have seen it; %chat export … --anyway writes it.",
            )
