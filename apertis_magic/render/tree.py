"""The blocks of a Markdown text -> the tree of HTML elements that they stand for."""

import re
from collections.abc import Callable, Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement

from markdown_it.token import Token

from apertis_magic.clean import printable
from apertis_magic.render import pictures
from apertis_magic.render.formulas import marked

SAFE_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*={0,2}")
"""The address of an image that is in the text itself."""

_DEEPEST = 30  # emphasis within emphasis; what is deeper is shown without
_LONGEST_NAME = 1000  # characters of the name of an image that is not shown
_TAGS = {"s": "del"}
_TEXT = {"text": "", "softbreak": "\n"}


class Builder:
    """Makes elements of tokens.

    Args:
        name: of the document, which keeps its footnotes from those of others.

    Attributes:
        ticked: whether the item of a list whose text is to come is a task that is done;
            None where it is no task.
        in_link: whether what comes stands in a link.
        room: bytes of pictures that may still come.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ticked: bool | None = None
        self.in_link = False
        self.room = pictures.TOGETHER

    def add(self, tokens: Iterable[Token], root: Element) -> None:
        """Add the elements of some blocks to *root*."""
        around = [root]
        for token in tokens:
            if token.type == "inline":
                self._write(token.children or [], around[-1])
            elif token.nesting < 0:
                around.pop()
            else:
                element = _BLOCKS.get(token.type, _plain)(self, token, around[-1])
                if token.nesting > 0:
                    around.append(element)

    def _write(self, tokens: Iterable[Token], element: Element) -> None:
        """Write what stands in lines to the end of *element*."""
        around = [element]
        words: list[str] = []
        self.in_link = False
        for token in tokens:
            if token.type in _TEXT:
                words.append(_TEXT[token.type] or token.content)
                continue
            put("".join(words), around[-1])
            words = ["\n"] if token.type == "hardbreak" else []
            if token.nesting > 0:
                around.append(self._opened(token, around))
            elif token.nesting < 0:
                around.pop()
                self.in_link &= token.tag != "a"
            else:
                _INLINE[token.type](self, token, around[-1])
        put("".join(words), around[-1])

    def _opened(self, token: Token, around: list[Element]) -> Element:
        """Return the element of a token, or the one around it if there is none."""
        if (token.tag == "a" and self.in_link) or len(around) > _DEEPEST:
            return around[-1]
        self.in_link |= token.tag == "a"
        element = SubElement(around[-1], _TAGS.get(token.tag, token.tag))
        if token.tag == "a":
            element.attrib |= {"href": str(token.attrs["href"]), "target": "_blank"}
            if title := token.attrs.get("title"):
                element.set("title", str(title))
        return element


def put(text: str, element: Element) -> None:
    """Put *text* to the end of *element*."""
    if text and len(element):
        element[-1].tail = (element[-1].tail or "") + text
    elif text:
        element.text = (element.text or "") + text


def _plain(_builder: Builder, token: Token, parent: Element) -> Element:
    return SubElement(parent, token.tag)


def _paragraph(builder: Builder, token: Token, parent: Element) -> Element:
    if token.hidden:  # in a tight list
        if len(parent) or parent.text:
            put("\n", parent)
        element = parent
    else:
        element = SubElement(parent, "p")
    if builder.ticked is not None:
        label = "Completed task" if builder.ticked else "Incomplete task"
        box = {"type": "checkbox", "disabled": "", "aria-label": label}
        checked = {"checked": ""} if builder.ticked else {}
        SubElement(element, "input", box | checked).tail = " "
        builder.ticked = None
    return element


def _numbers(_builder: Builder, token: Token, parent: Element) -> Element:
    start = token.attrs.get("start")
    return SubElement(parent, "ol", {} if start is None else {"start": str(start)})


def _item(builder: Builder, token: Token, parent: Element) -> Element:
    builder.ticked = token.meta.get("ticked")
    if builder.ticked is None:
        return SubElement(parent, "li")
    parent.set("class", "task-list")
    return SubElement(parent, "li", {"class": "task-list-item"})


def _table(_builder: Builder, _token: Token, parent: Element) -> Element:
    """Add a table, in a box that can be scrolled, by the keyboard too."""
    box = SubElement(parent, "div", {"class": "apertis-table", "tabindex": "0"})
    return SubElement(box, "table")


def _cell(_builder: Builder, token: Token, parent: Element) -> Element:
    align = str(token.attrs.get("style", "")).removeprefix("text-align:")
    style = {"style": f"text-align: {align};"} if align else {}
    return SubElement(parent, token.tag, style)


def _code_block(_builder: Builder, token: Token, parent: Element) -> Element:
    """Add code; its language is the first word behind the fence."""
    code = SubElement(SubElement(parent, "pre"), "code")
    # Isolates would let code read as something else than it is.
    code.text = printable(token.content).removesuffix("\n") + "\n"
    if words := token.info.split():
        code.set("class", f"language-{words[0]}")
    return code


def _formula(_builder: Builder, token: Token, parent: Element) -> Element:
    """Add a formula for front ends to typeset, or its source as code."""
    formula = marked(token.content)
    if formula is not None:
        element = SubElement(parent, token.tag, {"class": "arithmatex"})
        element.text = formula
        return element
    outer = SubElement(parent, "pre") if token.type == "math_block" else parent
    code = SubElement(outer, "code")
    code.text = token.content
    if outer is not parent:
        code.set("class", "language-latex")
    return code


def _notes(_builder: Builder, _token: Token, parent: Element) -> Element:
    box = SubElement(parent, "div", {"class": "footnote"})
    SubElement(box, "hr", {"class": "footnote"})
    return SubElement(box, "ol")


def _note(builder: Builder, token: Token, parent: Element) -> Element:
    return SubElement(parent, "li", {"id": f"fn:{_name(builder, token)}"})


def _back(builder: Builder, token: Token, parent: Element) -> Element:
    back = {"class": "footnote-backref", "href": f"#fnref:{_name(builder, token)}"}
    element = SubElement(parent, "a", back)
    element.text = "↩"
    return element


def _reference(builder: Builder, token: Token, parent: Element) -> Element:
    name = _name(builder, token)
    mark = SubElement(parent, "sup", {"id": f"fnref:{name}"})
    anchor = SubElement(mark, "a", {"class": "footnote-ref", "href": f"#fn:{name}"})
    anchor.text = str(token.meta["id"] + 1)
    return mark


def _name(builder: Builder, token: Token) -> str:
    return f"{builder.name}-{token.meta['id'] + 1}"


def _code(_builder: Builder, token: Token, parent: Element) -> Element:
    element = SubElement(parent, "code")
    element.text = printable(token.content)
    return element


def _image(builder: Builder, token: Token, parent: Element) -> Element:
    """Add an image that is in the text itself, or the name of a remote one."""
    name = "".join(_texts(token.children or []))[:_LONGEST_NAME]
    source = str(token.attrs["src"])
    title = str(token.attrs.get("title", ""))
    if found := pictures.shown_from_text(source, builder.room):
        builder.room -= len(found.data)
        image = {"src": found.data_url, "alt": name, "title": title}
        return SubElement(parent, "img", image)
    element = label = SubElement(parent, "em")
    if not builder.in_link and source.lower().startswith(("https://", "http://")):
        label = SubElement(element, "a", {"href": source, "target": "_blank"})
        label.attrib |= {"title": title} if title else {}
    label.text = f"[image not loaded: {name or 'no description'}]"
    return element


def _texts(tokens: Iterable[Token]) -> Iterable[str]:
    for token in tokens:
        yield from _texts(token.children or [])
        yield "" if token.children else token.content or "\n" * ("break" in token.type)


Make = Callable[[Builder, Token, Element], Element]

_BLOCKS: Mapping[str, Make] = {
    "paragraph_open": _paragraph,
    "ordered_list_open": _numbers,
    "list_item_open": _item,
    "table_open": _table,
    "th_open": _cell,
    "td_open": _cell,
    "fence": _code_block,
    "code_block": _code_block,
    "math_block": _formula,
    "footnote_block_open": _notes,
    "footnote_open": _note,
    "footnote_anchor": _back,
}
_INLINE: Mapping[str, Make] = {
    "hardbreak": _plain,
    "code_inline": _code,
    "math_inline": _formula,
    "image": _image,
    "footnote_ref": _reference,
}
