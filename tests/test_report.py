"""What ``make bench`` makes of its figures."""

import pytest
from figures import FLOOR, OURS, Figure, exponent, middle, percentile, slowest
from report import page


def test_the_middle_of_figures() -> None:
    """A median has its spread beside it, a 95th percentile its median."""
    found = middle([3.0, 1.0, 2.0], "time", unit="x", most=2)
    slow = slowest([float(number) for number in range(1, 101)], "time", 90)

    assert "2x (1 to 3)" == found.shown
    assert found.holds
    assert "95 ms (1 to 100)" == slow.shown
    assert "95th percentile of 100, median 50.5 ms" == slow.note
    assert slow.holds is False


def test_percentiles() -> None:
    """They are values that there were."""
    assert 19 == percentile(range(1, 21), 0.95)
    assert 20 == percentile(range(1, 21), 1)
    assert 7 == percentile([7], 0.95)


def test_how_a_cost_grows() -> None:
    """In proportion is 1, as the square is 2, not at all is 0."""
    assert 1 == pytest.approx(exponent([4, 40, 400], [0.1, 1, 10]))
    assert 2 == pytest.approx(exponent([4, 40], [1, 100]))
    assert 0 == pytest.approx(exponent([4, 40, 400], [5, 5, 5]))


def test_a_page() -> None:
    """A bound that is missed stands out, and who has no figure says why."""
    found = [
        Figure(what="time", value=6.0, unit="x", most=5),
        Figure(what="time", who=FLOOR, value=1.0, unit="x"),
        Figure(what="time", who="chatlab", value=None, note="it does not run"),
        Figure(what="count", value=1, most=1),
        Figure(what="told", value=7),
    ]
    text = page(found, "chart.svg")

    assert "| time | 6x | 5x | **no** | 1x |  |" in text
    assert "| count | 1 | 1 | yes |  |  |" in text
    assert f"| what | {OURS} | {FLOOR} | chatlab |" in text
    assert "| time | 6x | 1x | - (1) |" in text
    assert "\n1. it does not run\n" in text
    assert "| told | 7 |  |" in text
