"""Offers what may have been meant by a word that nobody knows."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_CUTOFF = 0.75
"""How alike two words are, from 0 to 1, of which one may be a slip for the other."""

_SLIP = 2
"""Letters that a word must have to be like another: single ones are all one slip."""

_SHORTEST = 3
"""Letters that a word must have to be the beginning of another."""

_TELLING = 6
"""Letters of another tool's word from which on a slip for it can be told: too many
words are like the shorter ones."""


def closest(
    word: str, known: Iterable[str], meant: Mapping[str, str] | None = None
) -> str:
    """Return a sentence that offers what is closest to *word*, empty where nothing is.

    Args:
        word: what was typed.
        known: the words that there are.
        meant: what to say of words that other tools have.
    """
    ours = {each: f"Did you mean {each}?" for each in known}
    said = {**(meant or {}), **ours}
    if word in said:
        return f" {said[word]}"
    start = _bare(word)
    bare = {
        _bare(each): sentence
        for each, sentence in said.items()
        if len(_bare(each)) >= (_SLIP if each in ours else _TELLING)
    }
    is_long = len(start) >= _SLIP
    near = get_close_matches(start, bare, n=1, cutoff=_CUTOFF) if is_long else []
    found = {bare[each] for each in near} or _begun(start, ours) or _begun(start, said)
    return f" {found.pop()}" if len(found) == 1 else ""


def _begun(start: str, said: Mapping[str, str]) -> set[str]:
    """Return what is said of the words that *start* is the beginning of."""
    is_start = len(start) >= _SHORTEST
    return {said[each] for each in said if is_start and _bare(each).startswith(start)}


def _bare(word: str) -> str:
    """Return a word without its dashes, which would make any two options alike."""
    return word.lstrip("-").lower()
