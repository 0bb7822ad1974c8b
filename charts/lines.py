"""This module draws lines, with bands where they have them, and the lines that say what to compare them with."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from charts.canvas import Array
from charts.palette import QUIET, SeriesStyle
from charts.scales import clip_to_axes
from charts.svg import add_halo

BAND_OPACITY = 0.18


def add_line(
    axes: Axes,
    x: Array,
    y: Array,
    *,
    colour: str,
    dashes: tuple[float, ...] = (),
    band: tuple[Array, Array] | None = None,
    **style: Any,
) -> None:
    """Adds a line; what lies beyond axes whose ends are set is drawn at their end."""
    if band is not None:
        low, high = band
        axes.fill_between(x, low, high, color=colour, alpha=BAND_OPACITY, linewidth=0)

    pattern = (0, dashes) if dashes else "solid"
    axes.plot(*clip_to_axes(axes, x, y), color=colour, linestyle=pattern, **style)


def add_series(axes: Axes, x: Array, y: Array, *, look: SeriesStyle) -> None:
    """Adds a line in the look of its series."""
    add_line(axes, x, y, colour=look.colour, dashes=look.dashes)


def add_mark(axes: Axes, at: tuple[float, float], *, colour: str, label: str) -> None:
    """Adds a large dot where a line has something to be seen."""
    axes.plot(*at, "o", color=colour, markersize=8, label=label, zorder=3)


def add_diagonal(
    axes: Axes, *, low: float = 0.0, high: float = 1.0, label: str = ""
) -> None:
    """Adds the line on which both axes say the same."""
    axes.plot(
        [low, high],
        [low, high],
        color=QUIET,
        linewidth=1,
        linestyle=":",
        label=label or None,
    )


def add_level(axes: Axes, y: float, *, text: str = "") -> None:
    """Adds a level to compare lines with, named at its left end."""
    axes.axhline(y, color=QUIET, linewidth=0.8, linestyle="--")
    if text:
        name = axes.annotate(
            text,
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(5, 3),
            textcoords="offset points",
            color=QUIET,
            zorder=5,
        )
        add_halo(name)
