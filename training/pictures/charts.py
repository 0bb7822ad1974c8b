"""Pictures with two axes of numbers: arrays in, a figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from model_card import Card, Metric
from training.pictures.canvas import (
    BLACK,
    BLUE,
    ERRORS,
    GREY,
    MOST_BARS,
    MOST_CURVES,
    ORANGE,
    PALETTE,
    PARTS,
    TITLES,
    VERMILLION,
    Array,
    add_axes,
    add_legend,
    make_figure,
    shorten,
    style_axes,
    widen,
)


def draw_losses(
    losses: Mapping[str, Array], epochs: Array, *, unit: str, about: str
) -> Figure:
    """A line for each of `losses` `(n_epochs,)`, and a mark at the lowest validation loss."""
    parts = "validation" in losses
    figure = make_figure(
        f"Loss after each epoch{': where the lines part, it overfits' if parts else ''}",
        width=7.2,
    )
    axes = add_axes(figure, about, x="epoch", y=unit)

    for number, (name, values) in enumerate(losses.items()):
        label = {"train": "training rows", "validation": "validation rows"}.get(
            name, name
        )
        axes.plot(
            epochs,
            values,
            color=PARTS.get(name, PALETTE[number]),
            linewidth=1.6,
            label=label,
        )

    if parts and np.isfinite(losses["validation"]).any():
        best = int(np.nanargmin(losses["validation"]))
        label = f"lowest on validation rows: epoch {epochs[best]}"
        axes.plot(
            epochs[best],
            losses["validation"][best],
            "o",
            color=BLACK,
            markersize=7,
            label=label,
        )
        axes.axvline(epochs[best], color=BLACK, linewidth=0.8, linestyle=":")

    every = np.concatenate(list(losses.values()))
    if np.nanmin(every) > 0 and np.nanmax(every) > 30 * np.nanmin(every):
        axes.set_yscale("log")

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(axes)

    return figure


def draw_metrics(card: Card, *, about: str, unit: str) -> Figure:
    """Each metric's held-out value with its interval, beside that of the training rows and of folds."""
    groups = [
        [name for name in card.metrics if (name in ERRORS) is lower]
        for lower in (False, True)
    ]
    filled = [names for names in groups if names]
    overfits = "Training rows and held-out rows: a gap is overfitting"
    title = overfits if card.train_metrics else "Measured on generated images"
    figure = make_figure(
        title, width=7.2, height=1.5 + 0.55 * len(card.metrics) + 0.4 * len(filled)
    )
    parts: list[Axes] = list(
        figure.subplots(
            len(filled),
            squeeze=False,
            height_ratios=[len(names) + 0.8 for names in filled],
        )[:, 0]
    )

    for axes, names in zip(parts, filled, strict=True):
        better = (
            f"lower is better{unit and f'; errors in the unit of {shorten(unit)}'}"
            if names[0] in ERRORS
            else "higher is better"
        )
        style_axes(axes, about if axes is parts[0] else "", x=better)
        for row, name in enumerate(names):
            _add_metric(axes, row, name, card)

        axes.set_yticks(
            range(len(names)),
            [TITLES.get(name, name.replace("_", " ")) for name in names],
        )
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        if names[0] in ERRORS:
            axes.set_xlim(-0.02 * axes.get_xlim()[1], 1.05 * axes.get_xlim()[1])

    handles, labels = parts[0].get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    figure.legend(
        list(found.values()),
        list(found),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=9,
    )

    return figure


def _add_metric(axes: Axes, row: int, name: str, card: Card) -> None:
    metric = card.metrics[name]
    axes.axhline(row, color="#E8E8E8", linewidth=14, zorder=0)
    spread = card.cross_validation.metrics.get(name) if card.cross_validation else None
    if card.train_metrics and name in card.train_metrics:
        axes.plot(
            card.train_metrics[name].value,
            row - 0.2,
            "o",
            color=PARTS["train"],
            label="training rows",
        )

    shown = (
        "held-out rows, 95 % interval"
        if card.train_metrics
        else "generated images, 95 % interval"
    )
    errors = _as_errors(metric)
    axes.errorbar(
        metric.value,
        row,
        xerr=errors,
        fmt="D",
        markersize=6,
        capsize=3,
        color=PARTS["held-out"],
        label=shown,
    )
    if spread and card.cross_validation:
        label = f"{card.cross_validation.folds} folds, mean ± standard deviation"
        style: dict[str, Any] = {
            "fmt": "s",
            "markersize": 5,
            "capsize": 3,
            "color": PARTS["folds"],
            "label": label,
        }
        axes.errorbar(spread.mean, row + 0.22, xerr=spread.standard_deviation, **style)

    text = f" {metric.value:.3f}" if abs(metric.value) < 10 else f" {metric.value:,.4g}"
    axes.annotate(
        text,
        (1, row),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=9,
        color=PARTS["held-out"],
    )


def _as_errors(metric: Metric) -> Array | None:
    """Returns how far the interval reaches below and above the value, which may lie outside, as matplotlib wants it."""
    if metric.interval is None:
        return None
    low, high = metric.interval
    return np.array([[max(0.0, metric.value - low)], [max(0.0, high - metric.value)]])


def draw_learning_curve(
    points: Array, *, metric: str, interval: Metric, about: str
) -> Figure:
    """Points `(n_sizes, 3)`: number of training rows, the metric on them, and on held-out rows."""
    figure = make_figure("Learning curve: whether more rows would help", width=7.2)
    axes = add_axes(figure, about, x="training rows", y=TITLES.get(metric, metric))
    sizes, train, held_out = points.T
    axes.plot(
        sizes,
        train,
        "o-",
        color=PARTS["train"],
        linewidth=3,
        markersize=9,
        label="training rows",
    )
    axes.plot(sizes, held_out, "D-", color=PARTS["held-out"], label="held-out rows")
    errors = _as_errors(interval)
    if errors is not None:
        style: dict[str, Any] = {
            "fmt": "none",
            "capsize": 4,
            "color": PARTS["held-out"],
            "label": "95 % interval, all rows",
        }
        axes.errorbar(sizes[-1], held_out[-1], yerr=errors, **style)

    axes.set_xlim(left=0)
    axes.set_ylim(bottom=max(axes.get_ylim()[0], -0.5))
    add_legend(axes)

    return figure


def draw_few_images(
    points: Sequence[tuple[int, Metric, Metric]], *, about: str
) -> Figure:
    """Points of images for each class, and the accuracy fine-tuned and from scratch."""
    figure = make_figure("Few images: what weights from elsewhere are worth", width=7.2)
    axes = add_axes(
        figure,
        about,
        x="images for each class",
        y="accuracy on held-out images, 95 % interval",
    )
    sizes, tuned, scratch = zip(*points, strict=True)
    lines = (
        ("fine-tuned", 0.98, BLUE, "D-", tuned),
        ("from scratch", 1.02, ORANGE, "o-", scratch),
    )

    for label, aside, color, style, metrics in lines:
        errors = np.concatenate(
            [each for each in map(_as_errors, metrics) if each is not None], axis=1
        )
        values = [each.value for each in metrics]
        axes.errorbar(
            np.array(sizes) * aside,
            values,
            yerr=errors,
            fmt=style,
            color=color,
            capsize=3,
            label=label,
        )

    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    add_legend(axes)

    return figure


def draw_roc(curves: Mapping[str, tuple[Array, Array, float]], *, about: str) -> Figure:
    """False and true positive rates and the area under them, by class; the hardest ones stand out where many are."""
    figure = make_figure(
        "ROC: true alarms against false alarms, up and left is better",
        width=widen(curves),
        height=5.2,
    )
    axes = add_axes(figure, about, x="false positive rate", y="true positive rate")
    axes.plot(
        [0, 1],
        [0, 1],
        color=GREY,
        linestyle=":",
        linewidth=1,
        label="by chance, AUC 0.5",
    )
    order = sorted(curves, key=lambda name: curves[name][2])
    style: dict[str, Any]

    for number, name in enumerate(order):
        false, true, area = curves[name]
        if number < MOST_CURVES:
            thick = 1.6 + 1.4 * (len(order[:MOST_CURVES]) - 1 - number) * min(
                1, 3 / len(order)
            )
            style = {
                "color": PALETTE[number],
                "linewidth": thick,
                "label": f"{shorten(name)}, AUC {area:.3f}",
            }
        else:
            label = (
                f"{len(order) - MOST_CURVES} more, better still"
                if number == MOST_CURVES
                else None
            )
            style = {"color": "#C8C8C8", "linewidth": 0.9, "zorder": 1, "label": label}

        axes.plot(false, true, **style)

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
    style_axes(
        lower, "", x="confidence: probability of the most probable class", y="rows"
    )
    upper.plot(
        [0, 1], [0, 1], color=GREY, linestyle=":", label="as sure as it is right"
    )
    edges = np.linspace(0, 1, n_bins + 1)

    for number, (name, each) in enumerate(bins.items()):
        last = number == len(bins) - 1
        colour, line = (BLUE, "o-") if last else (ORANGE, "s--")
        upper.plot(each["confidence"], each["accuracy"], line, color=colour, label=name)
        style: dict[str, Any] = {
            "histtype": "stepfilled" if last else "step",
            "color": colour,
            "zorder": 2 if last else 3,
        }
        lower.hist(
            each["confidence"], bins=edges, weights=each["rows"], linewidth=1.4, **style
        )
        if last:
            upper.vlines(
                each["confidence"],
                each["low"],
                each["high"],
                color=colour,
                linewidth=1,
                alpha=0.5,
            )

    lowest = min(float(each["confidence"].min()) for each in bins.values())
    upper.set(
        xlim=(max(0.0, np.ceil(lowest * n_bins - 1) / n_bins - 0.02), 1.02),
        ylim=(-0.03, 1.03),
    )
    add_legend(upper)

    return figure


def draw_predictions(target: Array, value: Array, *, name: str, about: str) -> Figure:
    """Predicted against true numbers, both `(n_rows,)`."""
    figure = make_figure(
        "Predicted against true: on the line is right", width=5.8, height=5.4
    )
    axes = add_axes(
        figure, about, x=f"true {shorten(name)}", y=f"predicted {shorten(name)}"
    )
    every = np.concatenate([target, value])
    margin = 0.04 * (np.ptp(every) or 1.0)
    ends = (every.min() - margin, every.max() + margin)
    axes.plot(ends, ends, color=BLACK, linewidth=1, label="predicted = true")
    axes.scatter(
        target,
        value,
        s=26,
        color=PARTS["held-out"],
        alpha=0.7,
        linewidths=0,
        label="held-out row",
    )
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    add_legend(axes)

    return figure


def draw_line(
    points: Mapping[str, tuple[Array, Array]], line: tuple[Array, Array], **texts: str
) -> Figure:
    """One feature, and what is predicted from it over what is true; `points` by part are feature and target."""
    figure = make_figure(
        "The line over the points: what it predicts, and what was", width=7.2
    )
    axes = add_axes(
        figure, texts["about"], x=shorten(texts["x"]), y=shorten(texts["y"])
    )

    for part, (feature, target) in points.items():
        label = "held-out rows" if part == "held-out" else "training rows"
        axes.scatter(
            feature,
            target,
            s=24,
            color=PARTS[part],
            alpha=0.8,
            linewidths=0,
            label=label,
        )

    axes.plot(*line, color=BLACK, linewidth=2, label="predicted")
    add_legend(axes)

    return figure


def draw_bars(
    shares: Array, names: Sequence[str], *, title: str, about: str, x: str
) -> Figure:
    """The longest bars, `(n_names,)`, the longest above."""
    order = np.argsort(-shares, kind="stable")[
        : min(MOST_BARS, max(1, np.count_nonzero(shares > 0)))
    ]
    figure = make_figure(title, width=7.2, height=1.5 + 0.28 * len(order))
    left_out = len(shares) - len(order)
    axes = add_axes(
        figure,
        about + (f"; {left_out} of less or none are not shown" if left_out else ""),
        x=x,
    )
    axes.barh(
        [shorten(names[each]) for each in order], shares[order], color=BLUE, height=0.7
    )
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)

    return figure


def draw_explained_variance(shares: Array, *, kept: int, about: str) -> Figure:
    """Cumulated shares of the variance `(n_components,)`, and how many components the model keeps."""
    figure = make_figure(
        "How much of the differences so many components keep", width=7.2
    )
    axes = add_axes(
        figure, about, x="components", y="share of the variance of the training rows"
    )
    numbers = np.arange(1, len(shares) + 1)
    axes.plot(
        numbers,
        shares,
        ".-" if len(shares) < 100 else "-",
        color=BLUE,
        label="kept by the first components",
    )
    label = f"this model: {kept} of {len(shares)} keep {shares[kept - 1]:.1%}"
    axes.plot(kept, shares[kept - 1], "o", color=VERMILLION, markersize=9, label=label)
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(axes)

    return figure
