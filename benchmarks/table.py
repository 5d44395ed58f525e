"""What was measured, beside its bound, as a table for people."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        what: what was measured.
        figure: what it came to.
        most: the bound; ``None`` for a figure that is only told.
        unit: of both.
        note: what helps to judge it.
    """

    what: str
    figure: float
    most: float | None = None
    unit: str = ""
    note: str = ""

    def __str__(self) -> str:
        bound, holds = "", ""
        if self.most is not None:
            bound = f"{self.most:g}{self.unit}"
            holds = "yes" if self.figure <= self.most else "**no**"
        figure = f"{_short(self.figure)}{self.unit}"
        return f"| {self.what} | {figure} | {bound} | {holds} | {self.note} |"


HEAD = "| what | figure | bound | holds | |\n|---|--:|--:|---|---|"


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    return "\n".join([HEAD, *map(str, rows)])


def percentile(values: Iterable[float], share: float) -> float:
    """Return the least of *values* that *share* of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _short(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"
