"""A conversation <-> a page of Markdown, for people to read and to correct.

The texts stand on the page between comments that hold all else. The comments share a
mark that is made from the whole page, so that no text on it is taken for one of them. A
text whose characters would spoil the page is shown without them and stands exactly in
its comment; if a person has changed what is shown, that holds.
"""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from apertis_magic.api.value import mapping
from apertis_magic.chat.history import Entry
from apertis_magic.chat.state import State
from apertis_magic.clean import printable
from apertis_magic.files import record
from apertis_magic.render.footer import footer_line, notes

_VERSION = 1
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
_ONE = ("prompt", "reasoning", "text", "refusal")
_MANY = "alternative"


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
    for name in (*_ONE, "alternatives"):
        del raw["turn"][name]
    if turn.question.filled is not None:  # tells whether a person corrects it
        raw["turn"]["typed"] = turn.prompt
    yield f"<!-- {mark} turn {_json(raw)} -->"
    yield f"## {number}"
    yield from _block("prompt", turn.prompt, mark, quoted=True)
    if turn.attachments:
        yield "Attached: " + inert(", ".join(map(str, turn.attachments)))
    if turn.reasoning:
        yield "<details><summary>Reasoning</summary>"
        yield from _block("reasoning", turn.reasoning, mark, quoted=True)
        yield "</details>"
    for name in ("text", "refusal"):
        if text := getattr(turn, name):
            yield from _block(name, text, mark, quoted=_spills(text))
    for nth, text in enumerate(turn.alternatives, 2):
        yield f"*Answer {nth} of {len(turn.alternatives) + 1}*"
        yield from _block(_MANY, text, mark, quoted=_spills(text))
    if turn.sources:
        pages = (inert(f"{page.title} {page.url}") for page in turn.sources)
        yield "Sources"
        yield "\n".join(f"{nth}. {page}" for nth, page in enumerate(pages, 1))
    for about in filter(None, (*notes(turn), turn.error, footer_line(turn))):
        yield f"*{inert(about)}*"


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
    raw: dict[str, Any] = {}
    for each, after in zip_longest(found, found[1:]):
        is_text = each[1] not in ("turn", _ENDS, _LAST)
        name = each[1].removesuffix(_QUOTED)
        is_stray = is_text and (not raw or name in raw["turn"])
        if is_stray or is_text != (after is not None and after[1] == _ENDS):
            raise ValueError(_missing(text, each))
        if is_text:
            _take(raw["turn"], each, _inside(text[each.end() : after.start()]))
        elif each[1] == "turn":
            if raw:
                yield _entry(raw)
            raw = {**_parsed(each[2] or "")}
            raw["turn"] = {**mapping(raw.get("turn")), "alternatives": []}
    if raw:
        yield _entry(raw)


def _take(turn: dict[str, Any], comment: re.Match[str], shown: str) -> None:
    """Put a text of the page where it belongs in *turn*."""
    name = comment[1].removesuffix(_QUOTED)
    text = _unquote(shown) if comment[1] != name else shown
    exact = _parsed(comment[2]).get("exact") if comment[2] else None
    if isinstance(exact, str) and _visible(exact) == text:
        text = exact
    if name == _MANY:
        turn["alternatives"].append(text)
    elif name in _ONE:
        if name == "prompt" and turn.pop("typed", text) != text:
            turn["filled"] = None  # of another text than is asked now
        turn[name] = text


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
