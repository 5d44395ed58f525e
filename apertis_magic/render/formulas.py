r"""Which formulas of an answer a typesetter may see: those of listed TeX alone.

TeX is code. What front ends typeset can define commands for all later formulas, lay
boxes over the page, and load addresses. So a formula is read, once from left to right,
and what is not surely known by the tables of ``tex.py`` is refused.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apertis_magic.render.tex import (
    BACK,
    CHEMISTRY,
    COMMANDS,
    DELIMITERS,
    ENVIRONMENTS,
    TEXT,
)

OPENERS = re.compile(r"([$\\])")
r"""What a formula begins with; in text, each stands in a ``span`` of its own.

JupyterLab looks for ``$…$``, ``\(…\)`` and ``\begin`` in all HTML but code; it never
looks across tags.
"""

_LONGEST = 8_000
"""Characters; a page is busy for seconds with a longer formula."""

_DEEPEST = 50
"""Groups and changes of style that may be open at once: a typesetter has a stack."""

_FARTHEST = 3.0
"""Em of a space; also, summed up, of all that moves something in one row."""

_EM = {
    "em": 1,
    "ex": 0.43,
    "mu": 1 / 18,
    "px": 1 / 16,
    "pt": 1 / 10,
    "pc": 1.2,
    "mm": 0.284,
    "cm": 2.835,
    "in": 7.2,
}
# No control character but tab and newline, and none that turns or hides its neighbours.
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_PLAIN = rf"[^\\{{}}\[\]$&%#^_{_CONTROL}]++"
_TOKEN = re.compile(
    rf"\\(?P<name>[A-Za-z]+|[^\x00-\x1f])|(?P<mark>[{{}}\[\]$&#_]|\^(?!\s*\^))|{_PLAIN}"
)
_NUMBER = rf"([-+]?(?:\d{{1,4}}(?:[.,]\d{{0,6}})?|[.,]\d{{1,6}}))\s*({'|'.join(_EM)})"
_LENGTH = re.compile(rf"\s*(?:{_NUMBER}(?![A-Za-z])|\{{\s*{_NUMBER}\s*\}})")
_GAP = re.compile(rf"\s*\[\s*{_NUMBER}\s*\]")
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]+\*?)\}")
_BRACE = re.compile(r"\s*\{")
_BRACKET = re.compile(r"\s*\[")
_DELIMITER = "|".join(
    re.escape(name) + ("(?![A-Za-z])" if name[-1].isalpha() else "")
    for name in sorted(DELIMITERS)
)
_ARGUMENTS = {
    "o": re.compile(r"(?:\s*\[[tbclr]\])?(?!\s*\[)"),
    "b": re.compile(r"\s*\{[-=#~.<>\d]{1,4}\}"),
    "c": re.compile(
        r"\s*\{\s*(?:[A-Za-z]{1,30}|#(?:[\dA-Fa-f]{3}){1,2})\s*\}", re.ASCII
    ),
    "a": re.compile(r"\s*\{[lcr|: ]{1,200}\}"),
    "n": re.compile(r"\s*\{\s*\d{0,2}\s*\}", re.ASCII),
    "g": re.compile(r"\*?\s*\{[A-Za-z\d .,'()*†‡-]{1,30}\}", re.ASCII),
    "d": re.compile(rf"\s*(?:{_DELIMITER})"),
    "e": re.compile(rf"\s*\{{\s*(?:{_DELIMITER})?\s*\}}"),
    "f": re.compile(r"(?!\s*\[)"),  # some would take it for an option of theirs
}
_INLINE, _DISPLAY = (r"\(", r"\)"), (r"\[", r"\]")
_AROUND = (
    (*_INLINE, *_INLINE),
    (*_DISPLAY, *_DISPLAY),
    ("$$", "$$", *_DISPLAY),
    ("$", "$", *_INLINE),
    ("", "", *_DISPLAY),  # an environment comes whole
)
_INNER = {"t": TEXT, "s": CHEMISTRY}


def marked(source: str) -> str | None:
    r"""Return a formula as front ends find it, or None if it must not be typeset.

    That is as it was written, which is what a front end shows that typesets nothing,
    but in delimiters that it cannot hold.

    Args:
        source: the formula as it was written, with its ``$``, ``$$``, ``\(…\)`` or
            ``\[…\]``, or an environment.
    """
    for begin, end, opener, closer in _AROUND:
        if source.startswith(begin) and source.endswith(end):
            formula = source[len(begin) : len(source) - len(end)]
            is_safe = begin and "$" not in formula
            found = source if is_safe else f"{opener}{formula}{closer}"
            return found if is_typesettable(formula) else None
    return None


def is_typesettable(formula: str) -> bool:
    r"""Tell whether a typesetter may see *formula*: all of it is listed and bounded.

    Args:
        formula: TeX without the ``\(…\)``, ``\[…\]`` or ``$$…$$`` around it.
    """
    if len(formula) > _LONGEST:
        return False
    try:
        _Reader(formula).read()
    except _Refused:
        return False
    return True


class _Refused(Exception):
    """The formula holds something that is not listed."""


@dataclass(slots=True)
class _Group:
    """A part of a formula that has not ended yet.

    Attributes:
        closer: what ends it; the whole formula has none.
        commands: what may stand in it.
        moved: em by which things before it were moved.
        marks: what was done in it that may not be done twice.
        styles: how often the style was changed in it.
    """

    closer: str
    commands: Mapping[str, str]
    moved: float = 0
    marks: set[str] = field(default_factory=set)
    styles: int = 0

    @property
    def is_environment(self) -> bool:
        """Whether it has rows and columns."""
        return self.closer in ENVIRONMENTS


class _Reader:
    """Reads one formula."""

    def __init__(self, formula: str) -> None:
        self._text = formula
        self._at = 0
        self._groups = [_Group("", COMMANDS)]
        self._depth = 0
        self._moved = 0.0

    def read(self) -> None:
        """Read the whole formula, or raise ``_Refused``."""
        while self._at < len(self._text):
            found = self._take(_TOKEN)
            if found["name"]:
                self._command(found["name"])
            elif found["mark"]:
                self._mark(found["mark"])
        self._check(len(self._groups) == 1)

    @property
    def _top(self) -> _Group:
        return self._groups[-1]

    @staticmethod
    def _check(fact: object) -> None:
        if not fact:
            raise _Refused

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Go on behind what *pattern* finds, which must come next."""
        found = pattern.match(self._text, self._at)
        if found is None:
            raise _Refused
        self._at = found.end()
        return found

    def _open(self, closer: str, commands: Mapping[str, str] | None = None) -> None:
        self._groups.append(
            _Group(closer, self._top.commands if commands is None else commands)
        )
        self._top.moved = self._moved
        self._deepen()

    def _close(self, closer: str) -> None:
        self._check(self._top.closer == closer)
        self._depth -= 1 + self._groups.pop().styles

    def _deepen(self) -> None:
        self._depth += 1
        self._check(self._depth <= _DEEPEST)

    def _mark(self, mark: str) -> None:
        commands = self._top.commands
        match mark:
            case "{":
                self._open("}")
            case "}":
                self._close("}")
            case "[":
                self._check(self._top.closer != "]")  # which of the two ends at "]"?
            case "]" if self._top.closer == "]":
                self._close("]")
            case "$" if self._top.closer == "$":
                self._close("$")
            case "$":
                self._check(commands is not COMMANDS)
                self._open("$", COMMANDS)
            case "&":
                self._check(self._top.is_environment)
                self._begin_cell()
            case "#":
                self._check(commands is CHEMISTRY)
            case "^" | "_":
                self._check(commands is not TEXT)

    def _command(self, name: str) -> None:
        commands = self._top.commands
        special = self._special.get(name) if commands is COMMANDS else None
        if special:
            self._check(self._top.closer != "]")  # they might hold its end
            special(self)
        elif name in BACK and commands is not CHEMISTRY:
            self._move(BACK[name] / 18)
        else:
            self._check(name in commands)
            self._arguments(commands[name])

    def _arguments(self, takes: str) -> None:
        for letter in takes:
            if letter in _ARGUMENTS:
                found = self._take(_ARGUMENTS[letter])
                self._check(self._top.closer != "]" or "]" not in found[0])
            elif letter in _INNER:
                self._take(_BRACE)
                self._open("}", _INNER[letter])
            else:
                self._others[letter](self)

    def _option(self) -> None:
        if _BRACKET.match(self._text, self._at):
            self._check(self._top.closer != "]")
            self._take(_BRACKET)
            self._open("]")

    def _space(self) -> None:
        length = self._length(_LENGTH)
        self._check(length <= _FARTHEST)
        self._move(max(-length, 0))

    def _shift(self) -> None:
        self._move(abs(self._length(_LENGTH)))

    def _length(self, pattern: re.Pattern[str]) -> float:
        number, unit = filter(None, self._take(pattern).groups())
        return float(number.replace(",", ".")) * _EM[unit]

    def _move(self, length: float) -> None:
        """Add up what moves: many small steps lead far away too."""
        self._moved += length
        self._check(self._moved <= _FARTHEST + 1e-9)

    def _style(self) -> None:
        self._top.styles += 1
        self._deepen()

    def _size(self) -> None:
        self._do_once("size")
        self._top.marks.add("size")
        self._style()

    def _double(self) -> None:
        self._do_once("double")
        if _BRACE.match(self._text, self._at):
            self._take(_BRACE)
            self._open("}")
            self._top.marks.add("double")

    def _do_once(self, what: str) -> None:
        """Refuse what would be multiplied by what is done around it."""
        self._check(not any(what in group.marks for group in self._groups))

    def _begin(self) -> None:
        name = self._take(_ENVIRONMENT)[1]
        self._check(name in ENVIRONMENTS)
        self._arguments(ENVIRONMENTS[name])
        self._open(name)

    def _end(self) -> None:
        self._close(self._take(_ENVIRONMENT)[1])

    def _left(self) -> None:
        self._take(_ARGUMENTS["d"])
        self._open("right")

    def _right(self) -> None:
        self._take(_ARGUMENTS["d"])
        self._close("right")

    def _begin_cell(self) -> None:
        """Forget the styles of the last cell, which end with it."""
        self._depth -= self._top.styles
        self._top.styles = 0
        self._top.marks.clear()

    def _row(self) -> None:
        r"""Read what follows ``\\``: a star, a gap."""
        if self._text.startswith("*", self._at):
            self._at += 1
        if _GAP.match(self._text, self._at):
            self._check(0 <= self._length(_GAP) <= _FARTHEST)
        else:
            self._check(not self._text.startswith("[", self._at))
        if self._top.is_environment:
            self._begin_cell()
            if len(self._groups) == 2:  # noqa: PLR2004  the formula and its rows
                self._moved = self._top.moved

    _special: Mapping[str, Callable[["_Reader"], None]] = {
        "\\": _row,
        "begin": _begin,
        "end": _end,
        "left": _left,
        "right": _right,
    }
    _others: Mapping[str, Callable[["_Reader"], None]] = {
        "[": _option,
        "l": _space,
        "m": _shift,
        "y": _style,
        "z": _size,
        "p": _double,
    }
