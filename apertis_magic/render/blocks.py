"""A growing text -> its finished blocks and its open tail.

A block is finished when nothing that may still come can change how it looks. Link
references and footnotes are the exceptions; the last render puts them right.
"""

from dataclasses import dataclass, replace

from apertis_magic.render.commonmark.reader import finished
from apertis_magic.render.markdown import to_html

__all__ = ["Growing", "finished"]


@dataclass(frozen=True, slots=True)
class Growing:
    """A text that grows, and the HTML of its finished blocks.

    Attributes:
        html: of the finished blocks.
        length: of the text they were made of.
        tail: HTML of the rest.
    """

    html: str = ""
    length: int = 0
    tail: str = ""

    def grown(self, text: str) -> "Growing":
        """Return the same for *text*, which begins as the text before it did."""
        rest = text[self.length :]
        end = finished(rest)
        if not end:
            return replace(self, tail=to_html(rest))
        return Growing(
            html=self.html + to_html(rest[:end]),
            length=self.length + end,
            tail=to_html(rest[end:]),
        )
