"""The course of learning is drawn here: losses, metrics, and the metric by the number of rows or images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charts.canvas import (
    Array,
    add_axes,
    add_figure_legend,
    add_legend,
    make_figure,
    shorten,
    style_axes,
)
from charts.intervals import Interval, add_interval, add_upright_intervals
from charts.lines import add_line, add_mark
from charts.palette import LINE, TEXT, style_series
from charts.scales import set_integers, set_log_if_wide, set_rows
from model_card import Card, Metric
from training.pictures.figures import WIDTH
from training.pictures.names import ERRORS, PARTS, TITLES

LOWEST_SCORE = -0.5
"""A learning curve shows no score below this, unless the model's own is."""


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
    _frame_scores(axes, np.concatenate([train, held_out]), of_all=held_out[-1])
    add_legend(axes)

    return figure


def _frame_scores(axes: Axes, scores: Array, *, of_all: float) -> None:
    """Leaves out scores far below 0, which would hide how the others differ.

    Where the model itself is so bad, as after a descent that has exploded, all are shown, by their powers of 10.
    """
    top = max(1.0, scores.max())
    if of_all < LOWEST_SCORE:
        axes.set_yscale("symlog")
        axes.set_ylim(3 * scores.min(), top)
    elif scores.min() < LOWEST_SCORE:
        axes.set_ylim(LOWEST_SCORE, top + 0.05 * (top - LOWEST_SCORE))


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
