"""Where links lead: addresses, titles and labels as they stand in a text."""

import re
from dataclasses import dataclass
from html import unescape
from html.entities import html5
from urllib.parse import quote

from apertis_magic.render.commonmark.lines import BLANK

_DEEPEST = 32  # brackets within each other in an address
_LONGEST_LABEL = 999

_BLANKS = re.compile(r"[ \t\n]+")
_SPACE = re.compile(r"[ \t]*\n?[ \t]*")
_ANGLED = re.compile(r"<((?:[^<>\\\n]|\\.)*+)>")
_STOP = re.compile(r"\\[!-/:-@\[-`{-~]|[()]|[\x00-\x20\x7f]")
_TITLE = re.compile(
    r"\"((?:[^\"\\]|\\.)*+)\"|'((?:[^'\\]|\\.)*+)'|\(((?:[^()\\]|\\.)*+)\)", re.DOTALL
)
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){1,999}+)\]:", re.DOTALL)
_LINE_END = re.compile(r"[ \t]*(?:\n|$)")
ENTITY = re.compile(
    r"&(?:#[xX][0-9a-fA-F]{1,6}|#[0-9]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});"
)
_QUOTED = re.compile(rf"\\([!-/:-@\[-`{{-~])|{ENTITY.pattern}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}\s]")

# Where a bare address ends, at what is more likely to be of the text around it; or may
# end, at a bracket.
_EDGE = re.compile(
    r"&nbsp;|[()\s<>\"`*\[\]|\\^{}\u3000-\u303f\uff00-\uffef]", re.IGNORECASE
)
_TRAILING = "(?!.,:;&_~'\"…"


@dataclass(frozen=True, slots=True)
class Definition:
    """A line such as ``[label]: address "title"``.

    Attributes:
        label: in its normal form.
        address: that it stands for.
        title: of the link.
        end: where the next line begins.
    """

    label: str
    address: str
    title: str
    end: int


def normal(label: str) -> str:
    """Return the form in which labels are compared."""
    return _BLANKS.sub(" ", label).strip(BLANK).casefold()


def unescaped(text: str) -> str:
    r"""Return *text* with its entities and ``\``-escapes read."""
    return _QUOTED.sub(lambda found: found[1] or character(found[0]), text)


def character(entity: str) -> str:
    """Return what an entity stands for, or itself where there is none of its name."""
    is_known = entity[1] == "#" or entity[1:] in html5
    return unescape(entity) if is_known else entity


def encoded(address: str) -> str:
    """Return *address* without characters that no address may have."""
    return _UNSAFE.sub(lambda found: quote(found[0]), address)


def destination(text: str, at: int) -> tuple[str, int] | None:
    """Return the address that begins at *at*, and where it ends."""
    if angled := _ANGLED.match(text, at):
        return unescaped(angled[1]), angled.end()
    if text.startswith("<", at):
        return None
    depth, end = 0, len(text)
    for found in _STOP.finditer(text, at):
        if found[0] == "(":
            depth += 1
        elif found[0] == ")":
            depth -= 1
        elif found[0][0] == "\\":
            continue
        if depth < 0 or found[0] <= " " or found[0] == "\x7f":
            end = found.start()
            break
        if depth > _DEEPEST:
            return None
    return None if depth > 0 else (unescaped(text[at:end]), end)


def inline(text: str, at: int) -> tuple[str, str, int] | None:
    """Return address, title and end of what stands between round brackets at *at*."""
    if not text.startswith("(", at):
        return None
    found = destination(text, _after_space(text, at + 1))
    if found is None:
        return None
    address, end = found
    title, end = _title(text, end)
    end = _after_space(text, end)
    return (address, title, end + 1) if text.startswith(")", end) else None


def definition(text: str, at: int) -> Definition | None:
    """Return the definition of a link that begins at *at*, if one does."""
    found = _LABEL.match(text, at)
    label = normal(found[1]) if found else ""
    if found is None or not label:
        return None
    begin = _after_space(text, found.end())
    target = destination(text, begin)
    if target is None or target[1] == begin:
        return None
    address, behind = target
    title, end = _title(text, behind)
    line_end = _LINE_END.match(text, end)
    if line_end is None:
        title, line_end = "", _LINE_END.match(text, behind)
    return Definition(label, address, title, line_end.end()) if line_end else None


def label(text: str, begin: int, end: int) -> str:
    """Return the label between two places in its normal form, or nothing."""
    return normal(text[begin:end]) if end - begin <= _LONGEST_LABEL else ""


def bare(text: str, at: int) -> str:
    """Return the bare address at *at*, without what is the sentence's around it."""
    depth, end = 0, len(text)
    for edge in _EDGE.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(edge[0], 0)
        if depth < 0 or edge[0] not in "()":
            end = edge.start()
            break
    return text[at:end].rstrip(_TRAILING)


def _title(text: str, at: int) -> tuple[str, int]:
    """Return the title behind white space at *at*, and where it ends."""
    begin = _after_space(text, at)
    found = _TITLE.match(text, begin) if begin > at else None
    if found is None:
        return "", at
    return unescaped(found[1] or found[2] or found[3] or ""), found.end()


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
