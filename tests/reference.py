"""The structure of HTML: of ours, and of what GitHub's own engine gives, the reference.

What only serves styling is left out of both.
"""

import re
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from cmarkgfm.cmark import (  # type: ignore[import-untyped]
    Options,
    markdown_to_html_with_extensions,
)

from apertis_magic.render.markdown import to_html
from apertis_magic.render.reading import read
from apertis_magic.render.tree import Builder

Tree = list["Tree | str"]  # a tag with what matters of its attributes, and its content

# Not "tasklist", which sees no tasks in quotes or behind two marks: see _box.
_EXTENSIONS = ["autolink", "strikethrough", "table"]
# What begins a tag, but no address in <>: we show raw HTML as text, and the engine can
# only take it out. Another opening bracket stands for it while the engine reads.
_TAG = re.compile(
    r"(?<!\\)<(?=[a-z/!?])(?![a-z][a-z0-9+.-]+:|[\w.+-]+@)", re.IGNORECASE
)
_TAG_SIGN = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}"

_TASK = re.compile(r"(<li>\s*(?:<p>)?)\[([ xX])\](?=\s)")
_FORMULA = re.compile(r"(\$(?:x|y|x_1)\$|\((?:x|x_1)\))")  # \( is ( to the engine

EMPTY = {"br", "hr", "img", "input"}
WRAPPERS = {"div", "section", "span"}
BLOCKS = set(
    "blockquote div h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td th thead tr ul "
    "formula root br".split()
)


def ours(text: str) -> Tree:
    """Return the structure of what we make of *text*."""
    return structure(to_html(text))


def tree(text: str) -> Element:
    """Return the elements of what we make of *text*; raise what goes wrong."""
    root = Element("div")
    document = read(text)
    for tokens in (*(block.tokens for block in document.blocks), document.notes):
        Builder("x").add(tokens, root)
    return root


def theirs(text: str) -> Tree:
    """Return the structure of what the reference makes of *text*."""
    html = markdown_to_html_with_extensions(
        _TAG.sub(_TAG_SIGN, text), Options.CMARK_OPT_FOOTNOTES, _EXTENSIONS
    )
    html = _TASK.sub(_box, html)
    return structure(html.replace(_TAG_SIGN, "&lt;"))


def theirs_with_formulas(text: str) -> Tree:
    """Return the structure as the reference would see it, did it know formulas.

    Args:
        text: Markdown whose formulas are x, y and x_1, in a line, and x alone between
            lines of $$: a fence does to the blocks around it what that does.
    """
    return _with_formulas(theirs(text.replace("$$", "`" * 3)))


def structure(html: str) -> Tree:
    """Return *html* as nested lists."""
    reader = _Structure()
    reader.feed(html)
    reader.close()
    return _trimmed(reader.root)


def _with_formulas(node: Tree) -> Tree:
    """Return *node* with elements for its formulas."""
    if node == ["pre", "x"]:
        return ["formula", "x"]
    if str(node[0]) in {"pre", "code"}:
        return node
    found: Tree = [node[0]]
    for child in node[1:]:
        if isinstance(child, str):
            parts: Tree = list(_FORMULA.split(child))
            parts[1::2] = [["math", str(part).strip("$()")] for part in parts[1::2]]
            found += [part for part in parts if part]
        else:
            found.append(_with_formulas(child))
    return found


def _box(task: re.Match[str]) -> str:
    """Return the beginning of a task's item with its check box."""
    return f"{task[1]}<input type=checkbox{' checked' * (task[2] != ' ')}>"


class _Structure(HTMLParser):
    """Builds the nested lists; what goes into None is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.root: Tree = ["root"]
        self._open: list[Tree | None] = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        names = set(given.get("class", "").split())
        into = self._open[-1]
        if "footnote-backref" in names or tag == "small" or into is None:
            self._open.append(None)
        elif (tag in WRAPPERS and "arithmatex" not in names) or _again(tag, into):
            self._open.append(into)
        elif tag == "img":
            name = given.get("alt") or "no description"
            told: Tree | str = f"[image not loaded: {name}]"
            is_link = any(node and str(node[0])[:2] == "a " for node in self._open)
            if given["src"].lower().startswith(("http://", "https://")) and not is_link:
                told = [_name("a", set(), {"href": given["src"]} | _title(given)), told]
            into.append(["em", told])
        elif tag != "hr" or not names:  # else it parts the footnotes from the text
            node: Tree = [_name(tag, names, given)]
            into.append(node)
            if tag not in EMPTY:
                self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY and len(self._open) > 1:  # raw HTML may not be balanced
            self._open.pop()

    def handle_data(self, data: str) -> None:
        into = self._open[-1]
        if into is not None and len(into) > 1 and isinstance(into[-1], str):
            into[-1] += data
        elif into is not None:
            into.append(data)


def _again(tag: str, into: Tree) -> bool:
    """Tell whether a tag says of its text what is said already: twice bold is bold."""
    return tag == into[0] == "strong"


def _title(given: dict[str, str]) -> dict[str, str]:
    return {"title": given["title"]} if "title" in given else {}


def _name(tag: str, names: set[str], given: dict[str, str]) -> str:
    """Return a tag with those of its attributes that mean something."""
    if "arithmatex" in names:
        tag = "formula" if tag == "div" else "math"
    kept = {name: given[name] for name in ("start", "title") if given.get(name)}
    if re.match("https?:|mailto:", given.get("href", "")):
        kept["href"] = unquote(given["href"])  # what is no such address, no one follows
    side = given.get("align") or given.get("style", "")
    if align := re.fullmatch(r"(?:text-align: ?)?(right|left|center);?", side):
        kept["align"] = align[1]
    if tag == "input":
        kept["checked"] = str("checked" in given)
    return " ".join([tag, *(f"{name}={kept[name]}" for name in sorted(kept))])


def _trimmed(node: Tree) -> Tree:
    """Return *node* without the white space that no one sees."""
    name, children = str(node[0]), node[1:]
    if name == "pre":
        return [name, _text(node).rstrip()]
    if name == "sup":
        return [name, _text(node)]
    if name in {"math", "formula"}:
        words = re.sub(r"\s+", " ", _text(node)).strip()
        ends = r"^(?:\\[(\[]|\$+)\s*|\s*(?:\\[)\]]|\$+)$"
        return [name, re.sub(ends, "", words)]
    found: Tree = [name]
    edge: Tree | str = [name] if _is_block([name]) else ""
    for before, child, after in zip(
        [edge, *children], children, [*children[1:], edge], strict=False
    ):
        kept = _trimmed(child) if isinstance(child, list) else child
        if isinstance(kept, str):
            kept = kept.lstrip() if _is_block(before) else kept
            kept = kept.rstrip() if _is_block(after) else kept
            kept = re.sub(r"\s*\n\s*", "\n", re.sub(r" +", " ", kept))
        if kept:
            found.append(kept)
    return found


def _is_block(node: Tree | str) -> bool:
    return isinstance(node, list) and str(node[0]).split(" ")[0] in BLOCKS


def _text(node: Tree) -> str:
    return "".join(c if isinstance(c, str) else _text(c) for c in node[1:])
