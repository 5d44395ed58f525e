"""How numbers and lists are put in a sentence."""

from collections.abc import Sequence


def turns(number: int) -> str:
    """Return so many turns, in words."""
    return counted(number, "turn")


def counted(number: int, noun: str) -> str:
    """Return so many of what *noun* names."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return the first of *names* for the middle of a sentence, each of them once."""
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more
