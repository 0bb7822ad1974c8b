"""This module draws bars with their names."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from charts.canvas import Array, shorten
from charts.palette import BLUE


def add_bars(
    axes: Axes, lengths: Array, names: Sequence[str], *, colour: str = BLUE
) -> None:
    """Adds a bar for each name, `(n_names,)`, the first above."""
    axes.barh(range(len(lengths)), lengths, color=colour, height=0.7)
    axes.set_yticks(range(len(names)), [shorten(each) for each in names])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
