"""Tells a model's thinking from its answer where both stand in one text.

Models without a field for it write ``<think>…</think>`` at the very start; where the
template has opened it, only the end stands in the text.
"""

import re
from typing import NamedTuple

_BEGIN, _END = "<think>", "</think>"
_BLANK = " \t\r\n"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
_LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_FIRST_LINES = re.compile(r"(?:[ \t]*\r?\n)+| +")


class Split(NamedTuple):
    """A text as the thinking before the answer, and the answer."""

    reasoning: str
    text: str


def split(text: str, *, ended: bool) -> Split:
    """Return what of *text* is thinking, and what is the answer.

    A text about the tags stays whole.

    Args:
        text: the answer's text as far as it has come.
        ended: whether no more of it will come.
    """
    start = text[: len(_BEGIN) + 100].lstrip(_BLANK)
    if start.startswith(_BEGIN):
        thought, end, answer = text.lstrip(_BLANK)[len(_BEGIN) :].partition(_END)
        if not end and not ended:
            thought = _without_begun_end(thought)
        return Split(thought.strip(_BLANK), _without_first_lines(answer))
    if not ended and _BEGIN.startswith(start):
        return Split("", "")  # it may become the tag
    at = _only_end(text, ended=ended)
    if at is None:
        return Split("", text)
    answer = text[at + len(_END) :]
    return Split(text[:at].strip(_BLANK), _without_first_lines(answer))


def _only_end(text: str, *, ended: bool) -> int | None:
    """Return where thinking ends that nothing in the text began, None for none."""
    at = text.find(_END)
    while at >= 0:
        if not _is_in_code(text, at):
            break
        at = text.find(_END, at + 1)
    if at < 0 or _BEGIN in text[:at]:
        return None
    line_end = _LINE_END.match(text, at + len(_END))
    if line_end is None or (line_end.end() == len(text) and not ended):
        return None  # it may go on in the same line
    # A sentence may end with the tag, at the very end of an answer about it.
    is_last = not text[at + len(_END) :].strip(_BLANK)
    is_alone = not text[text.rfind("\n", 0, at) + 1 : at].strip(_BLANK)
    return None if is_last and not (is_alone and ended) else at


def _is_in_code(text: str, at: int) -> bool:
    """Tell whether a place of Markdown is in a block or a span of code."""
    fence = ""
    for found in _FENCE.finditer(text, 0, at):
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[begin : len(text) if end < 0 else end]
    is_indented = line.startswith(("    ", "\t"))
    spans = _CODE.finditer(line)
    inside = any(each.start() <= at - begin < each.end() for each in spans)
    return bool(fence) or is_indented or inside


def _without_begun_end(thought: str) -> str:
    """Return thinking without what may become the tag at its end."""
    begun = thought.rfind("<", max(0, len(thought) - len(_END)))
    return (
        thought[:begun] if begun >= 0 and _END.startswith(thought[begun:]) else thought
    )


def _without_first_lines(answer: str) -> str:
    """Return an answer without the blanks that part it from the thinking."""
    blank = _FIRST_LINES.match(answer)
    return answer[blank.end() :] if blank else answer
