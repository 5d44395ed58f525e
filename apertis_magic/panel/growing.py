"""A growing answer -> what a page is sent: text at once, and HTML of whole blocks."""

from typing import Any

from apertis_magic.chat.parts import Text, without_thinking
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.turn import Turn
from apertis_magic.render.rendering import Rendering

LONG = 60_000
"""Characters above which an answer is not rendered again as a whole at its end."""

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
        self.status = ""
        self._begin()
        self.news()

    def _begin(self) -> None:
        self._rendering = Rendering()
        self._covered = 0  # characters that html stands for
        self._due = 0  # characters behind them that are worth another look
        self.text = self.html = self.thought = ""

    @property
    def covered(self) -> int:
        """How much of ``text`` the ``html`` stands for, as a page counts."""
        return _units(self.text[: self._covered])

    def news(self) -> dict[str, Any]:
        """Return what is new, and count it as sent; nothing where nothing is."""
        now = self._reply.now
        text = shortened(now.text or now.refusal).rstrip(_HALF)
        thought = now.reasoning.rstrip(_HALF)
        status = "" if text else now.status
        # What was shown as the answer may turn out to be thinking, or a refusal.
        is_same = text.startswith(self.text) and thought.startswith(self.thought)
        if not is_same:
            self._begin()
        news = self._grown(text, thought, status, is_whole=False)
        return news if is_same else {"anew": True, **news}

    def end(self, turn: Turn) -> tuple[dict[str, Any], bool]:
        """Return what is new in the whole answer, and whether the page has all then.

        It has not where what came later changed a block before it, such as the target
        of a link, or stands between texts; the page then needs the HTML of the whole.
        """
        text = turn.text or turn.refusal
        if not text.startswith(self.text):
            return {}, False
        news = self._grown(text, turn.reasoning, "", is_whole=True)
        texts = sum(isinstance(part, Text) for part in without_thinking(turn.parts))
        is_one = texts <= 1 and not turn.pictures
        is_long = len(text) > LONG
        return news, is_one and (is_long or self._rendering.whole() == self.html)

    def _grown(
        self, text: str, thought: str, status: str, *, is_whole: bool
    ) -> dict[str, Any]:
        """Take over what the answer is now, and return what of it is new."""
        growth: dict[str, Any] = {
            "text": text[len(self.text) :],
            "thought": thought[len(self.thought) :],
        }
        self.text, self.thought = text, thought
        blocks = self._blocks(is_whole=is_whole)
        if status != self.status:
            growth["status"] = self.status = status
        if blocks:
            self.html += "".join(blocks)
            growth |= {"blocks": blocks, "covered": self.covered}
        return {k: v for k, v in growth.items() if v or k == "status"}

    def _blocks(self, *, is_whole: bool) -> list[str]:
        """Return the HTML of the blocks that are whole by now, and count them as so."""
        waiting = len(self.text) - self._covered
        if not waiting or (not is_whole and waiting < self._due):
            return []
        end = len(self.text) if is_whole else self._covered + _AT_ONCE
        self._rendering.grow(self.text[:end])
        ends = self._rendering.ends
        end = end if is_whole else ends[-1] if ends else 0
        if end <= self._covered:
            self._due = waiting + max(64, waiting // 4)
            return []
        start, self._covered, self._due = self._covered, end, 0
        return [self._rendering.html(start, end)]


def _units(text: str) -> int:
    """Return the length of *text* as JavaScript counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
