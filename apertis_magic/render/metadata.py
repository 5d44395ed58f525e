"""A turn <-> what a notebook's output keeps of it, beside what it shows.

The texts stand in ``text/plain`` and the pictures in ``text/html``; the metadata says
where, and holds all else. ``docs/format.md`` describes it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from itertools import chain, repeat
from typing import Any

from apertis_magic.api.usage import Usage
from apertis_magic.api.value import Json, mapping, string
from apertis_magic.chat.parts import (
    Parts,
    Picture,
    Text,
    part_to_dict,
    without_data,
)
from apertis_magic.chat.picture import readable
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.credentials import without_keys
from apertis_magic.marks import NOT_IN_NOTEBOOKS, marked
from apertis_magic.render import pictures

_LONG_PROMPT = 100_000
"""Characters of a question that a notebook holds beside its cell, too."""

_BEGINNING = 200


def metadata(turn: Turn, *, conversation: str | None, plain: str) -> dict[str, Any]:
    """Return what the notebook file keeps of a turn beside what the output shows.

    Args:
        turn: the turn, with the pictures that are shown.
        conversation: the name of the conversation it is in, None for none.
        plain: the output's ``text/plain``; of a long answer that of all its outputs.
    """
    kept = {**replace(turn, answers=()).to_dict(), **_beginning(turn.prompt)}
    kept["attachments"] = without_keys([each.named() for each in turn.attachments])
    for name in marked(Usage, NOT_IN_NOTEBOOKS) if kept["usage"] else ():
        del kept["usage"][name]
    texts = chain([plain], repeat(""))  # only the first answer's are at its beginning
    kept["answers"] = [_kept(parts, next(texts)) for parts in turn.answers]
    return {"conversation": conversation, **kept}


def _beginning(prompt: str) -> dict[str, Any]:
    """Return what is kept of a long question, which its cell holds already."""
    if len(prompt) <= _LONG_PROMPT:
        return {}
    rest = {"length": len(prompt), "sha256": _digest(prompt)}
    return {"prompt": prompt[:_BEGINNING], "rest": rest}


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _whole(kept: Json, sources: Iterable[str]) -> Json:
    """Return what is kept of a turn with its question, as one of the cells has it.

    Where that was changed meanwhile, only the question's beginning is left.
    """
    rest, begins = mapping(kept.get("rest")), string(kept.get("prompt")) or ""
    length = rest.get("length")
    if not begins or type(length) is not int or length <= len(begins):
        return kept
    for source in sources:
        at = source.find(begins)
        found = source[at : at + length] if at >= 0 else ""
        if _digest(found) == rest.get("sha256"):
            return {**kept, "prompt": found}
    lost = readable(length - len(begins))
    return {**kept, "prompt": f"{begins} … [{lost} more are not in the notebook]"}


def _kept(parts: Parts, plain: str) -> list[dict[str, Any]]:
    """Return an answer's parts; what the output shows of them is told by its place."""
    kept, at = [], 0
    for part in parts:
        named = without_data(part)
        if isinstance(part, Text):
            end = at + len(printable(part.text))  # of what the output has of it
            stands = plain[at:end] == part.text
            named = {**named, "span": [at, end - at]} if stands else part_to_dict(part)
            at = end
        elif isinstance(part, Picture) and part.data:
            named["shown"] = True
        kept.append(named)
    return kept


def turns_of(outputs: Iterable[Mapping[str, Any]]) -> list[Turn]:
    """Return the turns that a cell's outputs show; what is not ours shows none."""
    return [turn for _, turn in answers_of(outputs)]


def answers_of(
    outputs: Iterable[object], sources: Sequence[str] = ()
) -> list[tuple[str | None, Turn]]:
    """Return the turns that a cell's outputs show, with their conversations' names.

    What is not ours, or damaged, shows none.

    Args:
        outputs: the outputs, as a notebook file holds them. A long answer's text is in
            several, the last of which says how many.
        sources: what holds the questions that are long: the cell's source, and those
            of others, for a cell that asks again or goes on does not repeat them.
    """
    answers = []
    shown: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for output in map(mapping, outputs):
        kept = _about(output)
        data = mapping(output.get("data"))
        plain, html = (
            joined(data.get(f"text/{kind}", "")) for kind in ("plain", "html")
        )
        if not kept or plain is None or html is None:
            continue
        name = string(kept.get("id")) or ""
        shown[name].append((plain, html))
        if "prompt" in kept:
            parts, count = shown.pop(name), kept.get("parts", 1)
            if type(count) is not int or not 1 <= count <= len(parts):
                continue  # one was deleted
            texts, pages = zip(*parts[-count:], strict=True)
            with suppress(ValueError):
                turn = _turn(_whole(kept, sources), "".join(texts), "".join(pages))
                conversation = kept.get("conversation")
                is_named = isinstance(conversation, str)
                answers.append((conversation if is_named else None, turn))
    return answers


def is_kept(output: Json) -> bool:
    """Tell whether an output has metadata of ours."""
    return bool(_about(output))


def _about(output: Json) -> Json:
    return mapping(mapping(output.get("metadata")).get("apertis_magic"))


def joined(text: object) -> str | None:
    """Return a text that a file may hold line by line; None for what is no text."""
    lines = text if isinstance(text, list) else [text]
    known = [each for each in lines if isinstance(each, str)]
    return "".join(known) if len(known) == len(lines) else None


def _turn(kept: Json, plain: str, html: str) -> Turn:
    """Return the turn that an output shows.

    Raises:
        ValueError: it is damaged.
    """
    if "answers" not in kept:  # of version 0.1.0
        return Turn.from_dict({"text": plain, **kept})
    answers = kept["answers"]
    if not isinstance(answers, list):
        raise ValueError("the answers are missing")  # noqa: TRY004  of the file
    texts, shown = chain([plain], repeat("")), iter(pictures.found(html))
    filled = [
        list(_filled(parts, next(texts), shown)) if isinstance(parts, list) else parts
        for parts in answers
    ]
    return Turn.from_dict({**kept, "answers": filled})


def _filled(parts: list[Any], plain: str, shown: Iterator[str]) -> Iterator[Any]:
    """Give an answer's parts with the texts and the pictures that the output shows.

    Each piece of the output is taken once, in its order: a file that says otherwise
    would become larger than it is.

    Raises:
        ValueError: a text is not where it should be.
    """
    at = 0
    for part in parts:
        named = mapping(part)
        if "span" in named:
            start, at = _place(named["span"], at, len(plain))
            yield {**named, "text": plain[start:at]}
        elif named.get("shown") is True:
            data = next(shown, "")
            lost = "" if data else "it is not in this notebook any more"
            yield {**named, "data": data, "left_out": lost}
        else:
            yield part


def _place(span: object, least: int, most: int) -> tuple[int, int]:
    """Return where a text begins and ends, which is between *least* and *most*.

    Raises:
        ValueError: it is not.
    """
    if isinstance(span, list) and [int, int] == [type(each) for each in span]:
        start, length = span
        if least <= start <= start + length <= most:
            return start, start + length
    raise ValueError("a text is not where it should be")
