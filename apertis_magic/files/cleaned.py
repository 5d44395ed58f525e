"""Answers in a notebook whose outputs' metadata was cleaned away, and what was asked.

Tools such as ``nbdev-clean`` take the metadata out, and VS Code may lose it. What is
left is what the cell's source asks, which who loads the file can read, and the text
that its outputs show.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from apertis_magic.api.value import mapping
from apertis_magic.chat.parts import Text
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend
from apertis_magic.render.bundle import CLASS
from apertis_magic.render.metadata import joined

_BOX = re.compile(
    rf'<div class="{CLASS}"(?: data-(?P<kind>part|below)="(?P<number>\d{{1,9}})")?'
)
_FIRST = re.compile(rf'<div class="{CLASS}"[^>]*><style>')
"""What an answer's first display begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that a cell's source asks.

    Attributes:
        question: what is asked, with the options of the line.
        model: the model that the line names, else empty.
        system: the system prompt that it sets, None where it sets none.
        conversation: the conversation that it names, None for the current one.
        once: whether it is of no conversation.
    """

    question: Question
    model: str = ""
    system: str | None = None
    conversation: str | None = None
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a cell's source says of the answers below it.

    Attributes:
        asks: what it asks, in the order of its lines, and shows; None is a question
            that is not known.
        in_order: whether each is asked once, and none before those above it.
        shows_more: whether it shows other things of ours too.
    """

    asks: tuple[Asked | None, ...] = ()
    in_order: bool = True
    shows_more: bool = False


Reader: TypeAlias = Callable[[str], Source]
"""Reads what the source of a cell asks."""


def unread(_source: str) -> Source:
    """Return what is known of a source that nobody can read."""
    return Source()


def shows_answers(outputs: Iterable[object]) -> bool:
    """Tell whether an output may be an answer."""
    return any(_BOX.match(html) for html, _ in _shown(outputs))


@dataclass(frozen=True, slots=True)
class Found:
    """The answers of a cell.

    Attributes:
        answered: questions with the texts that answer them.
        left: how many answers there are whose question is not known.
    """

    answered: tuple[tuple[Asked, str], ...]
    left: int


def found(source: Source, outputs: Iterable[object]) -> Found:
    """Return the answers that outputs without metadata show, and their questions."""
    texts = _texts(outputs)
    if texts is None:
        texts = _texts_of_0_1_0(outputs)
        if source.shows_more or not source.asks:  # they may be something else
            return Found((), min(len(texts), len(source.asks)))
    is_repeated = len(source.asks) == 1 and not source.in_order
    asks = source.asks * len(texts) if is_repeated else source.asks
    if len(texts) > len(asks) or not (is_repeated or source.in_order):
        return Found((), len(texts))
    pairs = [*zip(asks, texts, strict=False)]
    known = tuple((asked, text) for asked, text in pairs if asked is not None)
    return Found(known, len(pairs) - len(known))


def turn(asked: Asked, text: str, *, cell: str | None, number: int) -> Turn:
    """Return the turn that a question and its answer's text are.

    Args:
        asked: what was asked.
        text: the answer's text.
        cell: the id of the cell, where the notebook has ids.
        number: how many of the same stand before it in the notebook.
    """
    content = f"{asked.question.typed}\0{text}\0{number}"
    name = sha256(content.encode(errors="surrogatepass")).hexdigest()[:32]
    return Turn(
        question=asked.question.mended(),
        answers=((Text(mend(text)),),) if text else (),
        asked_model=mend(asked.model),
        system=asked.system,
        cell=cell,
        id=name,  # the same each time, so that a file can be loaded again
    )


def _texts(outputs: Iterable[object]) -> list[str] | None:
    """Return the texts of the answers; None where no output tells which they are."""
    texts: list[str] = []
    pieces: list[str] = []
    is_told = False
    for html, plain in _shown(outputs):
        box = _BOX.match(html)
        kind = box and box["kind"]
        if box is None or kind is None:
            continue
        is_told = True
        if kind == "part":
            pieces.append(plain)
        else:
            own = _above(int(box["number"]), plain)
            texts.append("".join([*pieces, own]))
            pieces = []
    return texts if is_told else None


def _above(below: int, plain: str) -> str:
    """Return a text without so many lines at its end and the blank one before them."""
    return "\n".join(plain.split("\n")[: -below - 1]) if below else plain


def _texts_of_0_1_0(outputs: Iterable[object]) -> list[str]:
    """Return the texts of answers whose displays do not tell that they are one."""
    texts: list[str] = []
    for html, plain in _shown(outputs):
        if _FIRST.match(html):
            texts.append(plain)
        elif texts and _BOX.match(html):
            texts[-1] += plain
    return [*filter(None, texts)]


def _shown(outputs: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Give the HTML and the plain text of the outputs that have both."""
    for output in map(mapping, outputs):
        data = mapping(output.get("data"))
        html, plain = joined(data.get("text/html")), joined(data.get("text/plain", ""))
        if html is not None and plain is not None:
            yield html, plain
