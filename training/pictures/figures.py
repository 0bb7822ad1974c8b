"""This module draws the pictures of a trained model that have two axes of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from charts.bars import add_bars
from charts.canvas import (
    Array,
    add_axes,
    add_legend,
    make_figure,
    shorten,
    style_axes,
    widen,
)
from charts.lines import add_diagonal, add_line, add_mark
from charts.palette import BLUE, LINE, ORANGE, TEXT, VERMILLION, style_series
from charts.reliability import add_reliability
from charts.scales import set_integers
from charts.scatter import add_points
from training.pictures.names import PARTS

MAX_CURVES = 8
MAX_BARS = 15
WIDTH = 7.2
"""Of most pictures, in inches."""


def draw_roc(curves: Mapping[str, tuple[Array, Array, float]], *, about: str) -> Figure:
    """Draws false and true positive rates by class, with the area under them; of many the hardest ones stand out."""
    title = "ROC: true alarms against false alarms, up and left is better"
    figure = make_figure(title, width=widen(curves), height=5.2)
    axes = add_axes(figure, about, x="false positive rate", y="true positive rate")
    add_diagonal(axes, label="by chance, AUC 0.5")
    order = sorted(curves, key=lambda name: curves[name][2])
    n_shown = min(len(order), MAX_CURVES)

    for number, name in enumerate(order[:n_shown]):
        false, true, area = curves[name]
        look = style_series(number)
        add_line(
            axes,
            false,
            true,
            colour=look.colour,
            dashes=look.dashes,
            linewidth=1.6 + 1.4 * (n_shown - 1 - number) * min(1, 3 / len(order)),
            label=f"{shorten(name)}, AUC {area:.3f}",
        )

    for name in order[n_shown:]:
        false, true, _ = curves[name]
        label = f"{len(order) - n_shown} more, better still"
        add_line(axes, false, true, colour=LINE, linewidth=0.9, zorder=1, label=label)

    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5))

    return figure


def draw_reliability(
    bins: Mapping[str, Mapping[str, Array]], *, n_bins: int, about: str
) -> Figure:
    """Draws by name confidence, accuracy, its interval and rows, each `(n_filled_bins,)`; the last name stands out."""
    figure = make_figure("Calibration: is it right as often as it is sure?", height=5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    style_axes(upper, about, y="accuracy in the bin")
    x = "confidence: probability of the most probable class"
    style_axes(lower, "", x=x, y="rows")
    add_diagonal(upper, label="as sure as it is right")
    edges = np.linspace(0, 1, n_bins + 1)

    for number, (name, each) in enumerate(bins.items()):
        is_last = number == len(bins) - 1
        colour = BLUE if is_last else ORANGE
        add_reliability(
            upper,
            each,
            colour=colour,
            marker="o" if is_last else "s",
            line="-" if is_last else "--",
            with_intervals=is_last,
            label=name,
        )
        lower.hist(
            each["confidence"],
            bins=edges,
            weights=each["rows"],
            linewidth=1.4,
            histtype="stepfilled" if is_last else "step",
            color=colour,
            zorder=2 if is_last else 3,
        )

    lowest = min(float(each["confidence"].min()) for each in bins.values())
    left = max(0.0, np.ceil(lowest * n_bins - 1) / n_bins - 0.02)
    upper.set(xlim=(left, 1.02), ylim=(-0.03, 1.03))
    add_legend(upper)

    return figure


def draw_predictions(target: Array, value: Array, *, name: str, about: str) -> Figure:
    """Draws predicted against true numbers, both `(n_rows,)`."""
    title = "Predicted against true: on the line is right"
    figure = make_figure(title, width=5.8, height=5.4)
    short = shorten(name)
    axes = add_axes(figure, about, x=f"true {short}", y=f"predicted {short}")
    every = np.concatenate([target, value])
    margin = 0.04 * (np.ptp(every) or 1.0)
    low, high = every.min() - margin, every.max() + margin
    add_diagonal(axes, low=low, high=high, label="predicted = true")
    add_points(
        axes, target, value, colour=PARTS["held-out"], alpha=0.7, label="held-out row"
    )
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    add_legend(axes)

    return figure


def draw_line(
    points: Mapping[str, tuple[Array, Array]], line: tuple[Array, Array], **texts: str
) -> Figure:
    """Draws one feature, and what is predicted from it over what is true; `points` by part are feature and target."""
    title = "The line over the points: what it predicts, and what was"
    figure = make_figure(title, width=WIDTH)
    names = {axis: shorten(texts[axis]) for axis in ("x", "y")}
    axes = add_axes(figure, texts["about"], **names)

    for part, (feature, target) in points.items():
        label = "held-out rows" if part == "held-out" else "training rows"
        marker = "D" if part == "held-out" else "o"
        style: dict[str, Any] = {"alpha": 0.8, "marker": marker, "label": label}
        add_points(axes, feature, target, colour=PARTS[part], **style)

    add_line(axes, *line, colour=TEXT, linewidth=2, label="predicted")
    add_legend(axes)

    return figure


def draw_bars(
    shares: Array, names: Sequence[str], *, title: str, about: str, x: str
) -> Figure:
    """Draws the longest bars, `(n_names,)`, the longest above."""
    n_shown = min(MAX_BARS, max(1, np.count_nonzero(shares > 0)))
    order = np.argsort(-shares, kind="stable")[:n_shown]
    left_out = len(shares) - len(order)
    more = f"; {left_out} of less or none are not shown" if left_out else ""
    figure = make_figure(title, width=WIDTH, height=1.5 + 0.28 * len(order))
    axes = add_axes(figure, f"{about}{more}", x=x)
    add_bars(axes, shares[order], [names[each] for each in order])

    return figure


def draw_explained_variance(shares: Array, *, kept: int, about: str) -> Figure:
    """Draws cumulated shares of the variance `(n_components,)`, and how many components the model keeps."""
    title = "How much of the differences so many components keep"
    figure = make_figure(title, width=WIDTH)
    y = "share of the variance of the training rows"
    axes = add_axes(figure, about, x="components", y=y)
    add_line(
        axes,
        np.arange(1, len(shares) + 1),
        shares,
        colour=BLUE,
        marker="." if len(shares) < 100 else "",
        label="kept by the first components",
    )
    label = f"this model: {kept} of {len(shares)} keep {shares[kept - 1]:.1%}"
    add_mark(axes, (kept, shares[kept - 1]), colour=VERMILLION, label=label)
    axes.set_ylim(0, 1.03)
    set_integers(axes, "x")
    add_legend(axes)

    return figure
