"""Writes an answer to a terminal as it comes."""

import sys

from apertis_magic.chat.reply import Progress
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.render.footer import footer, notes


class TerminalView:
    """Standard output of a terminal: the text as it comes, the footer below it.

    Nothing of what the model writes can steer the terminal.
    """

    def __init__(self, *, foot: bool = True) -> None:
        self._foot = foot
        self._written = 0

    def update(self, progress: Progress) -> None:
        """Write what is new of the answer."""
        self._write(
            progress.text.removesuffix("\ufffd")
        )  # its other half may still come

    def finish(self, turn: Turn, conversation: str) -> None:  # noqa: ARG002  see View
        """Write the rest and the footer."""
        self._write(turn.text or turn.refusal)
        for line in (*notes(turn), *([footer(turn)] * self._foot)):
            sys.stdout.write(f"\n{printable(line)}")
        sys.stdout.write("\n")
        sys.stdout.flush()

    def clear(self) -> None:
        """Do nothing: nothing has been written."""

    def _write(self, text: str) -> None:
        sys.stdout.write(printable(text[self._written :]))
        sys.stdout.flush()
        self._written = len(text)
