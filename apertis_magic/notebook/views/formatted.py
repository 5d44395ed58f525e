"""Markdown -> lines of a terminal, by ``rich``; whatever would get lost stays plain.

Nothing is hidden: a link shows its address, an image its description and address, a
fence its own lines, and HTML, mathematics and link references stand as they were
written.
"""

import re
from collections import Counter
from io import StringIO
from textwrap import indent
from typing import ClassVar

from markdown_it.token import Token
from pygments import token as kinds
from rich import box, markdown
from rich.cells import chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from apertis_magic.clean import printable
from apertis_magic.notebook.views.visible import visible
from apertis_magic.render.reading import read
from apertis_magic.render.text import BLANK

_LONGEST = 50_000
"""Characters of a piece above which formatting it would keep a person waiting."""

# The terminal's own colours, those of them that can be read on black and on white.
_STYLES = Theme(
    {
        "markdown.block_quote": "italic",
        "markdown.code": "magenta",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold underline",
        "markdown.h3": "bold",
        "markdown.h4": "bold italic",
        "markdown.hr": "dim",
        "markdown.item.bullet": "bold",
        "markdown.item.number": "bold",
        "markdown.link": "none",
        "markdown.link_url": "underline",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
_CODE = ANSISyntaxTheme(
    {
        kinds.Token: Style(),
        kinds.Comment: Style(dim=True, italic=True),
        kinds.Keyword: Style(color="magenta"),
        kinds.Operator.Word: Style(color="magenta"),
        kinds.Name.Function: Style(bold=True),
        kinds.Name.Class: Style(bold=True),
        kinds.Name.Tag: Style(color="magenta"),
        kinds.String: Style(color="green"),
        kinds.Number: Style(color="red"),
        kinds.Generic.Deleted: Style(color="red"),
        kinds.Generic.Inserted: Style(color="green"),
        kinds.Generic.Heading: Style(bold=True),
    }
)

# What is shown as something else: characters by name, the numbers of items, the names
# of links, and the tags around what folds.
_RESPELT = re.compile(
    r"&#?\w{1,32};|^[ \t>*+-]*+\d{1,9}[.)]|^[ \t>*+-]*+\[[^\]^\n][^\]\n]*\]:[ \t]"
    r"|(?<=\])\[[^\]\n]*\]|</?(?:details|summary|br)>",
    re.MULTILINE | re.IGNORECASE,
)


_STYLING = re.compile(r"\x1b\[[0-9;]*m")
_PADDING = re.compile(rf"(?<! ) +((?:{_STYLING.pattern})*)$", re.MULTILINE)


def blocks(text: str, *, width: int) -> str:
    """Return *text* with the escape sequences that format it, and no others.

    Args:
        text: whole blocks of Markdown.
        width: columns of the terminal.

    Returns:
        Lines that each end in a newline; the text itself where it is too long, or
        where formatting would lose a letter or digit of it.
    """
    plain = printable(text).rstrip(f"{BLANK}\n") + "\n"
    if len(plain) > _LONGEST:
        return plain
    try:
        shown = _rendered(plain, width).lstrip("\n")  # before a list, say
    except Exception:  # noqa: BLE001  no text may cost a person the answer
        return plain
    lost = _letters(_RESPELT.sub("", plain)) - _letters(_STYLING.sub("", shown))
    return plain if lost else _PADDING.sub(r"\1", shown)


def last_lines(text: str, width: int, count: int) -> list[str]:
    """Return the last lines of unformatted *text*, broken where they are too wide.

    Args:
        text: what has come of a block.
        width: columns of the terminal.
        count: how many lines there may be; at least one is given.
    """
    count = max(count, 1)
    end = printable(text[-width * count :]).expandtabs(4)
    lines = [
        part for line in end.split("\n") for part in chop_cells(line, width) or [""]
    ]
    return lines[-count:]


def _rendered(text: str, width: int) -> str:
    file = StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        force_jupyter=False,
        legacy_windows=False,
        width=width,
        theme=_STYLES,
    )
    console.print(_Cleaned(_Markdown(text)), crop=False)
    return file.getvalue()


def _letters(text: str) -> Counter[str]:
    return Counter(filter(str.isalnum, text))


class _Cleaned:
    """What *inner* shows, without the control characters that Markdown can spell."""

    def __init__(self, inner: markdown.Markdown) -> None:
        self._inner = inner

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        for segment in console.render(self._inner, options):
            yield Segment(printable(segment.text), segment.style)


class _Heading(markdown.Heading):
    """A heading at the left, like the text below it."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        yield self.text


class _Code(markdown.CodeBlock):
    """Code as it was written, to be copied, between the lines that fence it."""

    fences = ("", "")

    @classmethod
    def create(cls, markdown: markdown.Markdown, token: Token) -> "_Code":
        block = cls(token.info.partition(" ")[0] or "text", markdown.code_theme)
        block.fences = (token.markup + token.info, token.markup)
        return block

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        syntax = Syntax("", self.lexer_name, theme=_CODE, tab_size=0)  # tabs stay
        code = syntax.highlight(str(self.text).rstrip("\n"))
        code.rstrip()
        first, last = (Text(fence, style="dim") for fence in self.fences)
        yield first
        if options.max_width < console.width:  # in a list or a quote
            code.overflow = "fold"
            yield code
        else:  # the terminal breaks long lines without changing them
            yield from code.render(console, end="\n")
        yield last


class _Indented(markdown.CodeBlock):
    """Code that is told by its indentation."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        code = str(self.text).rstrip("\n")
        yield Text(indent(code, "    "), overflow="fold")


class _Table(markdown.TableElement):
    """A table that breaks long words, not off."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.box, table.show_edge, table.pad_edge = box.SIMPLE, False, False
                table.collapse_padding = True
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _Markdown(markdown.Markdown):
    """Markdown of which nothing is hidden."""

    elements: ClassVar[dict[str, type[markdown.MarkdownElement]]] = {
        **markdown.Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Indented,
        "table_open": _Table,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = visible(read(text))
