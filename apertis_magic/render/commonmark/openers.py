"""A line -> the block of text that begins in it, if it is no paragraph."""

import re

from apertis_magic.render.commonmark import links
from apertis_magic.render.commonmark.blocks import Code, Heading, Leaf, Math, Rule
from apertis_magic.render.commonmark.lines import Line

_HEADING = re.compile(r"(#{1,6})(?:[ \t]+|$)")
_FENCE = re.compile(r"(`{3,}+)(?P<info>[^`]*)$|(~{3,}+)(?P<about>.*)$")
RULE = re.compile(r"([-_*])[ \t]*+(?:\1[ \t]*+){2,}+$")
_MATH = re.compile(r"\\\[|\$\$(?!\$)|\\begin\{(?P<name>[A-Za-z]+\*?)\}")


def opened(line: Line) -> Leaf | None:
    """Return the block that begins in *line*, but for paragraphs and indented code."""
    return _heading(line) or _fence(line) or _rule(line) or _math(line)


def _heading(line: Line) -> Leaf | None:
    found = line.match(_HEADING)
    if found is None:
        return None
    text = line.text[found.end() :].rstrip()
    bare = text.rstrip("#")
    if not bare or bare[-1] in " \t":
        text = bare
    level = len(found[1])
    return Heading(start=line.number, lines=[text], level=level, open=False)


def _fence(line: Line) -> Leaf | None:
    found = line.match(_FENCE)
    if found is None:
        return None
    words = links.unescaped(found["info"] or found["about"] or "").split()
    return Code(
        start=line.number,
        end=line.number,
        fence=found[1] or found[3],
        indent=line.indent,
        language=words[0] if words else "",
    )


def _rule(line: Line) -> Leaf | None:
    return Rule(start=line.number, open=False) if line.match(RULE) else None


def _math(line: Line) -> Leaf | None:
    found = line.match(_MATH)
    if found is None:
        return None
    closers = {"\\[": "\\]", "$$": "$$"}
    closer = closers.get(found[0], f"\\end{{{found['name']}}}")
    body = line.text[found.end() :].rstrip()
    if closer in body[: -len(closer)] or body == closer:
        return None  # a formula with text behind it, or an empty one
    return Math(
        start=line.number,
        end=line.number,
        lines=[line.content],
        closer=closer,
        open=not body.endswith(closer),
    )
