"""Runs of ``*``, ``_`` and ``~~`` that begin or end emphasis, in every script.

The scripts of East Asia put no space between words: there, a sign on the one side of a
run asks for none on the other. What pairs the runs is the reader's own.
"""

import re
import unicodedata
from functools import lru_cache

from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

_LONGEST = 8  # a longer run is a line drawn with asterisks
_STRIKE = 2
_RUN = re.compile(r"\*+|_+|~+")
_CJK = re.compile(
    r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]"
)


def run(state: StateInline, silent: bool) -> bool:
    """Read a run as marks that wait for their pairs, or as text."""
    found = _RUN.match(state.src, state.pos, state.posMax)
    if found is None or silent:
        return False
    mark, length = found[0][0], len(found[0])
    state.pos = found.end()
    if length > _LONGEST or (mark == "~" and length != _STRIKE):
        state.append_pending(found[0])
        return True
    opens, closes = _sides(state, found.start(), found.end())
    pieces = [found[0]] if mark == "~" else found[0]
    for piece in pieces:
        state.push("text", "", 0).content = piece
        state.delimiters.append(
            Delimiter(
                marker=ord(mark),
                length=0 if mark == "~" else length,  # for the rule of three
                token=len(state.tokens) - 1,
                end=-1,
                open=opens,
                close=closes,
            )
        )
    return True


def _sides(state: StateInline, start: int, end: int) -> tuple[bool, bool]:
    """Tell whether a run may begin emphasis, and whether it may end one."""
    before = state.src[start - 1] if start else "\n"
    after = state.src[end] if end < state.posMax else "\n"
    opens, closes = _is_beside_word(after, before), _is_beside_word(before, after)
    if state.src[start] != "_":
        return opens, closes
    return (
        opens and (not closes or _is_punctuation(before)),
        closes and (not opens or _is_punctuation(after)),
    )


def _is_beside_word(word: str, other: str) -> bool:
    """Tell whether a run has *word* on its side as the edge of a word."""
    if word.isspace():
        return False
    return (
        not _is_punctuation(word)
        or other.isspace()
        or _is_punctuation(other)
        or bool(_CJK.match(other))
    )


@lru_cache(maxsize=512)
def _is_punctuation(character: str) -> bool:
    """Tell whether *character* is punctuation or a symbol."""
    return unicodedata.category(character)[0] in "PS"
