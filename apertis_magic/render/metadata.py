"""A turn <-> what a notebook's output keeps of it, beside what it shows.

The texts stand in ``text/plain`` and the pictures in ``text/html``; the metadata says
where, and holds all else. ``docs/format.md`` describes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from apertis_magic.api.usage import Usage
from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.parts import Parts, Text, part_to_dict, without_data
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.marks import NOT_IN_NOTEBOOKS, marked
from apertis_magic.render import pictures


def metadata(turn: Turn, *, conversation: str | None, plain: str) -> dict[str, Any]:
    """Return what the notebook file keeps of a turn beside what the output shows.

    Args:
        turn: the turn, with the pictures that are shown.
        conversation: the name of the conversation it is in, None for none.
        plain: the output's ``text/plain``; of a long answer that of all its outputs.
    """
    kept = replace(turn, answers=()).to_dict()
    kept["attachments"] = [each.named() for each in turn.attachments]
    for name in marked(Usage, NOT_IN_NOTEBOOKS) if kept["usage"] else ():
        del kept["usage"][name]
    texts = iter([plain])
    kept["answers"] = [_kept(parts, next(texts, "")) for parts in turn.answers]
    return {"conversation": conversation, **kept}


def _kept(parts: Parts, plain: str) -> list[dict[str, Any]]:
    """Return an answer's parts; a text that stands in *plain* by its place there."""
    kept, at = [], 0
    for part in parts:
        named = without_data(part)
        if isinstance(part, Text):
            end = at + len(printable(part.text))  # of what the output has of it
            span = {"span": [at, end - at]}
            stands = plain[at:end] == part.text
            named = {**named, **span} if stands else part_to_dict(part)
            at = end
        kept.append(named)
    return kept


def turns_of(outputs: Iterable[Mapping[str, Any]]) -> list[Turn]:
    """Return the turns that a cell's outputs show; what is not ours shows none."""
    return [turn for _, turn in answers_of(outputs)]


def answers_of(outputs: Iterable[object]) -> list[tuple[str | None, Turn]]:
    """Return the turns that a cell's outputs show, with their conversations' names.

    What is not ours, or damaged, shows none.

    Args:
        outputs: the outputs, as a notebook file holds them. A long answer's text is in
            several, the last of which says how many.
    """
    answers = []
    shown: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for output in map(mapping, outputs):
        kept = mapping(mapping(output.get("metadata")).get("apertis_magic"))
        data = mapping(output.get("data"))
        plain, html = (
            _joined(data.get(f"text/{kind}", "")) for kind in ("plain", "html")
        )
        if not kept or plain is None or html is None:
            continue
        name = str(kept.get("id"))
        shown[name].append((plain, html))
        if "prompt" in kept:
            parts, count = shown.pop(name), kept.get("parts", 1)
            if type(count) is not int or not 1 <= count <= len(parts):
                continue  # one was deleted
            texts, pages = zip(*parts[-count:], strict=True)
            conversation = kept.get("conversation")
            if not isinstance(conversation, str):
                conversation = None
            with suppress(ValueError):
                turn = _turn(kept, "".join(texts), "".join(pages))
                answers.append((conversation, turn))
    return answers


def _joined(text: object) -> str | None:
    """Return a text that a file may hold line by line; None for what is no text."""
    lines = text if isinstance(text, list) else [text]
    known = [each for each in lines if isinstance(each, str)]
    return "".join(known) if len(known) == len(lines) else None


def _turn(kept: Json, plain: str, html: str) -> Turn:
    """Return the turn that an output shows.

    Raises:
        ValueError: it is damaged.
    """
    answers = kept.get("answers")
    if not isinstance(answers, list):  # of version 0.1.0
        return Turn.from_dict({"text": plain, **kept})
    filled = [[_filled(part, plain) for part in items(each)] for each in answers]
    turn = Turn.from_dict({**kept, "answers": filled})
    shown: Iterator[bytes] = iter(pictures.found(html))
    found = tuple(pictures.put_back(parts, shown) for parts in turn.answers)
    return replace(turn, answers=found)


def _filled(part: Json, plain: str) -> Json:
    """Return a part with its text where the metadata names its place alone."""
    span = part.get("span")
    if not isinstance(span, list) or [int, int] != list(map(type, span)):
        return part
    start, length = span
    return {**part, "text": plain[max(start, 0) : max(start, 0) + max(length, 0)]}
