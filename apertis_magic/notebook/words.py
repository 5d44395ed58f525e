"""Splits a magic line into words as a shell does, but spares JSON and apostrophes."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from IPython.core.error import UsageError

from apertis_magic.credentials import redact

# What may stand right before a quote that opens: nothing, or an option and perhaps "=".
_LEAD = re.compile(r"--[\w-]+=|-[A-Za-z]=?|")
_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*)"(?=\s|$)')
_SINGLE = re.compile(r"'([^']*)'(?=\s|$)")
_KEYED = re.compile(r"([A-Za-z_][\w.]*=)'([^']*)'(?=\s|$)")
_PLAIN = re.compile(r"\S+")
_ESCAPED = re.compile(r'\\(["\\])')
_JSON_OPENS = re.compile(r"[^\s{\[\"']*[{\[]|[^\s\"'=]+=\"")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a magic line.

    Attributes:
        text: the word without the quotes that grouped it.
        start: where it begins on the line.
        end: where it ends.
        quoted: whether it stood in quotes as a whole.
        open: whether a quote in it is not closed.
    """

    text: str
    start: int
    end: int
    quoted: bool = False
    open: bool = False


def words(line: str, start: int = 0) -> Iterator[Word]:
    """Give the words of a magic line one by one.

    Quotes group words where they open a word or an option's value; anywhere else they
    are what they are. JSON may hold spaces: ``-p a={"b": 1}`` is two words.
    """
    while begins := re.compile(r"\S").search(line, start):
        word = _word(line, begins.start())
        yield word
        start = word.end


def closed(word: Word) -> Word:
    """Return *word*.

    Raises:
        UsageError: a quote in it is not closed.
    """
    if word.open:
        raise UsageError(f"a quote is not closed: {redact(word.text)}")
    return word


def _word(line: str, start: int) -> Word:
    if pair := _KEYED.match(line, start):  # of -p, as a shell's user writes it
        return Word(pair[1] + pair[2], start, pair.end())
    lead = _LEAD.match(line, start)
    before = lead[0] if lead else ""
    opens = start + len(before)
    # Of short options' values, "-s=x" is also a way to write "-sx".
    name = before if before.startswith("--") else before.removesuffix("=")
    if quote := _DOUBLE.match(line, opens):
        text = _ESCAPED.sub(r"\1", quote[1])
        return Word(name + text, start, quote.end(), quoted=not before)
    if quote := _SINGLE.match(line, opens):
        return Word(name + quote[1], start, quote.end(), quoted=not before)
    plain = _PLAIN.match(line, start)
    end = _json_end(line, start) or (plain.end() if plain else len(line))
    text = line[start:end]
    is_open = line[opens : opens + 1] in tuple("\"'") and text[-1] != line[opens]
    return Word(text, start, end, open=is_open)


def _json_end(line: str, start: int) -> int | None:
    """Return where the JSON value that the word at *start* holds ends, if it does."""
    opens = _JSON_OPENS.match(line, start)
    if opens is None:
        return None
    try:
        _, end = json.JSONDecoder().raw_decode(line, opens.end() - 1)
    except (ValueError, RecursionError):
        return None
    return end if not line[end : end + 1].strip() else None
