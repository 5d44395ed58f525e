"""A conversation <-> a page of Markdown, for people to read and to correct.

Texts and pictures stand on the page between comments, and all else in comments. These
share a mark that is made from the whole page, so that no text on it is taken for one. A
text whose characters would spoil the page is shown without them and stands exactly in
its comment; if a person has changed what is shown, that holds, and a part that is not
there any more is gone.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.history import Entry
from apertis_magic.chat.parts import (
    Part,
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    part_to_dict,
)
from apertis_magic.chat.state import State
from apertis_magic.clean import printable
from apertis_magic.files import record
from apertis_magic.render import calls
from apertis_magic.render.footer import footer_line, notes

_VERSION = record.VERSION
_ABOUT = (
    "Questions, reasoning, answers and their pictures are read back from this page as "
    "they stand, all else from its comments."
)
_HEAD = re.compile(
    r"^<!-- apertis_magic conversation ([0-9a-f]{16}) (\{.*\}) -->$", re.MULTILINE
)
_MARK = 16
_SPECIAL = re.compile(r"([\\`*_\[\]<>&~|$#])")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
_TAG = re.compile(r"<(?!https?:|mailto:)[A-Za-z/!?]")
_QUOTED = "-quoted"
_TURN, _PROMPT, _ANSWER, _PART = "turn", "prompt", "answer", "part"
_ENDS, _LAST = "end", "last"
_ALONE = (_TURN, _ANSWER, _PART, _ENDS, _LAST)
"""The comments behind which nothing stands that is read back."""
_OTHER = "alternative"
"""What version 0.1.0 called the text of another answer."""
_PICTURE = re.compile(r"\(<?data:(image/[a-z]+);base64,([A-Za-z0-9+/=]+)")


def written(state: State) -> str:
    """Return the text of the page."""
    draft = _page(state, "")
    return _page(state, sha256(draft.encode()).hexdigest()[:_MARK])


def read(text: str) -> list[State]:
    """Return the conversation on the page.

    Raises:
        ValueError: there is none, or its comments were changed; says why.
    """
    text = text.replace("\r\n", "\n")  # which we never write
    head = _HEAD.search(text)
    if head is None:
        raise ValueError("it is not a conversation that %chat export wrote")
    if f"<!-- {head[1]} {_LAST} -->" not in text:
        raise ValueError("its end is missing")
    about = _parsed(head[2])
    record.check_version(about.get("export"))
    return [record.state_of(about, _entries(text, head[1]))]


def is_export(text: str) -> bool:
    """Tell whether nobody has changed the page since it was written."""
    text = text.replace("\r\n", "\n")
    head = _HEAD.search(text)
    draft = text.replace(head[1], "") if head else ""
    return bool(head and sha256(draft.encode()).hexdigest()[:_MARK] == head[1])


def inert(text: str) -> str:
    """Return the Markdown of *text* as one line that shows it as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(printable(text).split()))


def _page(state: State, mark: str) -> str:
    about = _json({"export": _VERSION, **record.about(state)})
    parts = [
        f"<!-- apertis_magic conversation {mark} {about} -->\n<!-- {_ABOUT} -->",
        f"# {inert(state.name)}",
    ]
    system: str | None = None
    for number, entry in enumerate(state.history, 1):
        if entry.turn.system and entry.turn.system != system:
            parts += ["System prompt:", _quote(_visible(entry.turn.system))]
        system = entry.turn.system
        parts += _section(number, entry, mark)
    return "\n\n".join([*parts, f"<!-- {mark} {_LAST} -->"]) + "\n"


def _section(number: int, entry: Entry, mark: str) -> Iterator[str]:
    """Give the parts of the page that show a turn."""
    turn, raw = entry.turn, record.entry_to_dict(entry)
    del raw["turn"][_PROMPT], raw["turn"]["answers"]
    if turn.question.filled is not None:  # tells whether a person corrects it
        raw["turn"]["typed"] = turn.prompt
    yield f"<!-- {mark} {_TURN} {_json(raw)} -->"
    yield f"## {number}"
    yield from _block(_PROMPT, turn.prompt, mark, quoted=True)
    if turn.attachments:
        yield "Attached: " + inert(", ".join(map(str, turn.attachments)))
    for nth, parts in enumerate(turn.answers, 1):
        if nth > 1:
            yield f"<!-- {mark} {_ANSWER} -->"
            yield f"*Answer {nth} of {len(turn.answers)}*"
        for part in parts:
            yield from _part(part, mark)
    if turn.sources:
        pages = (inert(f"{page.title} {page.url}") for page in turn.sources)
        yield "Sources"
        yield "\n".join(f"{nth}. {page}" for nth, page in enumerate(pages, 1))
    ends = notes(turn, lists_calls=True)
    for about in filter(None, (*ends, turn.error, footer_line(turn))):
        yield f"*{inert(about)}*"


def _part(part: Part, mark: str) -> Iterator[str]:
    """Give what the page has of a part of an answer."""
    if isinstance(part, Reasoning):
        yield "<details><summary>Reasoning</summary>"
        yield from _block(part.type, part.text, mark, quoted=True)
        yield "</details>"
    elif isinstance(part, Text | Refusal):
        yield from _block(part.type, part.text, mark, quoted=_spills(part.text))
    elif isinstance(part, Picture) and part.data:
        shown = f"![{inert(str(part))}]({part.data_url})"
        yield from _block(part.type, shown, mark, alt=part.alt)
    else:
        yield f"<!-- {mark} {_PART} {_json(part_to_dict(part))} -->"
        yield from _line(part)


def _line(part: Part) -> Iterator[str]:
    """Give the line that shows a part; the sources have a list of their own."""
    if isinstance(part, ToolCall | ToolResult):
        said = calls.line(part)
        yield f"*{inert(said[0].upper() + said[1:])}*"
    elif not isinstance(part, Source):
        yield f"*{inert(str(part))}*"


def _block(
    name: str, text: str, mark: str, *, quoted: bool = False, alt: str = ""
) -> Iterator[str]:
    """Give a text, or an image, between its comments."""
    shown = _visible(text)
    told = {"exact": "" if shown == text else text, "alt": alt}
    told = {name: each for name, each in told.items() if each}
    more = f" {_json(told)}" if told else ""
    yield f"<!-- {mark} {name}{_QUOTED if quoted else ''}{more} -->"
    yield _quote(shown) if quoted else shown
    yield f"<!-- {mark} {_ENDS} -->"


def _entries(text: str, mark: str) -> Iterator[Entry]:
    """Give the turns on the page.

    Raises:
        ValueError: a comment is missing or changed.
    """
    comment = re.compile(rf"^<!-- {mark} ([a-z-]+)(?: (\{{.*\}}))? -->$", re.MULTILINE)
    found = list(comment.finditer(text))
    page: _Section | None = None
    for each, after in zip_longest(found, found[1:]):
        has_end = after is not None and after[1] == _ENDS
        if has_end is (each[1] in _ALONE):
            raise ValueError(_missing(text, each))
        if each[1] == _TURN:
            if page is not None:
                yield page.entry()
            page = _Section(_parsed(each[2] or ""))
        elif each[1] not in (_ENDS, _LAST):
            if page is None or (page.has_prompt and _name(each) == _PROMPT):
                raise ValueError(_missing(text, each))
            page.add(each, _inside(text[each.end() : after.start() if after else None]))
    if page is not None:
        yield page.entry()


def _name(comment: re.Match[str]) -> str:
    return comment[1].removesuffix(_QUOTED)


class _Section:
    """A turn on the page, as far as it has been read.

    Args:
        raw: what its comment says.

    Attributes:
        has_prompt: whether its question has been read.
    """

    def __init__(self, raw: Json) -> None:
        self.has_prompt = False
        self._raw = raw
        self._turn = {**mapping(raw.get("turn"))}
        self._answers: list[list[Json]] = [[]]

    def add(self, comment: re.Match[str], shown: str) -> None:
        """Add what a comment says, and the page shows behind it.

        Raises:
            ValueError: it is damaged.
        """
        name = _name(comment)
        if name in (_ANSWER, _OTHER):
            self._answers.append([])
        if name == _PROMPT:
            self._ask(_shown(comment, shown))
        elif name == _PART:
            self._answers[-1].append(_parsed(comment[2] or ""))
        elif name == Picture.type:
            alt = _parsed(comment[2]).get("alt", "") if comment[2] else ""
            self._answers[-1] += [{**each, "alt": alt} for each in _pictures(shown)]
        elif name != _ANSWER:
            kind = Text.type if name == _OTHER else name
            part = {"type": kind, "text": _shown(comment, shown)}
            self._answers[-1].append(part)

    def _ask(self, text: str) -> None:
        self.has_prompt = True
        if self._turn.pop("typed", text) != text:
            self._turn["filled"] = None  # of another text than is asked now
        self._turn[_PROMPT] = text

    def entry(self) -> Entry:
        """Return the turn with its place.

        Raises:
            ValueError: its comment is damaged.
        """
        # Version 0.1.0 had them beside the answer.
        pages = items(self._turn.pop("sources", None))
        own, *others = self._answers
        first = [*own, *({**page, "type": Source.type} for page in pages)]
        answers = [first, *others] if first or others else []
        try:
            return record.entry_of(
                {**self._raw, "turn": {**self._turn, "answers": answers}}
            )
        except ValueError as error:
            raise ValueError(f"a turn in it is damaged: {error}") from None


def _pictures(shown: str) -> list[Json]:
    """Return the picture that stands between its comments, none if it was taken out.

    Raises:
        ValueError: something else stands there.
    """
    for found in reversed([*_PICTURE.finditer(shown)]):  # one may be in its name
        return [{"type": Picture.type, "kind": found[1], "data": found[2]}]
    if shown.strip():
        raise ValueError(
            "a picture of an answer is no data: URL any more; put that back, or take "
            "its line out"
        )
    return []


def _shown(comment: re.Match[str], shown: str) -> str:
    """Return a text of the page: exactly, unless a person has changed it."""
    text = _unquote(shown) if comment[1].endswith(_QUOTED) else shown
    exact = _parsed(comment[2]).get("exact") if comment[2] else None
    return exact if isinstance(exact, str) and _visible(exact) == text else text


def _missing(text: str, near: re.Match[str]) -> str:
    line = text.count("\n", 0, near.start()) + 1
    return f"a comment of ours is missing near line {line}"


def _parsed(text: str) -> Any:
    try:
        return record.parsed(text)
    except ValueError:
        raise ValueError("a comment of ours in it was changed") from None


def _json(value: object) -> str:
    """Return JSON in which no comment ends, in plain ASCII."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e")


def _visible(text: str) -> str:
    """Return *text* without what would hide the page, or be lost on it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return printable(lines).replace("<!--", "&lt;!--")


def _quote(text: str) -> str:
    return "\n".join(f"> {each}" if each else ">" for each in text.split("\n"))


def _unquote(text: str) -> str:
    return "\n".join(re.sub("^> ?", "", each) for each in text.split("\n"))


def _inside(text: str) -> str:
    """Return what stands between two comments, without the lines that part them."""
    text = text.removeprefix("\n").removeprefix("\n")
    return text.removesuffix("\n").removesuffix("\n")


def _spills(text: str) -> bool:
    """Tell whether *text* would change how the page below it looks.

    So does an unclosed block of code, and HTML. A quotation keeps it in.
    """
    fence = ""
    for each in text.split("\n"):
        found = _FENCE.match(each)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not found[2].strip():
            fence = ""
        elif not fence and _TAG.search(_CODE.sub("", each)):
            return True
    return bool(fence)
