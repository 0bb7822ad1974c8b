"""Scales of axes: their ticks, how these are written, and what lies beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes

from charts.canvas import make_inline_figure
from charts.lines import add_line
from charts.palette import BLUE
from charts.scales import set_linear, set_log, set_rows, span, write_number


def make_axes() -> Axes:
    return make_inline_figure(width_px=360, height_px=300)[1]


def find_ticks(axes: Axes) -> list[float]:
    """Returns the ticks within the ends of the horizontal axis."""
    low, high = axes.get_xlim()
    return [each for each in axes.get_xticks() if low - 1e-9 <= each <= high + 1e-9]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.83, 0.97, [0.85, 0.9, 0.95])],
)
def test_ticks_of_a_linear_axis_are_round(
    low: float, high: float, expected: list[float]
) -> None:
    """The ticks of a linear axis are three to seven round numbers."""
    axes = make_axes()
    set_linear(axes, "x", low, high)
    assert find_ticks(axes) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.02, 0.3, [0.02, 0.05, 0.1, 0.2]), (900, 5e6, [1e3, 1e4, 1e5, 1e6])],
)
def test_ticks_of_a_logarithmic_axis_are_round(
    low: float, high: float, expected: list[float]
) -> None:
    """The ticks of a logarithmic axis are powers of ten, with 2 and 5 times them where those are few."""
    axes = make_axes()
    set_log(axes, "x", low, high)
    assert find_ticks(axes) == pytest.approx(expected)
    assert axes.get_xticks(minor=True) == pytest.approx([])


def test_ticks_are_written_short() -> None:
    """Shares are written in percent, large numbers with their letter, and rows by name."""
    axes = make_axes()
    set_linear(axes, "x", 0.0, 1.0, percent=True)
    set_rows(axes, ["a", "b"])

    assert axes.xaxis.get_major_formatter()(0.875) == "87.5 %"
    assert [write_number(tick) for tick in (0.02, 2000, 50_000, 2e6)] == [
        "0.02",
        "2000",
        "50k",
        "2M",
    ]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["a", "b"]
    assert list(axes.get_yticks()) == [0, 1]


def test_an_axis_holds_its_values_with_room() -> None:
    """An axis has room around its values, also where all are equal, and a logarithmic one stays above 0."""
    assert span([1, 3]) == pytest.approx((0.8, 3.2))
    assert span([0.5, 0.5])[0] < 0.5 < span([0.5, 0.5])[1]
    low, high = span([0.01, 0.01], log=True)
    assert 0 < low < 0.01 < high


def test_points_lie_inside_the_picture() -> None:
    """Values beyond an axis whose ends are set are drawn at its end."""
    axes = make_axes()
    set_linear(axes, "x", 0.0, 1.0)
    set_linear(axes, "y", 0.0, 1.0)
    values = np.array([-1.0, 0.0, 0.5, 1.0, 7.0])
    add_line(axes, values, values, colour=BLUE)
    expected = [[each, each] for each in (0.0, 0.0, 0.5, 1.0, 1.0)]

    assert axes.lines[0].get_xydata().tolist() == expected  # type: ignore[union-attr]  # an array


def test_an_axis_that_follows_its_values_holds_them_all() -> None:
    """Values are drawn where they are on an axis whose ends nobody has set."""
    axes = make_axes()
    add_line(axes, np.array([0.0, 7.0]), np.array([-3.0, 5.0]), colour=BLUE)
    assert axes.get_xlim()[1] >= 7
    assert axes.get_ylim()[0] <= -3
