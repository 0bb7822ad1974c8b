"""This module draws values with their intervals: in rows under one another, or along a curve."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from charts.canvas import Array
from charts.svg import add_tip

Interval = tuple[float, float]

CAP_PT = 3


def add_interval(
    axes: Axes,
    at: tuple[float, float],
    interval: Interval | None,
    *,
    colour: str,
    marker: str,
    label: str = "",
    tip: str = "",
    is_bold: bool = False,
) -> None:
    """Adds a value at its place, with its interval along the horizontal axis where it has one.

    A bold one has no ends across.
    """
    x, y = at
    drawn = axes.errorbar(
        x,
        y,
        xerr=None if interval is None else reach([x], [interval]),
        color=colour,
        marker=marker,
        markersize=7 if is_bold else 6,
        elinewidth=2.2 if is_bold else 1.6,
        capsize=0 if is_bold else CAP_PT,
        linestyle="none",
        label=label or None,
    )
    if tip:
        add_tip(drawn[0], tip)


def add_upright_intervals(
    axes: Axes,
    x: Sequence[float] | Array,
    y: Sequence[float] | Array,
    intervals: Sequence[Interval],
    *,
    colour: str,
    marker: str = "",
    line: str = "none",
    label: str = "",
) -> None:
    """Adds values along a curve, with their intervals along the vertical axis."""
    axes.errorbar(
        x,
        y,
        yerr=reach(y, intervals),
        color=colour,
        marker=marker,
        linestyle=line,
        capsize=CAP_PT,
        label=label or None,
    )


def reach(values: Sequence[float] | Array, intervals: Sequence[Interval]) -> Array:
    """Returns how far each interval reaches below and above its value, which may lie outside, `(2, n_values)`."""
    low, high = np.array(intervals).T
    distances: Array = np.maximum(0.0, np.stack([values - low, high - values]))
    return distances
