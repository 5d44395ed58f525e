"""How much work and how much output what stands in square brackets may cost.

The end of each bracket's text is looked for, and a name defined once may stand in a
text ten thousand times: both would grow with the square of the text. An address may
hold a whole picture, which is not read letter by letter.
"""

import re
from types import SimpleNamespace
from typing import Any

from markdown_it import helpers
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

_STEPS = 64  # characters looked at for each of the text, at the most
_SPARE = 100_000
"""Characters that references may add to a text beside its own length."""

_FILLED = 16  # characters that empty cells may add for each of the text
# Characters of HTML that such a reference and such a cell become, roughly.
_NOTE_COST, _CELL_COST = 120, 48


def _end_of_label(state: StateInline, start: int, disableNested: bool = False) -> int:  # noqa: FBT002, N803  the library's names
    """Return where the text of a bracket ends, or -1; give up where it costs too much.

    The work for the whole text is counted in its environment.
    """
    spent = state.env.get("looked_at", 0)
    if spent > _STEPS * state.env["length"] + _SPARE:
        return -1
    end = helpers.parseLinkLabel(state, start, disableNested)
    state.env["looked_at"] = spent + (end if end > 0 else state.posMax) - start
    return end


def _destination(text: str, start: int, end: int) -> Any:
    """Return the address that begins at a place, and where it ends."""
    found = PICTURE.match(text, start, end)
    if found is None:
        return helpers.parseLinkDestination(text, start, end)
    return SimpleNamespace(ok=True, pos=found.end(), str=found[0])


PICTURE = re.compile(
    r"data:image/[\w.+-]{1,20};base64,[\w+/=-]*(?=[)\s]|\Z)", re.ASCII | re.IGNORECASE
)
"""An address that holds a picture, and nothing that must be spelt otherwise."""

BOUNDED = SimpleNamespace(
    parseLinkDestination=_destination,
    parseLinkTitle=helpers.parseLinkTitle,
    parseLinkLabel=_end_of_label,
)
"""The reader's helpers, whose work grows with the text alone."""


def measure(state: StateCore) -> None:
    """Note the text's length, by which its references are bounded."""
    state.env["length"] = len(state.src)


def bound(state: StateCore) -> None:
    """Let names stop resolving, and rows being filled up, where that adds too much."""
    left = state.env["length"] + _SPARE
    for block in state.tokens:
        left = _bounded(block.children or [], left)
    state.tokens = _unfilled(state.tokens, _FILLED * state.env["length"])


def _bounded(tokens: list[Token], left: int) -> int:
    """Make text of the references that exceed what is *left*; return the new rest."""
    opened: Token | None = None  # a link that is refused; none stands in another
    text = ""
    for token in tokens:
        cost = _cost(token)
        if token.type == "link_close" and opened:
            label = opened.meta["label"]
            is_short = normalizeReference(text) == label
            _write(token, "]" if is_short else f"][{label}]")
            opened = None
        elif cost <= left:
            left -= cost
            text += token.content
        elif token.type == "link_open":
            opened, text = token, ""
            _write(token, "[")
        elif token.type == "image":
            _write(token, f"![{token.content}][{token.meta['label']}]")
        else:
            _write(token, f"[^{token.meta['label']}]")
    return left


def _cost(token: Token) -> int:
    if token.type == "footnote_ref":
        return _NOTE_COST
    if not token.meta.get("label"):
        return 0
    return sum(len(str(value)) for value in token.attrs.values())


def _write(token: Token, text: str) -> None:
    """Make *token* plain *text*, as where its name is not defined."""
    token.content, token.type, token.tag, token.nesting = text, "text", "", 0
    token.attrs, token.children = {}, None


def _unfilled(tokens: list[Token], left: int) -> list[Token]:
    """Return *tokens* without the empty cells of tables that pass what is *left*."""
    kept: list[Token] = []
    for token in tokens:
        kept.append(token)
        if token.type == "td_close" and not kept[-2].content:
            left -= _CELL_COST
            if left < 0:
                del kept[-3:]
    return kept
