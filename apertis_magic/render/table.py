"""Rows of text -> a table in HTML and, with aligned columns, in plain text."""

from collections.abc import Sequence

from apertis_magic.clean import printable
from apertis_magic.render.text import inert

_STYLE = """<style>
.apertis-list td,.apertis-list th{text-align:right!important}
.apertis-list td:first-child,.apertis-list th:first-child{text-align:left!important}
.apertis-list-note{color:var(--jp-ui-font-color2,#6b6b6b);font-size:.85em}
</style>"""


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, note: str = ""
) -> dict[str, str]:
    """Return the MIME bundle of a table with names at the left and numbers after them.

    Args:
        heads: what stands above each column.
        rows: the text of each cell; any text, it is escaped here.
        note: a line below the table.
    """
    lines = [[printable(cell) for cell in line] for line in (heads, *rows)]
    below = printable(note)
    return {
        "text/html": f"{_STYLE}{_html(lines)}"
        f'<div class="apertis-list-note">{inert(below)}</div>',
        "text/plain": "\n".join([*_aligned(lines), *([below] if below else [])]),
    }


def _html(lines: Sequence[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag}>{inert(cell)}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    head, *body = lines
    return (
        f'<table class="apertis-list"><thead>{row(head, "th")}</thead>'
        f"<tbody>{''.join(row(cells, 'td') for cells in body)}</tbody></table>"
    )


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    made = []
    for first, *others in lines:
        padded = [cell.rjust(w) for cell, w in zip(others, widths[1:], strict=True)]
        made.append("  ".join([first.ljust(widths[0]), *padded]).rstrip())
    return made
