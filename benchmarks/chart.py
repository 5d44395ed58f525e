"""The peers beside ``apertis_magic`` in one picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from contestants import AT_ONCE
from figures import FLOOR, OURS, Figure, short
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

_SHOWN = {
    "loading: CPU": "CPU of loading, ms",
    "40 KB flat out: CPU": "CPU of a 40 KB answer,\ntimes a bare loop's",
    "40 KB flat out: bytes per byte": "Bytes to the front end\nfor each of the answer",
    "browser, 10 KB at 3.6 KB/s: last word after the end": (
        "Seconds from the end of 10 KB\nto its last word on the page"
    ),
}
_COLOURS = {OURS: "#3b6fd4", FLOOR: "#8a8a8a"}
_OTHERS, _WHOLE = "#d19a3d", "#ecd8b2"
_LEGEND = "Logarithmic. Pale: shows nothing before the answer is whole."


def draw(found: Sequence[Figure], file: Path) -> None:
    """Draw what can be compared at a glance, as an SVG.

    Args:
        found: the figures.
        file: where to write the picture.
    """
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "one", "font.size": 9}
    picture = Picture(figsize=(9, 6.4), layout="constrained", facecolor="white")
    spots = picture.subplots(2, 2).flat
    for axes, (what, title) in zip(spots, _SHOWN.items(), strict=True):
        bars = [f for f in found if f.what == what and f.value is not None]
        _bars(axes, title, bars)
    picture.supxlabel(_LEGEND, fontsize=9, color="#555555")
    picture.savefig(file, metadata={"Date": None, "Creator": None})


def _bars(axes: Axes, title: str, bars: Sequence[Figure]) -> None:
    names = [bar.who for bar in reversed(bars)]
    values = [max(bar.value or 0.0, 0.01) for bar in reversed(bars)]
    colours = [_colour(bar) for bar in reversed(bars)]
    drawn = axes.barh(names, values, color=colours, log=True)
    axes.bar_label(drawn, labels=[f" {short(value)}" for value in values])
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False, which="both", left=False)
    axes.margins(x=0.25)


def _colour(bar: Figure) -> str:
    whole = {each.name for each in AT_ONCE}
    is_pale = bar.who in whole and not bar.what.startswith("loading")
    return _COLOURS.get(bar.who, _WHOLE if is_pale else _OTHERS)
