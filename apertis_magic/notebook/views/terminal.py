"""Shows an answer in a terminal: its text as it comes, formatted where it can be.

Nothing of what the model writes can steer the terminal, and all of it is printed once.
"""

import sys

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.notebook.views.screen import Screen, uninterrupted
from apertis_magic.render.footer import Format, under
from apertis_magic.render.text import BLANK

_PARTS = ("reasoning", "text", "refusal")
"""What an answer may have, in the order in which it is printed."""

_HALF = "\ufffd"
"""Half a character, the rest of which may still come."""


class TerminalView:
    """Standard output; with ``rich``, and where it is a terminal, formatted.

    Then a block of Markdown is printed when it has come to its end, and what has come
    of the next one passes below it.

    Args:
        format: how the answer's text is shown.
        footer: whether there is a footer.
    """

    def __init__(self, format: Format = "markdown", *, footer: bool = True) -> None:
        self._footer = footer
        self._screen = Screen(sys.stdout)
        is_plain = format == "text" or not self._screen.obeys
        self._formats = not is_plain and _has_rich()
        self._printed = dict.fromkeys(_PARTS, "")
        self._text = ""  # as far as it is printed, or passes
        self._part = ""
        self._ended = False

    def update(self, progress: Progress) -> None:
        """Print what is new of the answer, or its status while there is nothing."""
        with uninterrupted():
            self._print_parts(progress, at_end=False)
            if not self._part and self._screen.obeys:
                self._show_status(progress.status)

    def finish(self, turn: Turn, conversation: str | None) -> None:  # noqa: ARG002  see View
        """Print the rest and the footer, once."""
        with uninterrupted():
            if self._ended:
                return
            self._print_parts(turn, at_end=True)
            lines = under(turn, footer=self._footer)
            end = "\n".join(map(printable, lines))
            end = f"{self._screen.dim(end)}\n" if lines else ""
            self._screen.put(self._screen.fresh + end)
            self._ended = True

    def clear(self) -> None:
        """Take back the status: nothing came, and an error follows."""
        with uninterrupted():
            self._screen.put(self._screen.fresh)

    def _show_status(self, status: str) -> None:
        width = self._screen.size.columns - 1
        line = printable(status).replace("\n", " ")[:width]
        self._screen.put("", [self._screen.dim(line)])

    def _print_parts(self, answer: Progress | Turn, *, at_end: bool) -> None:
        """Print what is new; what comes late of an earlier part waits for the end."""
        texts = {part: shortened(getattr(answer, part)) for part in _PARTS}
        if not texts["text"].startswith(self._text):
            self._begin_again()
        self._text = texts["text"].removesuffix(_HALF)
        at = _PARTS.index(self._part) if self._part else 0
        due = [part for part in _PARTS[at:] if texts[part]]
        for part in due:
            self._print(part, texts[part], ended=at_end or part != due[-1])
        for part in _PARTS[:at] if at_end else ():
            self._print(part, texts[part], ended=True)

    def _begin_again(self) -> None:
        """Take what was printed as text for thinking, whose end has only now come.

        It stays where it is, and the answer is printed below it.
        """
        self._printed["reasoning"] += self._printed["text"].lstrip()
        self._printed["text"] = ""
        self._part = "reasoning" if self._printed["reasoning"] else ""

    def _print(self, part: str, text: str, *, ended: bool) -> None:
        """Print what is new of a part."""
        if not ended:
            text = text.removesuffix(_HALF)
        rest = text[len(self._printed[part]) :]
        if rest:
            self._begin(part)
        if part == "text" and self._formats:
            self._print_blocks(rest, ended=ended)
            return
        shown = printable(rest)
        self._screen.put(self._screen.dim(shown) if part == "reasoning" else shown)
        self._printed[part] = text

    def _begin(self, part: str) -> None:
        if part == self._part:
            return
        above = f"{self._screen.fresh}\n" if self._part else ""
        head = self._screen.dim("thinking") + "\n" if part == "reasoning" else ""
        self._screen.put(above + head)
        self._part = part

    def _print_blocks(self, rest: str, *, ended: bool) -> None:
        """Print the blocks that have come to their end, and let the others pass."""
        from apertis_magic.notebook.views import formatted
        from apertis_magic.render.reading import finished

        columns, lines = self._screen.size
        end = len(rest) if ended else finished(rest)
        passing = [] if ended else formatted.last_lines(rest[end:], columns, lines - 1)
        blocks = ""
        if rest[:end].strip(f"{BLANK}\n"):
            gap = "\n" if self._printed["text"] else ""
            blocks = gap + formatted.blocks(rest[:end], width=columns)
        self._screen.put(blocks, passing)
        self._printed["text"] += rest[:end]


def _has_rich() -> bool:
    try:
        from apertis_magic.notebook.views import formatted  # noqa: F401  heavy, an extra
    except ImportError:
        return False
    return True
