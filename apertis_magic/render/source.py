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
_DEEPEST_GAP = 4


@dataclass(slots=True)
class _Fence:
    """The fence that is open at some line."""

    indent: str
    mark: str

    def closed_by(self, found: re.Match[str]) -> bool:
        """Tell whether a line that looks like a fence ends this one."""
        mark = found["mark"]
        return (
            mark[0] == self.mark[0]
            and len(mark) >= len(self.mark)
            and not found["info"].strip()
        )


def close_fence(text: str) -> str:
    """Return *text* with its last fence closed, if its end has not come.

    A fence's info string is cut to its first word, the language; the rest of it has no
    meaning here, and with it the fence would not be taken for one.
    """
    fence: _Fence | None = None
    lines = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found is None or (fence is not None and not fence.closed_by(found)):
            lines.append(line)
        elif fence is not None:
            fence = None
            lines.append(line)
        elif "`" in found["info"] and found["mark"][0] == "`":
            lines.append(line)  # inline code that begins a paragraph
        else:
            fence = _Fence(found["indent"], found["mark"])
            language = _LANGUAGE.match(found["info"].strip())
            lines.append(fence.indent + fence.mark + (language[0] if language else ""))
    if fence is not None:
        lines.append(fence.indent + fence.mark)
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
            text = gap if 0 < gap <= _DEEPEST_GAP else 1
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
    if indent >= _DEEPEST_GAP:
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
