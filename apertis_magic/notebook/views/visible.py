"""The blocks of an answer -> tokens that ``rich`` shows, with nothing hidden.

What ``rich`` knows nothing of stands as it was written: formulas, tags, the boxes of
tasks, and footnotes below the text.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from markdown_it.token import Token

from apertis_magic.render.reading import Document

_LEFT_OUT = {
    f"{name}_{end}"
    for name in ("details", "footnote_block", "footnote")
    for end in ("open", "close")
}
_RENAMED = {"summary_open": "paragraph_open", "summary_close": "paragraph_close"}
_BOXES: Mapping[bool | None, str] = {True: "[x] ", False: "[ ] "}


def visible(document: Document) -> list[Token]:
    """Return the tokens of a *document* and of its footnotes."""
    blocks = (block.tokens for block in document.blocks)
    return [*_visible(chain(*blocks, document.notes))]


def _visible(tokens: Iterable[Token]) -> Iterator[Token]:
    in_front = ""  # of the next text
    for token in tokens:
        if token.type == "list_item_open":
            in_front = _BOXES.get(token.meta.get("ticked"), "")
        elif token.type == "footnote_open":
            in_front = f"[^{token.meta['label']}]: "
        if token.type == "math_block":
            yield Token("paragraph_open", "p", 1)
            yield Token("inline", "", 0, children=[_text(token.content)])
            yield Token("paragraph_close", "p", -1)
        elif token.type == "inline":
            token.children = [_text(in_front), *_in_lines(token.children or [])]
            in_front = ""
            yield token
        elif token.type not in _LEFT_OUT:
            token.type = _RENAMED.get(token.type, token.type)
            yield token


def _in_lines(tokens: Iterable[Token]) -> Iterator[Token]:
    """Give the *tokens* of a text, with images as text, and no address twice."""
    is_address = False
    for token in tokens:
        if token.type == "link_open" and token.info == "auto":
            is_address = True
        elif token.type == "link_close" and is_address:
            is_address = False
        elif token.type != "footnote_anchor":
            yield _text(_written(token)) if _written(token) else token


def _written(token: Token) -> str:
    """Return how that was written of which ``rich`` knows nothing, else nothing."""
    match token.type:
        case "math_inline":
            return token.content
        case "tag_open":
            return f"<{token.tag}>"
        case "tag_close":
            return f"</{token.tag}>"
        case "footnote_ref":
            return f"[^{token.meta['label']}]"
        case "image":
            return f"[image not loaded: {token.content}] ({token.attrs.get('src', '')})"
    return ""


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
