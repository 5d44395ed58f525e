"""Standard output of a terminal: text that stays, and lines below it that pass."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any, TextIO

from apertis_magic.clean import encodable

_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
# From the beginning of this line to the end of the screen. Ctrl-C makes the system drop
# what is on its way to the terminal, so lines may still be cut off there.
_ERASE = f"{_WRAP}\r\x1b[J"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class Screen:
    """A stream for text and, where it is a terminal, for lines that pass.

    The cursor rests where the passing lines begin, so that what takes them back is
    right whatever has become of them: the window may have another size by then, and
    somebody else may have written.

    Args:
        stream: where everything goes, also when ``sys.stdout`` is changed meanwhile.

    Attributes:
        obeys: whether it is a terminal that obeys escape sequences.
    """

    def __init__(self, stream: TextIO) -> None:
        self.obeys = _obeys(stream)
        self._stream = stream
        self._has_passing = False
        self._in_line = False

    @property
    def size(self) -> os.terminal_size:
        """Columns and lines, as they are now."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except (AttributeError, OSError, ValueError):
            return get_terminal_size()
        return size if all(size) else os.terminal_size((80, 24))

    @property
    def fresh(self) -> str:
        """What must be written for the next text to begin in a line of its own."""
        return "\n" if self._in_line else ""

    def dim(self, text: str) -> str:
        """Return *text* as this terminal shows what is less important."""
        is_plain = not self.obeys or os.environ.get("NO_COLOR")
        return text if is_plain or not text else f"{_DIM}{text}{_PLAIN}"

    def put(self, text: str, passing: Sequence[str] = ()) -> None:
        """Take back the lines that pass, write *text* and show other such lines.

        Args:
            text: what stays; with passing lines it ends in a newline or is empty.
            passing: lines that are no wider than the screen, and fewer than its own.
        """
        ends = text.removesuffix(_PLAIN)
        self._in_line = not ends.endswith("\n") if ends else self._in_line
        if self.obeys:
            text = _ERASE * self._has_passing + text
            self._has_passing = bool(passing)
            if passing:
                lines = "\n".join(passing)
                up = f"\x1b[{len(passing) - 1}A" if len(passing) > 1 else ""
                text += f"{_NO_WRAP}{lines}{up}\r{_WRAP}"
        if text:
            self._stream.write(encodable(text, self._stream))
            self._stream.flush()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let an interrupt wait until what is inside has been done.

    What is on the screen and what is known of it would differ otherwise.
    """
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not callable(before):
        yield
        return
    came: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        before(*came[0])


def _obeys(stream: TextIO) -> bool:
    """Tell whether *stream* is a terminal that obeys escape sequences."""
    is_terminal = getattr(stream, "isatty", lambda: False)()
    # An old Windows console prints them.
    is_known = os.name != "nt" or "WT_SESSION" in os.environ
    return is_terminal and is_known and os.environ.get("TERM") != "dumb"
