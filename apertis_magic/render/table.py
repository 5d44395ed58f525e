"""Rows of text -> a table in HTML and, with aligned columns, in plain text."""

from collections.abc import Collection, Sequence

from apertis_magic.clean import printable
from apertis_magic.render import bundle, style, text
from apertis_magic.render.text import columns, inert


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[str] = (),
    note: str = "",
) -> dict[str, str]:
    """Return the MIME bundle of a table: names at the left, then numbers or words.

    A column of which nothing is known is left out.

    Args:
        heads: what stands above each column.
        rows: the text of each cell; any text, it is escaped here.
        words: the heads of the columns after the first that hold words, not numbers.
        note: a line below the table.
    """
    filled = [n for n, column in enumerate(zip(*rows, strict=True)) if any(column)]
    lines = [[printable(line[n]) for n in filled] for line in (heads, *rows)]
    below = printable(note)
    left = {0, *(n for n, head in enumerate(lines[0]) if head in words)}
    return {
        **bundle.page(_html(lines, left) + (text.note(below) if below else "")),
        "text/plain": "\n".join([*_aligned(lines, left), *([below] if below else [])]),
    }


def _html(lines: Sequence[Sequence[str]], left: Collection[int]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        inner = "".join(
            f"<{tag}{_look(n, left)}>{inert(cell)}</{tag}>"
            for n, cell in enumerate(cells)
        )
        return f"<tr>{inner}</tr>"

    head, *body = lines
    return (
        f'<table class="apertis-list"><thead>{row(head, "th")}</thead>'
        f"<tbody>{''.join(row(cells, 'td') for cells in body)}</tbody></table>"
    )


def _look(number: int, left: Collection[int]) -> str:
    if number == 0:
        return f' style="{style.FIRST}"'
    return "" if number in left else f' style="{style.NUMBER}"'


def _aligned(lines: Sequence[Sequence[str]], left: Collection[int]) -> list[str]:
    widths = [max(map(columns, column)) for column in zip(*lines, strict=True)]
    aligned = []
    for line in lines:
        cells = []
        for number, (cell, width) in enumerate(zip(line, widths, strict=True)):
            blanks = " " * (width - columns(cell))
            cells.append(cell + blanks if number in left else blanks + cell)
        aligned.append("  ".join(cells).rstrip())
    return aligned
