"""Tells a model's thinking from its answer where both stand in one text.

Models without a field for it write ``<think>…</think>`` at the very start; where the
template has opened it, only the end stands in the text.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from apertis_magic.chat import prose

_BEGIN, _END = "<think>", "</think>"
_BLANK = " \t\r\n"
_LINE_END = re.compile(r"[ \t]*\r?(?:\n|\Z)")
_NEAR = 20
"""Pieces of a text in which a tag that has just come stands, however it was cut."""

_FIRST_LINES = re.compile(r"(?:[ \t]*\r?\n)+| +")


class Split(NamedTuple):
    """A text as the thinking before the answer, and the answer."""

    reasoning: str
    text: str


def split(text: str, *, ended: bool) -> Split:
    """Return what of *text* is thinking, and what is the answer.

    A text about the tags stays whole. While more may come, what may become a tag, or
    is one that may yet turn out to be the answer's own, is in neither.

    Args:
        text: the answer's text as far as it has come.
        ended: whether no more of it will come.
    """
    first = text.lstrip(_BLANK)
    if first.startswith(_BEGIN):
        thought, end, answer = first[len(_BEGIN) :].partition(_END)
        if not end and not ended:
            thought = _without_begun_end(thought)
        return Split(thought.strip(_BLANK), _without_first_lines(answer))
    if not ended and _BEGIN.startswith(first):
        return Split("", "")  # it may become the tag
    at = _only_end(text)
    if at is None:
        return Split("", text if ended else _without_begun_end(text))
    answer = text[at + len(_END) :]
    # A sentence may end with the tag, at the very end of an answer about it.
    is_alone = not text[text.rfind("\n", 0, at) + 1 : at].strip(_BLANK)
    if not answer.strip(_BLANK) and not (is_alone and ended):
        return Split("", text if ended else text[:at])
    return Split(text[:at].strip(_BLANK), _without_first_lines(answer))


def is_open(pieces: Sequence[str]) -> bool:
    """Tell whether a text that has just grown is still the thinking it began with.

    Args:
        pieces: the text as it came; only the first and the last ones are looked at.
    """
    if not "".join(pieces[:_NEAR]).lstrip(_BLANK).startswith(_BEGIN):
        return False
    return _END not in "".join(pieces[-_NEAR:])


def _only_end(text: str) -> int | None:
    """Return where thinking may end that nothing began: at a line's end, or None."""
    at = _outside_code(text) if _END in text else None
    if at is None or _BEGIN in text[:at] or not _LINE_END.match(text, at + len(_END)):
        return None
    return at


def _outside_code(text: str) -> int | None:
    """Return where the first such tag stands that is in no block or span of code."""
    found = (
        start + line.find(_END)
        for start, line in prose.lines(text, _END)
        if _END in line
    )
    return next(found, None)


def _without_begun_end(thought: str) -> str:
    """Return thinking without what may become the tag at its end."""
    begun = thought.rfind("<", max(0, len(thought) - len(_END)))
    return (
        thought[:begun] if begun >= 0 and _END.startswith(thought[begun:]) else thought
    )


def _without_first_lines(answer: str) -> str:
    """Return an answer without the blanks that part it from the thinking."""
    if not answer.strip(_BLANK):
        return ""
    blank = _FIRST_LINES.match(answer)
    return answer[blank.end() :] if blank else answer
