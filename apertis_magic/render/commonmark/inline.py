"""The text of a block -> elements: emphasis, code, links, images, formulas.

The text is read once from left to right into pieces; brackets and runs of ``*``, ``_``
and ``~`` are matched as CommonMark tells, each against a bounded number of others.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from apertis_magic.render.commonmark import links
from apertis_magic.render.commonmark.emphasis import (
    Bare,
    Piece,
    Run,
    is_beside_word,
    is_punctuation,
    link,
    nested,
    put,
    put_text,
)

_LONGEST_RUN = 8  # a longer one is a line drawn with asterisks
_STRIKE = 2
_LONGEST_NAME = 1000  # of an image that is not shown

_SPECIAL = re.compile(
    r"[\\`*_~\[\]!<&$\n]"
    r"|(?<![A-Za-z0-9])(?:https?://|www\.)(?=[^\W_])"
    r"|(?<![\w.+-])(?P<mail>[^\W_][\w.+-]*+@[^\W_][\w-]*(?:\.[\w-]*[^\W_])+)",
    re.IGNORECASE,
)
_ESCAPED = set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_TICKS = re.compile(r"`+")
_RUN = re.compile(r"\*+|_+|~+")
_NOTE = re.compile(r"\[\^([^\[\]\s]{1,200}+)\]")
_AUTOLINK = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*)>")
_MAIL = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)*)>", re.ASCII)

_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){0,999}+)\]", re.DOTALL)
_DISPLAY = re.compile(r"\$\$(?!\$)([^$]++)\$\$(?!\$)")
_FORMULA = re.compile(r"\$(?![\s$])((?:[^$\\`]|\\.)*+)(?<![\s\\])\$(?!\d)", re.DOTALL)
_PRICE = re.compile(r"\d[\d.,]*[A-Za-z]?(?:\s+\(?|[/-])[A-Za-z]{2,}")
_SAFE_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")


@dataclass(frozen=True, slots=True)
class _Bracket:
    """A bracket that may begin a link or an image."""

    piece: int
    begin: int
    is_image: bool


class Writer:
    """Writes text into elements, and keeps what all texts of a document share.

    Attributes:
        references: address and title of each link defined by name.
        notes: the labels of the footnotes that there are.
        name: of the document, which keeps its footnotes from those of others.
        referred: the labels of those that the text refers to, in this order.
    """

    def __init__(
        self,
        references: Mapping[str, tuple[str, str]],
        notes: Iterable[str],
        *,
        name: str,
    ) -> None:
        self.references = references
        self.name = name
        self.notes = frozenset(notes)
        self.referred: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, label: str) -> int:
        """Return the number of a footnote that the text refers to."""
        if label not in self._numbers:
            self.referred.append(label)
            self._numbers[label] = len(self.referred)
        return self._numbers[label]

    def write(self, text: str, element: Element) -> None:
        """Write *text*, read as Markdown, to the end of *element*."""
        put(nested(_Reader(text.strip(), self).read()), element)


class _Reader:
    """Reads one text."""

    def __init__(self, text: str, writer: Writer) -> None:
        self._text = text
        self._writer = writer
        self._pieces: list[Piece] = []
        self._brackets: list[_Bracket] = []
        self._in_link = 0  # so many open brackets have a link in them: they are none
        self._ticks: dict[int, list[int]] | None = None
        self._absent: set[str] = set()

    def read(self) -> list[Piece]:
        """Return the pieces of the text."""
        at = 0
        while found := _SPECIAL.search(self._text, at):
            if found.start() > at:
                self._pieces.append(self._text[at : found.start()])
            if found["mail"]:
                self._pieces.append(Bare(found[0], f"mailto:{found[0]}"))
                at = found.end()
            else:
                read = self._readers.get(found[0], _Reader._url)
                at = read(self, found.start())
        self._pieces.append(self._text[at:])
        return self._pieces

    def _plain(self, at: int, length: int = 1) -> int:
        self._pieces.append(self._text[at : at + length])
        return at + length

    def _backslash(self, at: int) -> int:
        after = self._text[at + 1 : at + 2]
        if after == "\n":
            return self._break(at + 1)
        if after == "\\":
            # In a tag of its own, lest a front end takes it and what follows for more.
            sign = Element("span")
            sign.text = after
            self._pieces.append(sign)
            return at + 2
        if after in ("(", "["):
            closer = "\\)" if after == "(" else "\\]"
            end = self._find(closer, at + 2)
            if end > 0 and (formula := self._text[at + 2 : end]).strip():
                self._pieces.append(math(f"\\{after}{formula}{closer}"))
                return end + 2
        return self._plain(at + 1) if after in _ESCAPED and after else self._plain(at)

    def _find(self, what: str, at: int) -> int:
        """Return where *what* comes next, or -1; look for what is absent only once."""
        end = -1 if what in self._absent else self._text.find(what, at)
        if end < 0:
            self._absent.add(what)
        return end

    def _newline(self, at: int) -> int:
        before = self._pieces[-1] if self._pieces else ""
        if isinstance(before, str):
            self._pieces[-1:] = [before.rstrip(" ")]
            if before.endswith("  "):
                return self._break(at)
        return self._plain(at)

    def _break(self, at: int) -> int:
        self._pieces.append(Element("br"))
        return self._plain(at)

    def _code(self, at: int) -> int:
        if self._ticks is None:
            self._ticks = {}
            for run in _TICKS.finditer(self._text, at):
                self._ticks.setdefault(len(run[0]), []).append(run.start())
        length = _length(_TICKS, self._text, at)
        places = self._ticks.get(length, [])
        number = bisect_left(places, at + length)
        if number == len(places):
            return self._plain(at, length)
        code = self._text[at + length : places[number]].replace("\n", " ")
        if code[0] == code[-1] == " " and code.strip(" "):
            code = code[1:-1]
        element = Element("code")
        element.text = code
        self._pieces.append(element)
        return places[number] + length

    def _run(self, at: int) -> int:
        text = self._text
        length = _length(_RUN, text, at)
        mark = text[at]
        if length > _LONGEST_RUN or (mark == "~" and length != _STRIKE):
            return self._plain(at, length)
        before, after = text[at - 1 : at] or "\n", text[at + length : at + length + 1]
        opens = is_beside_word(after or "\n", before)
        closes = is_beside_word(before, after or "\n")
        if mark == "_":
            opens, closes = (
                opens and (not closes or is_punctuation(before)),
                closes and (not opens or is_punctuation(after)),
            )
        self._pieces.append(Run(mark, length, opens, closes, left=length))
        return at + length

    def _open_bracket(self, at: int) -> int:
        note = _NOTE.match(self._text, at)
        label = links.normal(note[1]) if note else ""
        if note and label in self._writer.notes:
            self._pieces.append(self._reference(label))
            return note.end()
        return self._bracket(at, 1)

    def _reference(self, label: str) -> Element:
        number = self._writer.number(label)
        name = f"{self._writer.name}-{number}"
        mark = Element("sup", {"id": f"fnref:{name}"})
        anchor = SubElement(mark, "a", {"class": "footnote-ref", "href": f"#fn:{name}"})
        anchor.text = str(number)
        return mark

    def _bang(self, at: int) -> int:
        is_image = self._text.startswith("[", at + 1)
        return self._bracket(at, 2) if is_image else self._plain(at)

    def _bracket(self, at: int, length: int) -> int:
        self._brackets.append(_Bracket(len(self._pieces), at + length, length > 1))
        return self._plain(at, length)

    def _close_bracket(self, at: int) -> int:
        if not self._brackets:
            return self._plain(at)
        bracket = self._brackets.pop()
        is_dead = len(self._brackets) < self._in_link and not bracket.is_image
        self._in_link = min(self._in_link, len(self._brackets))
        found = None if is_dead else self._target(bracket.begin, at)
        if found is None:
            return self._plain(at)
        address, title, end = found
        inner = self._pieces[bracket.piece + 1 :]
        del self._pieces[bracket.piece :]
        if bracket.is_image:
            self._pieces.append(_image(inner, address, title))
        else:
            self._pieces.append(link(inner, address, title))
            self._in_link = len(self._brackets)
        return end

    def _target(self, begin: int, at: int) -> tuple[str, str, int] | None:
        """Return address, title and end of the link whose text ends at *at*."""
        text, references = self._text, self._writer.references
        if found := links.inline(text, at + 1):
            return found
        if not references:
            return None
        end = at + 1
        label = ""
        if named := _LABEL.match(text, at + 1):
            end = named.end()
            label = links.normal(named[1])
        known = references.get(label or links.label(text, begin, at))
        return (*known, end) if known else None

    def _angle(self, at: int) -> int:
        if found := _AUTOLINK.match(self._text, at):
            address = found[1]
        elif found := _MAIL.match(self._text, at):
            address = f"mailto:{found[1]}"
        else:
            return self._plain(at)
        self._pieces.append(link([found[1]], address, ""))
        self._in_link = len(self._brackets)
        return found.end()

    def _entity(self, at: int) -> int:
        found = links.ENTITY.match(self._text, at)
        if found is None:
            return self._plain(at)
        self._pieces.append(links.character(found[0]))
        return found.end()

    def _dollar(self, at: int) -> int:
        """Read a formula; "$5 and $6" are prices."""
        found = _DISPLAY.match(self._text, at)
        if found and found[1].strip():
            self._pieces.append(math(f"\\[{found[1]}\\]"))
            return found.end()
        found = _FORMULA.match(self._text, at)
        is_glued = self._text[at - 1 : at].isalnum() if at else False
        if found is None or is_glued or _PRICE.match(found[1]):
            return self._plain(at)
        self._pieces.append(math(f"\\({found[1]}\\)"))
        return found.end()

    def _url(self, at: int) -> int:
        found = links.URL.match(self._text, at)
        shown = links.bare(found[0]) if found else ""
        if not shown:
            return self._plain(at)
        address = shown if shown[0] in "hH" else f"http://{shown}"
        self._pieces.append(Bare(links.unescaped(shown), links.unescaped(address)))
        return at + len(shown)

    _readers: Mapping[str, Callable[["_Reader", int], int]] = {
        "\\": _backslash,
        "`": _code,
        "*": _run,
        "_": _run,
        "~": _run,
        "[": _open_bracket,
        "!": _bang,
        "]": _close_bracket,
        "<": _angle,
        "&": _entity,
        "$": _dollar,
        "\n": _newline,
    }


def math(formula: str, tag: str = "span") -> Element:
    """Return the element that front ends typeset *formula* in."""
    element = Element(tag, {"class": "arithmatex"})
    element.text = formula
    return element


def _length(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return len(found[0]) if found else 0


def _image(inner: list[Piece], address: str, title: str) -> Element:
    """Return an image that is in the text itself, or the name of a remote one."""
    named = Element("em")
    put(nested(inner), named)
    text = "".join(named.itertext())[:_LONGEST_NAME]
    if _SAFE_IMAGE.fullmatch(address):
        return Element("img", {"src": address, "alt": text, "title": title})
    told = f"[image not loaded: {text or 'no description'}]"
    image = Element("em")
    if address.lower().startswith(("https://", "http://")):
        image.append(link([told], address, title))
    else:
        put_text(told, image)
    return image
