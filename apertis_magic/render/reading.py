"""A Markdown text -> its blocks, by markdown-it-py with the rules that models write by.

Cell, panel, terminal and exported pages read with this one reader. HTML is text, but
for a few plain tags; every prefix of a text is a text; and the work grows with the text
alone.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from itertools import accumulate
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.footnote.index import footnote_def, footnote_tail

from apertis_magic.render.rules import (
    autolinks,
    emphasis,
    labels,
    lists,
    mathematics,
    notes,
    tables,
    tags,
)
from apertis_magic.render.text import BLANK

# Blocks within each other; what is deeper is text. The lines behind a quote are read
# once for each quote around them.
_DEEPEST, _DEEPEST_QUOTE = 40, 12
# What a block of some kind ends at once: a paragraph, a definition, a quote, an item.
_OVER_LINES: RuleOptionsType = {"alt": ["paragraph", "reference"]}
_OVER_QUOTES: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote"]}
_OVER_TEXT: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}

_LINE = re.compile(r"\r\n|\n|\r(?!\Z)")
_FENCE_END = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*\Z")

# A block of these kinds is over with its last line, or with the first blank one.
_ENDED = {"heading_open", "hr", "math_block", "details_open"}
_ENDS_AT_BLANK = {"paragraph_open", "blockquote_open", "table_open"}


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a text that stands in no other, with the definitions behind it.

    Attributes:
        end: where the text of the next block begins, in characters.
        tokens: of the block.
    """

    end: int
    tokens: Sequence[Token]


@dataclass(frozen=True, slots=True)
class Document:
    """What a text holds.

    Attributes:
        blocks: from first to last; joined they are the whole text.
        notes: the tokens of the footnotes, which stand below the text.
        finished: the length of the part whose blocks nothing to come can change, but
            for links and footnotes defined later.
        defines: whether names of links or footnotes are defined.
    """

    blocks: Sequence[Block]
    notes: Sequence[Token]
    finished: int
    defines: bool


def read(text: str) -> Document:
    """Return what *text*, whole or unfinished, holds."""
    env: dict[str, Any] = {}
    tokens = _reader().parse(text, env)
    groups = list(_groups(tokens))
    below = groups.pop() if groups and groups[-1][0].map is None else []
    ends = [*accumulate(map(len, _lines(text)))]
    lines = [group[0].map[0] if group[0].map else 0 for group in groups]
    starts = [ends[line - 1] if line else 0 for line in lines]
    blocks = [
        Block(end, group)
        for group, end in zip(groups, [*starts[1:], len(text)], strict=False)
    ]
    defines = bool(env.get("references") or env.get("footnotes"))
    return Document(blocks, below, _finished(text, env), defines)


def finished(text: str) -> int:
    """Return the length of the part of *text* whose blocks can no longer change.

    The last line counts only when its end has come: it may still become anything.
    """
    env: dict[str, Any] = {}
    _outliner().parse(text, env)
    return _finished(text, env)


def _finished(text: str, env: dict[str, Any]) -> int:
    return sum(map(len, _lines(text)[: env.get("finished", 0)]))


def _lines(text: str) -> list[str]:
    """Return the lines of *text* with their ends."""
    cuts = [0, *(found.end() for found in _LINE.finditer(text))]
    return [text[a:b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Give the tokens of each block that stands in no other."""
    depth, group = 0, []
    for token in tokens:
        group.append(token)
        depth += token.nesting
        if depth == 0:
            yield group
            group = []


def _outline(state: StateCore) -> None:
    """Note how many lines are finished, by the blocks that were read."""
    lines = state.src.split("\n")[:-1]  # the last one is unfinished, or empty
    blocks = [
        group[0]
        for group in _groups(state.tokens)
        if group[0].map and group[0].map[0] < len(lines)
    ]
    spans = [(*(block.map or (0, 0)), block.type) for block in blocks]
    end = _first_open(spans, lines, blocks[-1].markup if blocks else "")
    held = state.env.get("open", len(lines))  # what may still be another block, or none
    if spans and spans[-1][2] == "table_open" and spans[-1][0] + 2 > len(lines):
        held = min(held, end)  # the line below its head has no end yet
    inside = state.env.get("open_inside", len(lines))
    around = [start for start, behind, _ in spans if start <= inside < behind]
    taken = {token.map[1] for token in state.tokens if token.map and _takes(token)}
    state.env["finished"] = min(end, _above(spans, held, taken), *around)


Span = tuple[int, int, str]
"""The first line of a block, the one behind its last, and its kind."""


def _first_open(spans: Sequence[Span], lines: Sequence[str], markup: str) -> int:
    """Return the number of the first line that what comes may change."""
    start, end, kind = spans[-1] if spans else (0, 0, "")
    is_cut = end > len(lines)
    if is_cut or (spans and not _is_over(kind, lines[start:end], markup, lines[end:])):
        return start
    rest = len(lines)
    while rest > end and lines[rest - 1].strip(BLANK):
        rest -= 1  # definitions, the last of which may go on
    return rest


def _is_over(
    kind: str, lines: Sequence[str], markup: str, below: Sequence[str]
) -> bool:
    """Tell whether nothing that comes can change the last block.

    Args:
        kind: of the block.
        lines: of the block; without the last line of the text, which has no end.
        markup: that the block begins with, if it is a fence.
        below: the lines below the block.
    """
    if kind == "fence":
        found = _FENCE_END.match(lines[-1]) if len(lines) > 1 else None
        return found is not None and found[1].startswith(markup)
    return kind in _ENDED or (kind in _ENDS_AT_BLANK and bool(below))


def _above(spans: Sequence[Span], line: int, taken: Container[int]) -> int:
    """Return where the block begins that takes *line* in if it begins no other."""
    for start, end, _ in reversed(spans):
        if start < line < end or (line == end and line in taken):
            return start
    return line


def _takes(token: Token) -> bool:
    """Tell whether a line below the token's block is of it if it begins no other."""
    is_table = token.type == "table_open" and token.level == 0
    return is_table or token.type == "paragraph_open"


Rule = Callable[[StateBlock, int, int, bool], bool]


def _shallow(rule: Rule, deepest: int = _DEEPEST) -> Rule:
    """Return *rule*, which reads nothing where too much is around it already."""

    @wraps(rule)
    def guarded(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  the library's way
        return state.level < deepest and rule(state, start, end, silent)

    return guarded


@cache
def _reader() -> MarkdownIt:
    """Return the reader."""
    return _new_reader()


@cache
def _outliner() -> MarkdownIt:
    """Return a reader of blocks alone."""
    without = ["tasks", "inline", "footnote_tail", "bound", "text_join"]
    return _new_reader().disable(without)


class _Reader(MarkdownIt):
    """A reader to which an address is as long as a picture."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802  the library's name
        """Return an address as a browser writes it."""
        return url if labels.PICTURE.fullmatch(url) else super().normalizeLink(url)


def _new_reader() -> MarkdownIt:
    """Return a new reader, with our rules by their names.

    They keep in the environment of a text: its ``length``, ``looked_at`` and ``done``
    (what their work is bounded by), ``open``, ``open_inside`` and ``finished`` (lines),
    and what markdown-it-py itself keeps.
    """
    reader = _Reader(
        "commonmark", {"html": False, "maxNesting": 64, "store_labels": True}
    )
    reader.helpers = labels.BOUNDED  # type: ignore[assignment]  # a module
    _add_blocks(reader)
    _add_inline(reader)
    core = reader.core.ruler
    core.after("normalize", "measure", labels.measure)
    core.after("block", "adopt", lists.adopt)
    core.after("adopt", "outline", _outline)
    core.after("outline", "tasks", lists.tasks)
    core.after("inline", "footnote_tail", footnote_tail)
    core.after("footnote_tail", "bound", labels.bound)
    return reader


def _add_blocks(reader: MarkdownIt) -> None:
    reader.enable("table").disable("html_block")
    ruler = reader.block.ruler
    ruler.at("table", tables.table, _OVER_LINES)
    ruler.before("fence", "mathematics", mathematics.block, _OVER_TEXT)
    ruler.before("fence", "fold", _shallow(tags.fold), _OVER_TEXT)
    ruler.before("reference", "footnote_def", _shallow(footnote_def), _OVER_LINES)
    ruler.at("blockquote", _shallow(blockquote, _DEEPEST_QUOTE), _OVER_TEXT)
    ruler.at("list", _shallow(list_block), _OVER_QUOTES)


def _add_inline(reader: MarkdownIt) -> None:
    ruler = reader.inline.ruler
    ruler.at("text", autolinks.text)
    ruler.at("emphasis", emphasis.run)
    ruler.at("html_inline", tags.inline)
    ruler.disable("linkify")
    ruler.after("text", "address", autolinks.address)
    ruler.before("escape", "mathematics", mathematics.inline)
    ruler.before("link", "footnote_ref", notes.reference)
    reader.inline.ruler2.enable("strikethrough")
