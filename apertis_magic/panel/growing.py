"""A growing answer -> what a page is told: text at once, and HTML of whole blocks."""

from typing import Any

from apertis_magic.chat.reply import Reply
from apertis_magic.chat.turn import Turn
from apertis_magic.render import bundle
from apertis_magic.render.commonmark.reader import finished

LONG = 60_000
"""Characters above which an answer is not rendered again as a whole at its end."""

_PIECE = 8_192
"""Characters that are rendered in one go, unless a block is longer."""

_AT_ONCE = 65_536
"""Characters that are rendered in one step; others wait for the same thread."""

_HALF = "\ufffd"  # half a character, the rest of which may still come


class Growing:
    """What the pages have of one answer.

    Args:
        reply: the answer in flight.

    Attributes:
        text: its Markdown, as far as the pages have it.
        html: the HTML of its first blocks, which can no longer change.
        thought: the model's thinking, as far as the pages have it.
        status: what happens, while there is no text.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._covered = 0  # characters that html stands for
        self._due = 0  # characters behind them that are worth another look
        self.text = self.html = self.thought = self.status = ""
        self.news()

    @property
    def covered(self) -> int:
        """How much of ``text`` the ``html`` stands for, as a page counts."""
        return _units(self.text[: self._covered])

    def news(self) -> dict[str, Any]:
        """Return what is new, and have it known; nothing where nothing is."""
        reply = self._reply
        text = (reply.text or reply.refusal).rstrip(_HALF)
        thought = reply.reasoning.rstrip(_HALF)
        if not text.startswith(self.text):  # a refusal, and then an answer
            return {}
        status = "" if text else reply.status
        return self._told(text, thought, status, is_whole=False)

    def end(self, turn: Turn) -> tuple[dict[str, Any], bool]:
        """Return what is new in the whole answer, and whether that is all.

        It is not where what came later changed a block before it, such as the target
        of a link; the page then needs the HTML of the whole.
        """
        text = turn.text or turn.refusal
        if not text.startswith(self.text):
            return {}, False
        news = self._told(text, turn.reasoning, "", is_whole=True)
        is_all = len(text) > LONG or _same(self.html, bundle.html_of(text))
        return news, is_all

    def _told(
        self, text: str, thought: str, status: str, *, is_whole: bool
    ) -> dict[str, Any]:
        found: dict[str, Any] = {
            "text": text[len(self.text) :],
            "thought": thought[len(self.thought) :],
        }
        self.text, self.thought = text, thought
        blocks = self._blocks(is_whole=is_whole)
        if status != self.status:
            found["status"] = self.status = status
        if blocks:
            self.html += "".join(blocks)
            found |= {"blocks": blocks, "covered": self.covered}
        return {k: v for k, v in found.items() if v or k == "status"}

    def _blocks(self, *, is_whole: bool) -> list[str]:
        """Return the HTML of the blocks that are whole by now, and count them as so."""
        blocks: list[str] = []
        end = self._covered + _AT_ONCE
        while is_whole or self._covered < end:
            rest = self.text[self._covered :]
            if not rest or (not is_whole and len(rest) < self._due):
                break
            length = _whole_blocks(rest) or (len(rest) if is_whole else 0)
            if not length:
                self._due = len(rest) + max(64, len(rest) // 4)
                break
            blocks.append(bundle.html_of(rest[:length]))
            self._covered += length
            self._due = 0
        return blocks


def _whole_blocks(text: str) -> int:
    """Return the length of some blocks at the beginning of *text* that are whole."""
    size = _PIECE
    while not (length := finished(text[:size])) and size < len(text):
        size *= 2
    return length


def _same(pieces: str, whole: str) -> bool:
    # Between two blocks stands a line's end or none; it shows nowhere.
    return pieces.replace("\n", "") == whole.replace("\n", "")


def _units(text: str) -> int:
    """Return the length of *text* as JavaScript counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
