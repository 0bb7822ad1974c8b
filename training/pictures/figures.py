"""This module draws the pictures of a trained model that have two axes of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.bars import add_bars
from charts.canvas import (
    Array,
    add_axes,
    add_figure_legend,
    add_legend,
    make_figure,
    shorten,
    style_axes,
    widen,
)
from charts.intervals import Interval, add_interval, add_upright_intervals
from charts.lines import add_diagonal, add_line, add_mark
from charts.palette import BLUE, LINE, ORANGE, TEXT, VERMILLION, style_series
from charts.reliability import add_reliability
from charts.scales import set_integers, set_log_if_wide, set_rows
from charts.scatter import add_points
from model_card import Card, Metric
from training.pictures.names import ERRORS, PARTS, TITLES

MAX_CURVES = 8
MAX_BARS = 15
WIDTH = 7.2
"""Of most pictures, in inches."""


def draw_losses(
    losses: Mapping[str, Array], epochs: Array, *, unit: str, about: str
) -> Figure:
    """Draws a line for each of `losses` `(n_epochs,)`, and a mark at the lowest validation loss."""
    parts = "validation" in losses
    title = (
        f"Loss after each epoch{': where the lines part, it overfits' if parts else ''}"
    )
    figure = make_figure(title, width=WIDTH)
    axes = add_axes(figure, about, x="epoch", y=unit)

    for number, (name, values) in enumerate(losses.items()):
        label = {"train": "training rows", "validation": "validation rows"}
        colour = PARTS.get(name, style_series(number).colour)
        add_line(axes, epochs, values, colour=colour, label=label.get(name, name))

    if parts and np.isfinite(losses["validation"]).any():
        best = int(np.nanargmin(losses["validation"]))
        label_of_best = f"lowest on validation rows: epoch {epochs[best]}"
        at = (epochs[best], losses["validation"][best])
        add_mark(axes, at, colour=TEXT, label=label_of_best)
        axes.axvline(epochs[best], color=TEXT, linewidth=0.8, linestyle=":")

    set_log_if_wide(axes, "y", np.concatenate(list(losses.values())))
    set_integers(axes, "x")
    add_legend(axes)

    return figure


def draw_metrics(card: Card, *, about: str, unit: str) -> Figure:
    """Draws each metric's held-out value with its interval, beside that of the training rows and of folds."""
    groups = [
        [name for name in card.metrics if (name in ERRORS) is lower]
        for lower in (False, True)
    ]
    filled = [names for names in groups if names]
    overfits = "Training rows and held-out rows: a gap is overfitting"
    title = overfits if card.train_metrics else "Measured on generated images"
    height = 1.5 + 0.55 * len(card.metrics) + 0.4 * len(filled)
    figure = make_figure(title, width=WIDTH, height=height)
    ratios = [len(names) + 0.8 for names in filled]
    grid = figure.subplots(len(filled), squeeze=False, height_ratios=ratios)
    parts: list[Axes] = list(grid[:, 0])

    for axes, names in zip(parts, filled, strict=True):
        is_lower_better = names[0] in ERRORS
        errors_unit = unit and f"; errors in the unit of {shorten(unit)}"
        x = f"lower is better{errors_unit}" if is_lower_better else "higher is better"
        style_axes(axes, about if axes is parts[0] else "", x=x)
        for row, name in enumerate(names):
            _add_metric(axes, row, name, card)

        set_rows(axes, [TITLES.get(name, name.replace("_", " ")) for name in names])
        if is_lower_better:
            axes.set_xlim(-0.02 * axes.get_xlim()[1], 1.05 * axes.get_xlim()[1])

    add_figure_legend(figure, parts[0])

    return figure


def _add_metric(axes: Axes, row: int, name: str, card: Card) -> None:
    metric = card.metrics[name]
    axes.axhline(row, color=LINE, alpha=0.5, linewidth=14, zorder=0)
    if card.train_metrics and name in card.train_metrics:
        at = (card.train_metrics[name].value, row - 0.2)
        add_interval(
            axes, at, None, marker="o", colour=PARTS["train"], label="training rows"
        )

    rows = "held-out rows" if card.train_metrics else "generated images"
    add_interval(
        axes,
        (metric.value, row),
        metric.interval,
        marker="D",
        colour=PARTS["held-out"],
        label=f"{rows}, 95 % interval",
    )
    spread = card.cross_validation.metrics.get(name) if card.cross_validation else None
    if spread and card.cross_validation:
        add_interval(
            axes,
            (spread.mean, row + 0.22),
            (
                spread.mean - spread.standard_deviation,
                spread.mean + spread.standard_deviation,
            ),
            marker="s",
            colour=PARTS["folds"],
            label=f"{card.cross_validation.folds} folds, mean ± standard deviation",
        )

    text = f" {metric.value:.3f}" if abs(metric.value) < 10 else f" {metric.value:,.4g}"
    axes.annotate(
        text,
        (1, row),
        xycoords=("axes fraction", "data"),
        va="center",
        color=PARTS["held-out"],
    )


def draw_learning_curve(
    points: Array, *, metric: str, interval: Metric, about: str
) -> Figure:
    """Draws points `(n_sizes, 3)`: number of training rows, the metric on them, and on held-out rows."""
    figure = make_figure("Learning curve: whether more rows would help", width=WIDTH)
    axes = add_axes(figure, about, x="training rows", y=TITLES.get(metric, metric))
    sizes, train, held_out = points.T
    style: dict[str, Any] = {"marker": "o", "linewidth": 3, "markersize": 9}
    add_line(axes, sizes, train, colour=PARTS["train"], label="training rows", **style)
    add_line(
        axes,
        sizes,
        held_out,
        colour=PARTS["held-out"],
        marker="D",
        label="held-out rows",
    )
    if interval.interval is not None:
        add_upright_intervals(
            axes,
            sizes[-1:],
            held_out[-1:],
            [interval.interval],
            colour=PARTS["held-out"],
            label="95 % interval, all rows",
        )

    axes.set_xlim(left=0)
    axes.set_ylim(bottom=max(axes.get_ylim()[0], -0.5))
    add_legend(axes)

    return figure


def draw_few_images(
    points: Sequence[tuple[int, Mapping[str, Metric]]], *, about: str
) -> Figure:
    """Draws points of images for each class, and the accuracy of each network by its name."""
    title = "Few images: what weights from elsewhere are worth"
    figure = make_figure(title, width=WIDTH)
    y = "accuracy on held-out images, 95 % interval"
    axes = add_axes(figure, about, x="images for each class", y=y)
    sizes, accuracies = zip(*points, strict=True)

    for number, name in enumerate(accuracies[0]):
        style = style_series(number)
        metrics = [each[name] for each in accuracies]
        add_upright_intervals(
            axes,
            np.array(sizes) * (0.98 + 0.02 * number),
            [each.value for each in metrics],
            [_require_interval(each) for each in metrics],
            colour=style.colour,
            marker=style.marker,
            line="-",
            label=name,
        )

    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    add_legend(axes)

    return figure


def _require_interval(metric: Metric) -> Interval:
    """Returns a metric's interval, or that of its value alone."""
    return metric.interval or (metric.value, metric.value)


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
