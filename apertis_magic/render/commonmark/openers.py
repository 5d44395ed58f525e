"""A line -> the block of text that begins in it, if it is no paragraph."""

import re

from apertis_magic.render.commonmark import links
from apertis_magic.render.commonmark.blocks import Code, Heading, Leaf, Math, Rule
from apertis_magic.render.commonmark.lines import BLANK, Line

_HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_FENCE = re.compile(r"(`{3,}+)(?P<info>[^`]*)$|(~{3,}+)(?P<about>.*)$")
RULE = re.compile(r"([-_*])[ \t]*+(?:\1[ \t]*+){2,}+$")
_MARK = re.compile(r"\\.|[\[\]]")
_GAP = re.compile(r"[ \t]+")
_MATH = re.compile(r"\\\[|\$\$(?!\$)|\\begin\{(?P<name>[A-Za-z]+\*?)\}")


def opened(line: Line) -> Leaf | None:
    """Return the block that begins in *line*, but for paragraphs and indented code."""
    return _heading(line) or _fence(line) or _rule(line) or _math(line)


def _heading(line: Line) -> Leaf | None:
    found = line.match(_HEADING)
    if found is None:
        return None
    text = line.text[found.end() :].rstrip(BLANK)
    bare = text.rstrip("#")
    if not bare or bare[-1] in BLANK:
        text = bare
    level = len(found[1])
    return Heading(start=line.number, lines=[text], level=level, open=False)


def _fence(line: Line) -> Leaf | None:
    found = line.match(_FENCE)
    if found is None:
        return None
    info = links.unescaped(found["info"] or found["about"] or "")
    return Code(
        start=line.number,
        end=line.number,
        fence=found[1] or found[3],
        indent=line.indent,
        language=_GAP.split(info.strip(BLANK), 1)[0],
    )


def _rule(line: Line) -> Leaf | None:
    return Rule(start=line.number, open=False) if line.match(RULE) else None


def _math(line: Line) -> Leaf | None:
    found = line.match(_MATH)
    if found is None:
        return None
    closers = {"\\[": "\\]", "$$": "$$"}
    closer = closers.get(found[0], f"\\end{{{found['name']}}}")
    body = line.text[found.end() :].rstrip(BLANK)
    if closer in body[: -len(closer)] or body == closer:
        return None  # a formula with text behind it, or an empty one
    if closer == "\\]" and _is_bracket(body):
        return None
    return Math(
        start=line.number,
        end=line.number,
        lines=[line.content],
        closer=closer,
        open=not body.endswith(closer),
    )


def _is_bracket(body: str) -> bool:
    r"""Tell whether a plain bracket closes what ``\[`` seems to open, as in a link."""
    depth = 0
    for mark in _MARK.findall(body):
        depth += {"[": 1, "]": -1}.get(mark, 0)
        if depth < 0:
            return True
    return False
