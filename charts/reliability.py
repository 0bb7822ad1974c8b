"""A reliability diagram shows how often a model is right where it is so sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from charts.canvas import Array
from charts.svg import add_tip

INTERVAL_OPACITY = 0.6


def add_reliability(
    axes: Axes,
    bins: Mapping[str, Array],
    *,
    colour: str,
    marker: str,
    line: str = "",
    with_intervals: bool = True,
    label: str | None = None,
    tips: Sequence[str] = (),
) -> None:
    """Adds a mark for each bin: `confidence`, `accuracy`, and its interval from `low` to `high`, each `(n_bins,)`."""
    confidence, accuracy = bins["confidence"], bins["accuracy"]
    if with_intervals:
        axes.vlines(
            confidence,
            bins["low"],
            bins["high"],
            color=colour,
            linewidth=1.1,
            alpha=INTERVAL_OPACITY,
        )

    if not tips:
        axes.plot(
            confidence,
            accuracy,
            marker=marker,
            linestyle=line or "none",
            color=colour,
            label=label,
        )

    for x, y, tip in zip(confidence, accuracy, tips, strict=False):
        (drawn,) = axes.plot([x], [y], marker=marker, linestyle="none", color=colour)
        add_tip(drawn, tip)
