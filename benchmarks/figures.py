"""What was measured of whom: one figure each, with its spread and its bound."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from statistics import linear_regression, median

OURS = "apertis_magic"
FLOOR = "the floor"
"""What hardly could be less: an empty extension, a bare loop that shows the text once,
one commit of SQLite's, one button."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure, or why there is none.

    Attributes:
        what: what was measured.
        who: of whom.
        value: what it came to; ``None`` where it could not be had.
        low: the least of those that it is the middle of.
        high: the greatest.
        unit: of all three.
        most: the bound; ``None`` for a figure that is only told.
        note: what helps to judge it; where there is no value, the reason.
    """

    what: str
    who: str = OURS
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    most: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bound holds; ``None`` where there is no bound or no figure."""
        if self.most is None or self.value is None:
            return None
        return self.value <= self.most

    @property
    def shown(self) -> str:
        """The value with its unit and spread, as people read it."""
        if self.value is None:
            return "-"
        text = f"{short(self.value)}{self.unit}"
        if self.low is None or self.high is None:
            return text
        low, high = short(self.low), short(self.high)
        return text if low == high else f"{text} ({low} to {high})"


def middle(
    values: Sequence[float], what: str, who: str = OURS, **told: object
) -> Figure:
    """Return the median of some values, with their spread.

    Args:
        values: at least one.
        what: what was measured.
        who: of whom.
        **told: the figure's unit, bound and note.
    """
    spread = {"low": min(values), "high": max(values)}
    return Figure(what=what, who=who, value=median(values), **spread, **told)  # type: ignore[arg-type]


def percentile(values: Iterable[float], share: float) -> float:
    """Return the least of *values* that *share* of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def slowest(values: Sequence[float], what: str, most: float | None = None) -> Figure:
    """Return the 95th percentile of some milliseconds, with their spread."""
    return Figure(
        what=what,
        value=percentile(values, 0.95),
        low=min(values),
        high=max(values),
        unit=" ms",
        most=most,
        note=f"95th percentile of {len(values)}, median {short(median(values))} ms",
    )


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return how a cost grows: 1 in proportion to the size, 2 as its square."""
    return linear_regression(list(map(log, sizes)), list(map(log, costs))).slope


def short(figure: float) -> str:
    """Return a number with as many digits as tell something."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
