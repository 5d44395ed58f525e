"""The pieces of a choice, as a server sent them -> the parts of an answer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from apertis_magic.api.assemble import Pieces, Run
from apertis_magic.api.tool_calls import named
from apertis_magic.api.value import Json
from apertis_magic.chat import echoes, picture, prose, thinking
from apertis_magic.chat.parts import (
    Part,
    Parts,
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    joined,
)
from apertis_magic.clean import mend, printable
from apertis_magic.credentials import NO_ECHO, Echo

_MOST = 100
"""Pictures of an answer that are kept, and runs whose order is; nobody reads more."""

_LONGEST = 2_000
"""Characters of a picture's address, or of what else is said of one."""

_DATA = "](data:image/"
_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\]\((data:image/[^)\s]+)\)[ \t]*\r?\Z")
"""A line that is a picture; one in a list, a table or a sentence is of the text."""

_HEAD = 400
"""Characters of a picture's address that tell whether it is one."""

_TEXTS: dict[str, type[Text | Reasoning | Refusal]] = {
    "text": Text,
    "reasoning": Reasoning,
    "refusal": Refusal,
}


def answers_of(
    choices: Mapping[int, Pieces], partial: Parts = (), echo: Echo = NO_ECHO
) -> tuple[Parts, ...]:
    """Return the answers of a turn, none where nothing came.

    Args:
        choices: the pieces of each, by its index.
        partial: what the first one completes.
        echo: the keys that are taken out.
    """
    found = dict(choices)
    own = joined(partial, parts_of(found.pop(0, Pieces()), echo))
    if partial and echo:  # one half of a key may be in what is completed
        own = tuple(_without(part, echo) for part in own)
    others = [parts_of(found[index], echo) for index in sorted(found)]
    return (own, *others) if own or others else ()


def parts_of(pieces: Pieces, echo: Echo = NO_ECHO) -> Parts:
    """Return the parts of an answer of which nothing more comes, without keys."""
    read = _Reader(echo)
    runs = _gathered([*_split(echoes.without(pieces.runs, echo), ended=True)])
    body = [part for run in runs for part in read.parts(run)]
    calls = [_call(echo.removed_in(raw)) for raw in pieces.calls.to_list()]
    sources = [
        Source(echo.removed(mend(page.url or "")), echo.removed(mend(page.title or "")))
        for page in pieces.sources.values()
    ]
    return joined((), [*body, *read.surplus, *calls, *sources])


def _without(part: Part, echo: Echo) -> Part:
    if isinstance(part, Text | Reasoning | Refusal):
        return replace(part, text=echo.removed(part.text))
    return part


def texts_of(pieces: Pieces, echo: Echo = NO_ECHO) -> dict[str, str]:
    """Return the texts of an answer that may still grow, by their kind, without keys.

    What may become a key is held back until it is known.
    """
    texts: dict[str, str] = {}
    runs = tuple(_split(tuple(pieces.runs), ended=False))
    for number, run in enumerate(runs, 1):
        if run.kind in _TEXTS:
            is_text = run.kind == "text"
            new = _growing(run.text, ended=number < len(runs)) if is_text else run.text
            texts[run.kind] = texts.get(run.kind, "") + new
    # The other half may also come after something of another kind.
    return {kind: echo.growing(text) for kind, text in texts.items()}


def _gathered(runs: list[Run]) -> list[Run]:
    """Return runs, those of thinking first where it comes between each two words."""
    if len(runs) <= _MOST:
        return runs
    thought = [run for run in runs if run.kind == "reasoning"]
    return [*thought, *(run for run in runs if run.kind != "reasoning")]


def _growing(text: str, *, ended: bool) -> str:
    """Return a text without the pictures in it, and without what may become one."""
    last = text.rfind("\n") + 1
    if not ended and text.startswith("!", last) and _may_be_image(text[last:]):
        text = text[:last]
    kept, at = [], 0
    for start, found in _images(text):
        if picture.is_begun(found[2][:_HEAD]):
            kept.append(text[at:start])
            at = start + found.end()
    return "".join([*kept, text[at:]])


def _may_be_image(line: str) -> bool:
    """Tell whether a line that has just begun may become a picture."""
    rest = line[line.find("](") :] if "](" in line else _DATA
    return "![".startswith(line[:2]) and (
        _DATA.startswith(rest) or rest.startswith(_DATA)
    )


def _images(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    """Give the lines of a text that may be pictures, and where they begin."""
    for start, line in prose.lines(text, _DATA) if _DATA in text else ():
        if found := _IMAGE.match(line):
            yield start, found


def _split(runs: Sequence[Run], *, ended: bool) -> Iterator[Run]:
    """Give the runs, with the thinking told apart that the first text begins with."""
    is_first = True
    for number, run in enumerate(runs):
        if run.kind != "text" or not is_first:
            yield run
            continue
        is_first = False
        # Once something else has come, no more comes of the first text.
        found = thinking.split(run.text, ended=ended or number + 1 < len(runs))
        if found.reasoning:
            yield Run("reasoning", [found.reasoning])
        if found.text:
            yield Run("text", [found.text])


class _Reader:
    """Reads runs, and counts the pictures in them."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._left = picture.LARGEST
        self._count = 0

    @property
    def surplus(self) -> list[Part]:
        """What stands for the pictures that were too many."""
        more = self._count - _MOST
        said = f"{more} more pictures are left out, after the first {_MOST}"
        return [Picture("", left_out=said)] if more > 0 else []

    def parts(self, run: Run) -> Iterator[Part]:
        """Give the parts that a run is."""
        if run.kind == "text":
            yield from self._text(run.text)
        elif run.kind != "picture":
            yield from [_TEXTS[run.kind](run.text)] if run.text else []
        for address in run.pieces if run.kind == "picture" else ():
            self._count += 1
            if self._count <= _MOST:
                yield self._picture(address)

    def _text(self, text: str) -> Iterator[Part]:
        """Give a text, and the pictures that stand in it as Markdown has them."""
        at = 0
        for start, found in _images(text):
            drawn = self._picture(found[2])
            if not drawn.data or self._count >= _MOST:
                continue  # it stays as it was written
            self._count += 1
            if start > at:
                yield Text(text[at:start])
            yield replace(drawn, alt=found[1])
            at = start + found.end()
        if at < len(text):
            yield Text(text[at:])

    def _picture(self, address: str) -> Picture:
        """Return the picture at an address, which holds it, or tells where it is."""
        start = address[:8].lower()
        if start.startswith(("http://", "https://")):
            return Picture("", url=self._echo.removed(printable(address))[:_LONGEST])
        try:
            data = picture.of_data_url(address)
        except ValueError as error:
            return Picture("", left_out=f"a picture is left out: {error}")
        kind = picture.kind_of(data)
        if kind is None:
            said = "what came is no picture in PNG, JPEG, GIF or WebP"
            return Picture("", left_out=said)
        if len(data) > self._left:
            size = picture.readable(len(data))
            return Picture("", left_out=f"a picture of {size} is left out: too large")
        self._left -= len(data)
        return Picture(kind, data)


def _call(raw: Json) -> ToolCall:
    fields = (*named(raw), raw.get("id") or "")
    return ToolCall(*(mend(str(each)) for each in fields))
