"""The one door for plain words to the screen: what goes through it is cleaned.

Nothing in a line, whoever wrote it, steers a terminal or turns the text around it. Only
the views of an answer (``notebook/views/``) write beside it.
"""

import sys

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
