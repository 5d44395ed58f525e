"""The one door for plain words to the screen: what goes through it is cleaned.

Nothing in a line, whoever wrote it, steers a terminal or turns the text around it. Only
the views of an answer (``notebook/views/``) write beside it.
"""

import sys
from collections.abc import Sequence

from apertis_magic.clean import printable


def say(*lines: str) -> None:
    """Write lines to the output of the cell or the terminal."""
    sys.stdout.write(printable("\n".join(lines)) + "\n")
    sys.stdout.flush()


def say_over(line: str) -> None:
    """Write a line in the place of the last one that was said over; ``say`` ends it."""
    sys.stdout.write("\r" + printable(line))
    sys.stdout.flush()


def warn(line: str) -> None:
    """Write a line to where errors go, for what the user did not ask for."""
    sys.stderr.write(printable(f"apertis_magic: {line}\n"))


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
