"""A conversation <-> a page of Markdown, for people to read and to correct.

The texts stand on the page between comments that hold all else. The comments share a
mark that is made from the whole page, so that no text on it is taken for one of them. A
text whose characters would spoil the page is shown without them and stands exactly in
its comment; if a person has changed what is shown, that holds.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from apertis_magic.api.value import Json, mapping
from apertis_magic.chat import former
from apertis_magic.chat.history import Entry
from apertis_magic.chat.parts import (
    Part,
    Picture,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from apertis_magic.chat.state import State
from apertis_magic.clean import printable
from apertis_magic.files import record
from apertis_magic.render.footer import footer_line, notes

_VERSION = record.VERSION
_ABOUT = (
    "Questions, reasoning and answers are read back from this page as they stand, all "
    "else from its comments."
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
_ENDS = "end"
_LAST = "last"
_PROMPT = "prompt"
_TEXTS = tuple(kind.type for kind in (Text, Reasoning, Refusal))
_PICTURE = re.compile(r"!\[[^\]\n]*\]\((data:image/[a-z]+;base64,[A-Za-z0-9+/=]+)\)")
_FORMER = ("prompt", "reasoning", "text", "refusal", "alternative")
"""What version 0.1.0 called its texts, by which its pages are read."""


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
    del raw["turn"][_PROMPT]
    for part in (part for parts in raw["turn"]["answers"] for part in parts):
        for name in _on_page(part):
            part.pop(name, None)
    if turn.question.filled is not None:  # tells whether a person corrects it
        raw["turn"]["typed"] = turn.prompt
    yield f"<!-- {mark} turn {_json(raw)} -->"
    yield f"## {number}"
    yield from _block(_PROMPT, turn.prompt, mark, quoted=True)
    if turn.attachments:
        yield "Attached: " + inert(", ".join(map(str, turn.attachments)))
    for nth, parts in enumerate(turn.answers, 1):
        if nth > 1:
            yield f"*Answer {nth} of {len(turn.answers)}*"
        for part in parts:
            yield from _part(part, mark)
    if turn.sources:
        pages = (inert(f"{page.title} {page.url}") for page in turn.sources)
        yield "Sources"
        yield "\n".join(f"{nth}. {page}" for nth, page in enumerate(pages, 1))
    for about in filter(None, (*notes(turn), turn.error, footer_line(turn))):
        yield f"*{inert(about)}*"


def _on_page(part: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of a part that stand on the page, not in a comment."""
    if part["type"] in _TEXTS:
        return ("text",)
    return ("data",) if part["type"] == Picture.type else ()


def _part(part: Part, mark: str) -> Iterator[str]:
    """Give what the page shows of a part of an answer."""
    if isinstance(part, Reasoning):
        yield "<details><summary>Reasoning</summary>"
        yield from _block(part.type, part.text, mark, quoted=True)
        yield "</details>"
    elif isinstance(part, Text | Refusal):
        yield from _block(part.type, part.text, mark, quoted=_spills(part.text))
    elif isinstance(part, Picture):
        shown = f"![{inert(str(part))}]({part.data_url})" if part.data else ""
        yield from _block(part.type, shown or inert(str(part)), mark, quoted=False)
    elif isinstance(part, ToolCall):
        yield f"*{inert(f'Asked for the tool {part}')}*"
    elif isinstance(part, ToolResult):
        yield f"*{inert(f'The tool gave {part.text}')}*"


def _block(name: str, text: str, mark: str, *, quoted: bool) -> Iterator[str]:
    """Give a text between its comments."""
    shown = _visible(text)
    exact = "" if shown == text else " " + _json({"exact": text})
    yield f"<!-- {mark} {name}{_QUOTED if quoted else ''}{exact} -->"
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
        is_text = each[1] not in ("turn", _ENDS, _LAST)
        name = each[1].removesuffix(_QUOTED)
        is_stray = is_text and (page is None or not page.expects(name))
        if is_stray or is_text != (after is not None and after[1] == _ENDS):
            raise ValueError(_missing(text, each))
        if is_text and page is not None:
            page.take(name, _shown(each, _inside(text[each.end() : after.start()])))
        elif each[1] == "turn":
            if page is not None:
                yield page.entry()
            page = _Section(_parsed(each[2] or ""))
    if page is not None:
        yield page.entry()


class _Section:
    """A turn on the page, as far as it has been read.

    Args:
        raw: what its comment says.
    """

    def __init__(self, raw: Json) -> None:
        self._raw = raw
        self._turn = {**mapping(raw.get("turn"))}
        self._is_former = former.is_former(self._turn)
        answers = self._turn.get("answers")
        rows = answers if isinstance(answers, list) else []
        self._parts: list[dict[str, Any]] = [
            part
            for each in rows
            if isinstance(each, list)
            for part in each
            if isinstance(part, dict) and _on_page_of(part)
        ]
        self._at = 0  # of the next part that stands on the page

    def expects(self, name: str) -> bool:
        """Tell whether a text of that name may come next."""
        if name == _PROMPT:
            return _PROMPT not in self._turn
        if self._is_former:
            is_new = name not in self._turn or name == "alternative"
            return name in _FORMER and is_new
        return self._at < len(self._parts) and self._parts[self._at]["type"] == name

    def take(self, name: str, text: str) -> None:
        """Put a text of the page where it belongs."""
        if name == _PROMPT:
            if self._turn.pop("typed", text) != text:
                self._turn["filled"] = None  # of another text than is asked now
            self._turn[name] = text
        elif not self._is_former:
            self._put(self._parts[self._at], text)
            self._at += 1
        elif name == "alternative":
            self._turn["alternatives"] = [*self._turn.get("alternatives", []), text]
        else:
            self._turn[name] = text

    @staticmethod
    def _put(part: dict[str, Any], text: str) -> None:
        """Put what the page shows of a part into it."""
        if part["type"] != Picture.type:
            part["text"] = text
        elif shown := _PICTURE.search(text):
            part["data"] = shown[1].partition(",")[2]

    def entry(self) -> Entry:
        """Return the turn with its place.

        Raises:
            ValueError: a comment is missing, or damaged.
        """
        if self._at < len(self._parts):
            kind = self._parts[self._at]["type"]
            raise ValueError(f"a comment of ours is missing: that of a {kind}")
        return _entry({**self._raw, "turn": self._turn})


def _on_page_of(part: Json) -> bool:
    """Tell whether a part is told of by a comment on the page."""
    return part.get("type") in (*_TEXTS, Picture.type)


def _shown(comment: re.Match[str], shown: str) -> str:
    """Return a text of the page: exactly, unless a person has changed it."""
    text = _unquote(shown) if comment[1].endswith(_QUOTED) else shown
    exact = _parsed(comment[2]).get("exact") if comment[2] else None
    return exact if isinstance(exact, str) and _visible(exact) == text else text


def _entry(raw: dict[str, Any]) -> Entry:
    try:
        return record.entry_of(raw)
    except ValueError as error:
        raise ValueError(f"a turn in it is damaged: {error}") from None


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
