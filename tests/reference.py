"""The structure of HTML: of ours, and of what a CommonMark and GFM reference gives.

What only serves styling is left out of both.
"""

import re
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from mdit_py_plugins.texmath import texmath_plugin

from apertis_magic.render.markdown import to_html

Tree = list["Tree | str"]  # a tag with what matters of its attributes, and its content

EMPTY = {"br", "hr", "img", "input"}
WRAPPERS = {"div", "section", "span"}
BLOCKS = set(
    "blockquote div h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody td th thead tr ul "
    "formula root br".split()
)


def ours(text: str) -> Tree:
    """Return the structure of what we make of *text*."""
    return structure(to_html(text))


def theirs(text: str) -> Tree:
    """Return the structure of what the reference makes of *text*."""
    return structure(_reference().render(text))


def structure(html: str) -> Tree:
    """Return *html* as nested lists."""
    reader = _Structure()
    reader.feed(html)
    reader.close()
    return _trimmed(reader.root)


@cache
def _reference() -> MarkdownIt:
    made = MarkdownIt("gfm-like", {"html": False, "linkify": True})
    made.use(tasklists_plugin).use(footnote_plugin, inline=False)
    made.use(texmath_plugin, delimiters="brackets")
    made.use(
        dollarmath_plugin, allow_space=False, allow_labels=False, double_inline=True
    )
    assert made.linkify is not None

    # GFM makes no links of names without "http" or "www", such as main.py.
    made.linkify.set({"fuzzy_link": False}).add("//", None)
    return made


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
        is_math = names & {"arithmatex", "math"}
        if "footnote-backref" in names or tag == "small" or into is None:
            self._open.append(None)
        elif tag in WRAPPERS and not is_math:
            self._open.append(into)
        elif tag == "img":
            name = given["alt"] or "no description"
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
        if tag not in EMPTY:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        into = self._open[-1]
        if into is not None and len(into) > 1 and isinstance(into[-1], str):
            into[-1] += data
        elif into is not None:
            into.append(data)


def _title(given: dict[str, str]) -> dict[str, str]:
    return {"title": given["title"]} if "title" in given else {}


def _name(tag: str, names: set[str], given: dict[str, str]) -> str:
    """Return a tag with those of its attributes that mean something."""
    tag = {"s": "del", "eq": "math", "eqn": "formula"}.get(tag, tag)
    if names & {"arithmatex", "math"}:
        tag = "formula" if tag == "div" and "inline" not in names else "math"
    kept = {name: given[name] for name in ("start", "title") if given.get(name)}
    if re.match("https?:|mailto:", given.get("href", "")):
        kept["href"] = unquote(given["href"])  # what is no such address, no one follows
    if align := re.fullmatch(
        r"text-align: ?(right|left|center);?", given.get("style", "")
    ):
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
        return [name, re.sub(r"[\[\]]|:.*", "", _text(node))]
    if name in {"math", "formula"}:
        words = re.sub(r"\s+", " ", _text(node)).strip()
        return [name, re.sub(r"^\\[(\[]\s*|\s*\\[)\]]$", "", words)]
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
