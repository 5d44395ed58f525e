"""The plain lines that a command answers with, and the words in them."""

import sys
from collections.abc import Sequence

from apertis_magic.clean import printable


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
