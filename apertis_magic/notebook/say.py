"""The one door for plain words to the screen: what goes through it is cleaned.

Nothing in a line, whoever wrote it, steers a terminal or turns the text around it, and
what the terminal cannot show is escaped. Only the views of an answer
(``notebook/views/``) write beside it.
"""

import sys
from collections.abc import Mapping
from typing import TextIO

from IPython.display import display

from apertis_magic.clean import encodable, printable
from apertis_magic.notebook.front_end import in_vscode

_LONGEST = 25
"""Lines that are written as text everywhere; VS Code cuts more than 30 in the middle,
but no HTML."""


def say(*lines: str) -> None:
    """Write lines to the output of the cell or the terminal."""
    text = "\n".join(lines)
    if text.count("\n") >= _LONGEST and in_vscode():
        from apertis_magic.render.bundle import listing

        publish(listing(text))
        return
    _write(text + "\n", sys.stdout)
    sys.stdout.flush()


def say_over(line: str) -> None:
    """Write a line in the place of the last one that was said over; ``say`` ends it."""
    sys.stdout.write("\r")
    _write(line, sys.stdout)
    sys.stdout.flush()


def warn(line: str) -> None:
    """Write a line to where errors go, for what the user did not ask for."""
    _write(f"apertis_magic: {line}\n", sys.stderr)


def publish(output: Mapping[str, str]) -> None:
    """Display an output by its media types; IPython prints its text in a terminal."""
    text = encodable(output["text/plain"], sys.stdout)
    display({**output, "text/plain": text}, raw=True)


def _write(text: str, stream: TextIO) -> None:
    stream.write(encodable(printable(text), stream))
