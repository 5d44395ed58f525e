"""A real IPython or ``jupyter console`` in a pseudo-terminal, and what one sees."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import pexpect  # type: ignore[import-untyped]  # it has none
from wcwidth import wcwidth

PATIENCE = 60.0
WIDTH, HEIGHT = 60, 12

# A shell that runs cells as IPython does, without the line editor around them.
PROGRAM = """
import sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from traitlets.config import Config
sys.modules.update(dict.fromkeys(sys.argv[1].split()))
shell = TerminalInteractiveShell.instance(
    config=Config(HistoryManager={"enabled": False}), colors="NoColor"
)
for cell in sys.argv[2:]:
    shell.run_cell(cell)
    print("[end]")
"""

_UNSEEN = "\u200d\u3000\xa0\xad\u200e\u200f\u061c"
"""What may come beside letters and signs: it moves nothing and turns nothing."""

_ESCAPE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Picture:
    """The lines of a terminal, those above its upper edge included.

    It obeys what may be sent to it, and refuses everything else.

    Attributes:
        lines: what stands there.
        highest: the most lines that were ever moved up at once.
    """

    def __init__(self, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.lines: list[list[str]] = [[]]
        self.highest = 0
        self._row = self._column = 0
        self._width, self._height = width, height
        self._wraps = True

    @property
    def text(self) -> str:
        """The lines as text, without blanks at their ends."""
        return "\n".join("".join(line).rstrip() for line in self.lines).rstrip("\n")

    def feed(self, stream: str) -> None:
        """Take what a program has written."""
        at = 0
        while at < len(stream):
            found = _ESCAPE.match(stream, at)
            if found:
                self._obey(found[1], found[2])
                at = found.end()
            else:
                self._take(stream[at])
                at += 1

    def _obey(self, numbers: str, command: str) -> None:
        if command == "J" and not numbers:
            del self.lines[self._row + 1 :]
            del self.lines[self._row][self._column :]
        elif command == "A":
            top = max(len(self.lines) - self._height, 0)
            assert self._row - int(numbers) >= top, "moved out of the screen"

            self._row -= int(numbers)
            self.highest = max(self.highest, int(numbers))
        elif numbers == "?7":
            self._wraps = command == "h"
        else:
            assert command == "m", f"steered by {numbers}{command}"

    def _take(self, char: str) -> None:
        if char == "\r":
            self._column = 0
        elif char == "\n":
            self._next_line()
            self._column = 0
        elif char == "\t":
            for _ in range(8 - self._column % 8):
                self._put(" ", 1)
        else:
            assert char.isprintable() or char in _UNSEEN, repr(char)

            self._put(char, wcwidth(char))

    def _put(self, char: str, cells: int) -> None:
        if self._column + cells > self._width:
            if not self._wraps:
                return
            self._next_line()
            self._column = 0
        line = self.lines[self._row]
        line.extend(" " * (self._column - len(line)))
        # A wide character fills a second cell, which holds no text of its own.
        line[self._column : self._column + cells] = [char, *[""] * (cells - 1)][
            : max(cells, 1)
        ]
        self._column += cells

    def _next_line(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append([])


class Terminal:
    """An IPython that runs cells in a pseudo-terminal.

    Attributes:
        stream: all that it has written.
    """

    def __init__(self, child: Any) -> None:
        self.child = child
        self.stream = ""
        self.until("[end]\r\n")
        self.stream = ""  # what IPython itself says to the terminal at its start

    def until(self, words: str) -> str:
        """Wait until *words* have been written, and return what came up to them."""
        self.child.expect_exact(words)
        came: str = self.child.before + self.child.after
        self.stream += came
        return came

    def end(self) -> str:
        """Wait for the end of the next cell and return what a person sees by then."""
        self.until("[end]\r\n")
        return self.picture.text.removesuffix("[end]").removesuffix("\n")

    @property
    def picture(self) -> Picture:
        """What a person sees."""
        picture = Picture()
        picture.feed(self.stream)
        return picture


@contextmanager
def terminal(
    *cells: str,
    without: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Terminal]:
    """Run *cells* in a terminal.

    Args:
        cells: what is run, after the extension has been loaded.
        without: modules that cannot be imported there.
        environment: variables that are set besides.
    """
    child = pexpect.spawn(
        sys.executable,
        ["-c", PROGRAM, without, "%load_ext apertis_magic", *cells],
        env={**_environment(), **environment},
        dimensions=(HEIGHT, WIDTH),
        timeout=PATIENCE,
        encoding="utf-8",
    )
    try:
        yield Terminal(child)
    finally:
        child.close(force=True)


class Console:
    """A ``jupyter console``, which has a kernel of its own."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._next = 1
        self._ask()

    def run(self, cell: str, *, interrupted_at: str = "") -> str:
        """Run a line to its end, and return what is written below it.

        Args:
            cell: the line; one that a blank line must follow ends in a newline.
            interrupted_at: words of the output at which Ctrl-C is pressed.
        """
        self._child.sendline(cell)
        self._child.expect_exact(cell.rstrip())
        came = ""
        if interrupted_at:
            self._child.expect_exact(interrupted_at)
            came = self._child.before + self._child.after
            self._child.sendintr()
        self._next += 1
        return (came + self._ask()).replace("\r", "").strip()

    def _ask(self) -> str:
        self._child.expect_exact(f"In [{self._next}]: ")
        came: str = self._child.before
        return came


@contextmanager
def console() -> Iterator[Console]:
    """Run a ``jupyter console``, whose lines are read without an editor."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "jupyter_console", "--simple-prompt"],
        env={**_environment(), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        dimensions=(HEIGHT, 200),
        timeout=PATIENCE,
        encoding="utf-8",
    )
    try:
        yield Console(child)
    finally:
        child.sendline("exit")  # it ends its kernel
        child.expect([pexpect.EOF, pexpect.TIMEOUT])
        child.close(force=True)


def _environment() -> dict[str, str]:
    """Return the variables of this process, but for those that change a terminal."""
    others = ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES")
    known = {name: value for name, value in os.environ.items() if name not in others}
    return known | {"TERM": "xterm-256color"}
