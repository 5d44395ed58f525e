"""Markdown as models write it -> the stricter Markdown that Python-Markdown reads.

Models follow CommonMark: a list may follow a paragraph without a blank line, nested
items are indented by the width of their parent's marker, and a fence may stay open
because its end has not come yet. Code inside fences is never touched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*(?:>[ \t]?)*)(?P<mark>`{3,}|~{3,})(?P<info>.*)$"
)
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]*")
_ITEM = re.compile(
    r"^(?P<indent>[ ]*)(?P<mark>[-*+]|\d{1,9}[.)])(?P<gap>[ ]+|$)(?P<rest>.*)$"
)
_RULE = re.compile(r"^[ ]{0,3}([-*_])[ ]*(?:\1[ ]*){2,}$")
_TABLE_RULE = re.compile(r"^[ ]*\|?[ ]*:?-+:?[ ]*(?:\|[ ]*:?-+:?[ ]*)*\|?[ ]*$")
_CODE = 4  # columns; text that is indented further is code


@dataclass(frozen=True, slots=True)
class Fence:
    """A line that opens or closes a fence.

    Attributes:
        number: the line's number, from 0.
        opens: whether it opens the fence.
        indent: what stands before the mark, quote signs included.
        mark: the backticks or tildes.
        language: the first word behind the mark.
    """

    number: int
    opens: bool
    indent: str
    mark: str
    language: str = ""


def fences(lines: list[str]) -> Iterator[Fence]:
    """Give the lines that open and close fences, in turn."""
    current: Fence | None = None
    for number, line in enumerate(lines):
        found = _FENCE.match(line)
        if found is None:
            continue
        indent, mark, info = found["indent"], found["mark"], found["info"].strip()
        if current is not None:
            is_end = mark.startswith(current.mark) and not info
            if is_end and len(indent) < len(current.indent) + _CODE:
                yield Fence(number, opens=False, indent=indent, mark=mark)
                current = None
        elif mark[0] == "~" or "`" not in info:  # else it is code within a paragraph
            word = _LANGUAGE.match(info)
            language = word[0] if word else ""
            current = Fence(
                number, opens=True, indent=indent, mark=mark, language=language
            )
            yield current


def close_fence(text: str) -> str:
    """Return *text* with its last fence closed, if its end has not come.

    A fence's info string is cut to its first word, the language; the rest of it has no
    meaning here, and with it the fence would not be taken for one.
    """
    lines = text.split("\n")
    last: Fence | None = None
    for fence in list(fences(lines)):
        last = fence
        if fence.opens:
            lines[fence.number] = fence.indent + fence.mark + fence.language
    if last is not None and last.opens:
        lines.append(last.indent + last.mark)
    return "\n".join(lines)


def normalise(lines: list[str]) -> list[str]:
    """Return *lines*, fences taken out, as Python-Markdown wants lists and tables."""
    return list(_tables(list(_lists(lines))))


def _lists(lines: list[str]) -> Iterator[str]:
    """Indent nested items by four a level, and part a list from the text above it."""
    open_items: list[int] = []  # for each level, the column where its text begins
    numbered: list[bool] = []  # for each level, whether its last item had a number
    before = ""
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        found = None if _RULE.match(line) else _ITEM.match(line)
        if found and _begins_item(found, open_items, before):
            while (
                open_items
                and indent < open_items[-1]
                and not (_is_sloppy_child(indent, open_items))
            ):
                open_items.pop()
            is_numbered = found["mark"][0].isdigit()
            is_new = not open_items and not numbered
            other = numbered[len(open_items) :][:1] == [not is_numbered]
            if before.strip() and (is_new or other):
                yield ""
            numbered[len(open_items) :] = [is_numbered]
            yield " " * 4 * len(open_items) + _marker(found["mark"]) + found["rest"]
            gap = len(found["gap"])
            text = gap if 0 < gap <= _CODE else 1
            open_items.append(indent + len(found["mark"]) + text)
        elif not line.strip():
            yield line
        else:
            while open_items and indent < open_items[-1] and not before.strip():
                open_items.pop()
            inside = open_items[-1] if open_items else 0
            yield " " * 4 * len(open_items) + line[min(indent, inside) :]
            if not open_items:
                numbered.clear()
        before = line


def _begins_item(found: re.Match[str], open_items: list[int], before: str) -> bool:
    indent, mark = len(found["indent"]), found["mark"]
    if open_items:
        # Four columns right of the text of the item above, it would be code.
        return indent < open_items[-1] + 4
    if indent >= _CODE:
        return False
    # "In the year\n2024. That was" is no list; only one that starts with 1 may
    # interrupt a paragraph, and no empty item may.
    interrupts = not mark[0].isdigit() or int(mark[:-1]) == 1
    return not before.strip() or (interrupts and bool(found["rest"].strip()))


def _is_sloppy_child(indent: int, open_items: list[int]) -> bool:
    """Tell whether an item two columns in is meant to be nested under ``1. ``."""
    parent = open_items[-2] if len(open_items) > 1 else 0
    return indent >= parent + 2


def _marker(mark: str) -> str:
    return f"{mark[:-1]}. " if mark[0].isdigit() else "- "


def _tables(lines: list[str]) -> Iterator[str]:
    """Part a table from the text above it."""
    for number, line in enumerate(lines):
        after = lines[number + 1] if number + 1 < len(lines) else ""
        is_head = "|" in line and "|" in after and "-" in after
        if (
            is_head
            and number
            and lines[number - 1].strip()
            and _TABLE_RULE.match(after)
        ):
            yield ""
        yield line
