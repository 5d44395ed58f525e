"""What stands behind a ``%chat`` command, and the plain lines that it answers with."""

import sys
from collections.abc import Sequence

from IPython.core.error import UsageError

from apertis_magic.chat import names
from apertis_magic.clean import printable, redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.words import closed, words

ENDINGS = (".ipynb", ".md", ".json")
"""Of the files that hold conversations."""


def read(
    command: str, rest: str, *flags: str, most: int = 1
) -> tuple[list[str], frozenset[str]]:
    """Return the words behind a command, and those of *flags* that are among them.

    Args:
        command: the command's name, for what is said of a mistake.
        rest: what stands behind it.
        flags: the options that it takes.
        most: how many other words it takes.

    Raises:
        UsageError: there are more, another option, or a quote that is not closed.
    """
    found = [closed(word) for word in words(rest)]
    given = {w.text for w in found if w.text in flags and not w.quoted}
    others = [w for w in found if w.quoted or w.text not in flags]
    for word in others:
        if word.text.startswith("-") and not word.quoted:
            known = " or ".join(flags) or "no options"
            raise UsageError(f"%chat {command} takes {known}, not {redact(word.text)}.")
    if len(others) > most:
        takes = (
            f"nothing more, not {redact(others[0].text)!r}",
            "one name; put quotes around one with spaces",
            "a file and a name; put quotes around one with spaces",
        )[most]
        raise UsageError(f"%chat {command} takes {takes}.")
    return [word.text for word in others], frozenset(given)


def read_name(command: str, rest: str, *flags: str) -> tuple[str | None, bool]:
    """Return the name of a conversation behind a command, and whether a flag is there.

    Raises:
        UsageError: the line is wrong, or that can be no name.
    """
    names, given = read(command, rest, *flags)
    return (check_name(names[0]) if names else None), bool(given)


def check_name(name: str) -> str:
    """Return a conversation's name without blanks around it.

    Raises:
        UsageError: it is no name; a key in it is not repeated.
    """
    try:
        return names.checked(name)
    except ConfigurationError as error:
        raise UsageError(f"%chat: {error}") from None


def excerpt(text: str, most: int = 60) -> str:
    """Return the beginning of *text* in one line of so many characters at the most."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def turns(number: int) -> str:
    """Return so many turns, in words."""
    return f"{number} turn" if number == 1 else f"{number} turns"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first of *names* for the middle of a sentence, each of them once."""
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def say(*lines: str) -> None:
    """Write lines to the cell's output, as text that no terminal obeys."""
    sys.stdout.write(printable("\n".join(lines)) + "\n")
