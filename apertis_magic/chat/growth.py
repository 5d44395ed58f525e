"""What an answer has grown by: the pieces of it that the journal keeps meanwhile."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from apertis_magic.api.assemble import Assembly, Pieces
from apertis_magic.api.tool_calls import named
from apertis_magic.api.types import WebSource
from apertis_magic.chat.parts import Parts, Reasoning, Refusal, Text, text_of
from apertis_magic.credentials import NO_ECHO, Echo

CALL, SOURCE = "tool_call", "source"


class Piece(NamedTuple):
    """A piece of an answer as it came.

    Attributes:
        answer: which of the answers it belongs to, from 0.
        kind: ``text``, ``reasoning``, ``refusal``, ``picture``, ``tool_call``, or
            ``source``.
        value: the text, in which halves of a character may stand at the ends; a
            picture's address; the JSON of the others.
    """

    answer: int
    kind: str
    value: Any


class Growth:
    """Tells what is new in the pieces of a response since it was asked last.

    Args:
        echo: the keys that are taken out.
        partial: what the first answer completes; a key may be in both.
    """

    def __init__(self, echo: Echo = NO_ECHO, partial: Parts = ()) -> None:
        self._echo = echo
        self._seen: dict[int, tuple[int, int, int, int]] = {}
        self._held: dict[tuple[int, str], str] = {}  # what may become a key
        for kind in (Text, Reasoning, Refusal):
            text = text_of(partial, kind)
            self._held[0, kind.type] = text[len(text) - echo.held_back(text) :]
        self._known = dict(self._held)  # what of that has been told before

    def news(self, assembly: Assembly) -> list[Piece]:
        """Return what is new, in its order; texts that meet are one."""
        return [
            Piece(answer, kind, value)
            for answer, pieces in sorted(dict(assembly.choices).items())
            for kind, value in self._of(answer, pieces)
        ]

    def _of(self, answer: int, pieces: Pieces) -> Iterator[tuple[str, Any]]:
        run, piece, called, cited = self._seen.get(answer, (0, 0, 0, 0))
        runs, calls = tuple(pieces.runs), tuple(pieces.called)
        pages = tuple(pieces.cited)
        for number, each in enumerate(runs[run:], run):
            new = each.pieces[piece if number == run else 0 :]
            run, piece = number, len(new) + (piece if number == run else 0)
            if each.kind == "picture":
                yield from ((each.kind, self._echo.removed(e)) for e in new)
            elif text := self._without_key(answer, each.kind, "".join(new)):
                yield each.kind, text
        if self._may_be_told(pieces):
            yield from ((CALL, self._echo.removed_in(raw)) for raw in calls[called:])
            called = len(calls)
        yield from ((SOURCE, self._echo.removed_in(page.raw)) for page in pages[cited:])
        self._seen[answer] = run, piece, called, len(pages)

    def _without_key(self, answer: int, kind: str, new: str) -> str:
        """Return what is new of a text, without a key that may have been cut."""
        text = self._held.get((answer, kind), "") + new
        told = len(text) - self._echo.held_back(text)
        self._held[answer, kind] = text[told:]
        known = self._known.get((answer, kind), "")
        if known:
            self._known[answer, kind] = known[told:]
        return self._echo.removed(text[:told]).removeprefix(known[:told])

    def _may_be_told(self, pieces: Pieces) -> bool:
        """Tell whether no key is, or may begin, in the calls of tools so far."""
        if not self._echo:
            return True
        calls = pieces.calls.to_list()
        texts = (text for call in calls for text in (call["id"], *named(call)))
        return all(self._echo.growing(text) == text for text in texts if text)


def regrown(pieces: Iterable[Piece]) -> dict[int, Pieces]:
    """Return the choices that pieces were told of."""
    choices: dict[int, Pieces] = {}
    for answer, kind, value in pieces:
        choice = choices.setdefault(answer, Pieces())
        if kind == CALL:
            choice.call(value)
        elif kind == SOURCE:
            choice.cite(WebSource(value))
        else:
            choice.take(kind, value)
    return choices
