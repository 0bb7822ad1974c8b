"""The pictures of a report: arrays in, a figure out, all in one look, without pyplot and its global state.

The colours are those of Okabe and Ito, which people of any colour vision tell apart (Wong, Nature Methods 8, 2011).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from sklearn.tree import plot_tree

from model_card import Card, Metric

Array = NDArray[Any]

DOTS_PER_INCH = 120
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#8C8C8C"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PARTS = {"train": ORANGE, "validation": PURPLE, "held-out": BLUE, "folds": GREEN}
SHADES = LinearSegmentedColormap.from_list("shades", ["white", BLUE])

ERRORS = ("log_loss", "brier", "ece", "rmse", "mae", "mean_squared_distance", "mean_squared_error")
"""Metrics of which less is better."""
TITLES = {"r2": "R²", "rmse": "RMSE", "mae": "MAE", "roc_auc": "ROC AUC", "ece": "ECE", "macro_f1": "macro F1"}

MOST_CURVES = 8
MOST_COUNTS = 30
"""Classes up to which a matrix still has room for its numbers."""
MOST_BARS = 15
TREE_DEPTH = 3
LONGEST_NAME = 30
SHORT = 2
"""Letters of a class name up to which it serves as its own marker."""


def draw_losses(losses: Mapping[str, Array], epochs: Array, *, unit: str, about: str) -> Figure:
    """A line for each of `losses` `(n_epochs,)`, and a mark at the lowest validation loss."""
    parts = "validation" in losses
    figure = _make_figure(f"Loss after each epoch{': where the lines part, it overfits' if parts else ''}", width=7.2)
    axes = _add_axes(figure, about, x="epoch", y=unit)
    for number, (name, values) in enumerate(losses.items()):
        label = {"train": "training rows", "validation": "validation rows"}.get(name, name)
        axes.plot(epochs, values, color=PARTS.get(name, PALETTE[number]), linewidth=1.6, label=label)
    if parts and np.isfinite(losses["validation"]).any():
        best = int(np.nanargmin(losses["validation"]))
        label = f"lowest on validation rows: epoch {epochs[best]}"
        axes.plot(epochs[best], losses["validation"][best], "o", color=BLACK, markersize=7, label=label)
        axes.axvline(epochs[best], color=BLACK, linewidth=0.8, linestyle=":")
    every = np.concatenate(list(losses.values()))
    if np.nanmin(every) > 0 and np.nanmax(every) > 30 * np.nanmin(every):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _add_legend(axes)
    return figure


def draw_metrics(card: Card, *, about: str, unit: str) -> Figure:
    """Each metric's held-out value with its interval, beside that of the training rows and of folds."""
    groups = [[name for name in card.metrics if (name in ERRORS) is lower] for lower in (False, True)]
    filled = [names for names in groups if names]
    overfits = "Training rows and held-out rows: a gap is overfitting"
    title = overfits if card.train_metrics else "Measured on generated images"
    figure = _make_figure(title, width=7.2, height=1.5 + 0.55 * len(card.metrics) + 0.4 * len(filled))
    parts: list[Axes] = list(
        figure.subplots(len(filled), squeeze=False, height_ratios=[len(names) + 0.8 for names in filled])[:, 0]
    )
    for axes, names in zip(parts, filled, strict=True):
        better = (
            f"lower is better{unit and f'; errors in the unit of {_name(unit)}'}"
            if names[0] in ERRORS
            else "higher is better"
        )
        _style(axes, about if axes is parts[0] else "", x=better)
        for row, name in enumerate(names):
            _add_metric(axes, row, name, card)
        axes.set_yticks(range(len(names)), [TITLES.get(name, name.replace("_", " ")) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        if names[0] in ERRORS:
            axes.set_xlim(-0.02 * axes.get_xlim()[1], 1.05 * axes.get_xlim()[1])
    handles, labels = parts[0].get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _add_metric(axes: Axes, row: int, name: str, card: Card) -> None:
    metric = card.metrics[name]
    axes.axhline(row, color="#E8E8E8", linewidth=14, zorder=0)
    spread = card.cross_validation.metrics.get(name) if card.cross_validation else None
    if card.train_metrics and name in card.train_metrics:
        axes.plot(card.train_metrics[name].value, row - 0.2, "o", color=PARTS["train"], label="training rows")
    shown = "held-out rows, 95 % interval" if card.train_metrics else "generated images, 95 % interval"
    errors = _as_errors(metric)
    axes.errorbar(
        metric.value, row, xerr=errors, fmt="D", markersize=6, capsize=3, color=PARTS["held-out"], label=shown
    )
    if spread and card.cross_validation:
        label = f"{card.cross_validation.folds} folds, mean ± standard deviation"
        style: dict[str, Any] = {"fmt": "s", "markersize": 5, "capsize": 3, "color": PARTS["folds"], "label": label}
        axes.errorbar(spread.mean, row + 0.22, xerr=spread.standard_deviation, **style)
    text = f" {metric.value:.3f}" if abs(metric.value) < 10 else f" {metric.value:,.4g}"
    axes.annotate(text, (1, row), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=PARTS["held-out"])


def _as_errors(metric: Metric) -> Array | None:
    """How far the interval reaches below and above the value, as matplotlib wants it; a value may lie outside."""
    if metric.interval is None:
        return None
    low, high = metric.interval
    return np.array([[max(0.0, metric.value - low)], [max(0.0, high - metric.value)]])


def draw_learning_curve(points: Array, *, metric: str, interval: Metric, about: str) -> Figure:
    """Points `(n_sizes, 3)`: number of training rows, the metric on them, and on held-out rows."""
    figure = _make_figure("Learning curve: whether more rows would help", width=7.2)
    axes = _add_axes(figure, about, x="training rows", y=TITLES.get(metric, metric))
    sizes, train, held_out = points.T
    axes.plot(sizes, train, "o-", color=PARTS["train"], linewidth=3, markersize=9, label="training rows")
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
    _add_legend(axes)
    return figure


def draw_matrix(
    counts: Array, rows: Sequence[str], columns: Sequence[str], *, title: str, about: str, x: str, y: str
) -> Figure:
    """Counts `(n_rows, n_columns)`, shaded by their share of the row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n_rows, n_columns = counts.shape
    side = float(np.clip(9 / max(counts.shape), 0.13, 0.62))
    size = min(9.5, side * 32)
    names = [_name(each) for each in (*rows, *columns)]
    lengths = [max(len(each) for each in part) * size * 0.0085 for part in (names[:n_rows], names[n_rows:])]
    width = max(6.0, n_columns * side + lengths[0] + 2)
    upright = lengths[1] > (width - lengths[0] - 2) / n_columns
    height = max(3.2, n_rows * side + 1.3 + (lengths[1] if upright else 0.2))
    figure = _make_figure(title, width=width, height=height)
    axes = _add_axes(figure, about, x=x, y=y)
    axes.grid(visible=False)
    image = axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    axes.set_yticks(range(n_rows), names[:n_rows], fontsize=size)
    axes.set_xticks(range(n_columns), names[n_rows:], fontsize=size, rotation=90 if upright else 0)
    axes.tick_params(length=0)
    for row, column in np.argwhere(counts > 0) if max(counts.shape) <= MOST_COUNTS else ():
        dark = shares[row, column] > 0.5
        style: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size, "color": "white" if dark else BLACK}
        axes.text(column, row, f"{counts[row, column]}", **style)
    figure.colorbar(image, ax=axes, label="share of the row", shrink=0.8, format=lambda share, _: f"{share:.0%}")
    return figure


def draw_roc(curves: Mapping[str, tuple[Array, Array, float]], *, about: str) -> Figure:
    """False and true positive rates and the area under them, by class; the hardest ones stand out where many are."""
    figure = _make_figure(
        "ROC: true alarms against false alarms, up and left is better", width=_widen(curves), height=5.2
    )
    axes = _add_axes(figure, about, x="false positive rate", y="true positive rate")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, label="by chance, AUC 0.5")
    order = sorted(curves, key=lambda name: curves[name][2])
    style: dict[str, Any]
    for number, name in enumerate(order):
        false, true, area = curves[name]
        if number < MOST_CURVES:
            thick = 1.6 + 1.4 * (len(order[:MOST_CURVES]) - 1 - number) * min(1, 3 / len(order))
            style = {"color": PALETTE[number], "linewidth": thick, "label": f"{_name(name)}, AUC {area:.3f}"}
        else:
            label = f"{len(order) - MOST_CURVES} more, better still" if number == MOST_CURVES else None
            style = {"color": "#C8C8C8", "linewidth": 0.9, "zorder": 1, "label": label}
        axes.plot(false, true, **style)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    _add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def draw_reliability(bins: Mapping[str, Mapping[str, Array]], *, n_bins: int, about: str) -> Figure:
    """By name confidence, accuracy, its interval and rows, each `(n_filled_bins,)`; the last name stands out."""
    figure = _make_figure("Calibration: is it right as often as it is sure?", height=5.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _style(upper, about, y="accuracy in the bin")
    _style(lower, "", x="confidence: probability of the most probable class", y="rows")
    upper.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="as sure as it is right")
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
        lower.hist(each["confidence"], bins=edges, weights=each["rows"], linewidth=1.4, **style)
        if last:
            upper.vlines(each["confidence"], each["low"], each["high"], color=colour, linewidth=1, alpha=0.5)
    lowest = min(float(each["confidence"].min()) for each in bins.values())
    upper.set(xlim=(max(0.0, np.ceil(lowest * n_bins - 1) / n_bins - 0.02), 1.02), ylim=(-0.03, 1.03))
    _add_legend(upper)
    return figure


def draw_boundary(
    grid: tuple[Array, Array, Array], points: Mapping[str, tuple[Array, Array]], names: Sequence[str], **texts: str
) -> Figure:
    """Regions of the plane by class.

    `grid` is x `(n_x,)`, y `(n_y,)` and probabilities `(n_y, n_x, n_classes)`; `points` by part are features
    `(n_rows, 2)` and target.
    """
    x, y, probabilities = grid
    figure = _make_figure("Where it sees which class, and how sure it is", width=_widen(names), height=5.2)
    axes = _add_axes(figure, f"{texts['about']} (large)", x=_name(texts["x"]), y=_name(texts["y"]))
    axes.grid(visible=False)
    chance = 1 / probabilities.shape[2]
    sureness = (probabilities.max(axis=2) - chance) / (1 - chance)
    colours = np.array([to_rgb(PALETTE[each % len(PALETTE)]) for each in range(len(names))])
    strength = 0.1 + 0.5 * np.clip(sureness, 0, 1)[..., None]
    shades = 1 - strength * (1 - colours[probabilities.argmax(axis=2)])
    extent = (x[0], x[-1], y[0], y[-1])
    axes.imshow(shades, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
    for part, (features, target) in points.items():
        held_out = part == "held-out"
        size, edge = (42, BLACK) if held_out else (16, "white")
        for each in np.unique(target):
            chosen = features[target == each]
            style: dict[str, Any] = {"marker": MARKERS[each // len(PALETTE) % len(MARKERS)], "linewidths": 0.9}
            style |= {"color": PALETTE[each % len(PALETTE)], "edgecolors": edge, "s": size}
            label = _name(names[each]) if part == "held-out" else None
            axes.scatter(chosen[:, 0], chosen[:, 1], label=label, **style)
    axes.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    greys = ScalarMappable(Normalize(chance, 1), LinearSegmentedColormap.from_list("greys", ["#E8E8E8", "#8C8C8C"]))
    bar = figure.colorbar(greys, ax=axes, location="bottom", shrink=0.6, aspect=30)
    bar.set_label("probability of the most probable class: the stronger the colour, the surer", fontsize=9)
    _add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5))
    return figure


def draw_predictions(target: Array, value: Array, *, name: str, about: str) -> Figure:
    """Predicted against true numbers, both `(n_rows,)`."""
    figure = _make_figure("Predicted against true: on the line is right", width=5.8, height=5.4)
    axes = _add_axes(figure, about, x=f"true {_name(name)}", y=f"predicted {_name(name)}")
    every = np.concatenate([target, value])
    margin = 0.04 * (np.ptp(every) or 1.0)
    ends = (every.min() - margin, every.max() + margin)
    axes.plot(ends, ends, color=BLACK, linewidth=1, label="predicted = true")
    axes.scatter(target, value, s=26, color=PARTS["held-out"], alpha=0.7, linewidths=0, label="held-out row")
    axes.set(xlim=ends, ylim=ends, aspect="equal")
    _add_legend(axes)
    return figure


def draw_line(points: Mapping[str, tuple[Array, Array]], line: tuple[Array, Array], **texts: str) -> Figure:
    """One feature, and what is predicted from it over what is true; `points` by part are feature and target."""
    figure = _make_figure("The line over the points: what it predicts, and what was", width=7.2)
    axes = _add_axes(figure, texts["about"], x=_name(texts["x"]), y=_name(texts["y"]))
    for part, (feature, target) in points.items():
        label = "held-out rows" if part == "held-out" else "training rows"
        axes.scatter(feature, target, s=24, color=PARTS[part], alpha=0.8, linewidths=0, label=label)
    axes.plot(*line, color=BLACK, linewidth=2, label="predicted")
    _add_legend(axes)
    return figure


def draw_tree(tree: Any, *, names: Sequence[str], classes: Sequence[str], about: str) -> Figure:
    """The first questions of one of scikit-learn's trees."""
    depth = min(tree.get_depth(), TREE_DEPTH)
    figure = _make_figure("The tree's questions: to the left where true", width=3 + 1.6 * 2**depth, height=2.4 + depth)
    axes = _add_axes(figure, "")
    words: dict[str, Any] = {
        "feature_names": [_name(each) for each in names],
        "class_names": [_name(each) for each in classes] or None,
    }
    look: dict[str, Any] = {"impurity": False, "filled": True, "rounded": True, "fontsize": 9}
    for node in plot_tree(tree, max_depth=TREE_DEPTH, ax=axes, **words, **look):
        counts = r"value = \[[^]]*\]\n" if classes else r"^$"
        text = re.sub(counts, "", node.get_text()).replace("samples = ", "training rows: ")
        node.set_text(text.replace("value = ", "mean: ").replace("class = ", "").replace("<=", "≤"))
        box = node.get_bbox_patch()
        if box is not None:  # the words beside the first arrows have none
            box.set_facecolor([0.5 + channel / 2 for channel in to_rgb(box.get_facecolor())])
    _style(axes, about)
    return figure


def draw_bars(shares: Array, names: Sequence[str], *, title: str, about: str, x: str) -> Figure:
    """The longest bars, `(n_names,)`, the longest above."""
    order = np.argsort(-shares, kind="stable")[: min(MOST_BARS, max(1, np.count_nonzero(shares > 0)))]
    figure = _make_figure(title, width=7.2, height=1.5 + 0.28 * len(order))
    left_out = len(shares) - len(order)
    axes = _add_axes(figure, about + (f"; {left_out} of less or none are not shown" if left_out else ""), x=x)
    axes.barh([_name(names[each]) for each in order], shares[order], color=BLUE, height=0.7)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    return figure


def draw_images(
    rows: Mapping[str, Array], *, title: str, about: str, above: Sequence[str] = (), span: tuple[float, float]
) -> Figure:
    """Rows of images `(n_images, height, width)`, each with its name before it; `above` are names of the columns."""
    n_columns = max(len(images) for images in rows.values())
    named = any(rows)
    longest = max(map(len, rows)) if named else 0
    width = max(5.6, 0.75 * n_columns + 0.09 * longest + 0.3)
    figure = _make_figure(title, width=width, height=0.9 + 0.78 * len(rows) + 0.2 * bool(above))
    figure.supxlabel(about, x=0.012, ha="left", fontsize=9, color="#555555")
    parts = figure.subplots(len(rows), n_columns, squeeze=False)
    for line, (name, images) in zip(parts, rows.items(), strict=True):
        for column, axes in enumerate(line):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if column < len(images):
                axes.imshow(images[column], cmap="gray", vmin=span[0], vmax=span[1], interpolation="nearest")
        line[0].set_ylabel(_name(name), rotation=0, ha="right", va="center", fontsize=9)
    for axes, text in zip(parts[0], above, strict=False):
        axes.set_title(_name(text), fontsize=9)
    return figure


def draw_heat(
    values: Array, *, title: str, about: str, scale: str, rows: Sequence[str] = (), columns: Sequence[str] = ()
) -> Figure:
    """Numbers `(n_rows, n_columns)` as colours: from white up or, where some are below 0, around white."""
    n_rows, n_columns = values.shape
    names = [_name(each) for each in columns]
    side = float(np.clip(11 / max(values.shape), 0.2, 0.55))
    height = n_rows * side + 1 + 0.08 * max(map(len, names), default=0)
    figure = _make_figure(title, width=max(6.0, n_columns * side + 2.4), height=max(3.6, height))
    axes = _add_axes(figure, about)
    axes.grid(visible=False)
    largest = float(np.abs(values).max()) or 1.0
    signed = bool((values < 0).any())
    image = axes.imshow(
        values,
        cmap="PuOr" if signed else SHADES,
        vmin=-largest if signed else 0,
        vmax=largest,
        aspect="auto" if columns else "equal",
    )
    axes.tick_params(length=0)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=9)
    axes.set_yticks(range(len(rows)), [_name(each) for each in rows], fontsize=9)
    figure.colorbar(image, ax=axes, label=scale, shrink=0.8)
    return figure


def draw_codes(codes: Array, target: Array, classes: Sequence[str], *, name: str, about: str) -> Figure:
    """The first two codes `(n_rows, 2)` in the plane, coloured by class or, without classes, by the target."""
    figure = _make_figure("The first two codes: alike rows lie near each other", width=7.2, height=5.4)
    axes = _add_axes(figure, about, x="first code", y="second code")
    if not classes:
        shown = axes.scatter(codes[:, 0], codes[:, 1], c=target, s=24, cmap="viridis", linewidths=0)
        figure.colorbar(shown, ax=axes, label=_name(name))
        return figure
    for each in np.unique(target):
        text = classes[each]
        is_short = len(text) <= SHORT and text.isascii() and text.isalnum()
        marker = f"${text}$" if is_short else MARKERS[each % len(MARKERS)]
        style: dict[str, Any] = {"s": 42 if is_short else 26, "marker": marker, "linewidths": 0.3 if is_short else 0}
        style |= {"color": PALETTE[each % len(PALETTE)], "label": _name(text)}
        axes.scatter(codes[target == each, 0], codes[target == each, 1], **style)
    if all(len(each) <= SHORT for each in classes):
        return figure
    n_columns = int(np.ceil(len(np.unique(target)) / 20))
    _add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5), ncols=n_columns)
    return figure


def draw_explained_variance(shares: Array, *, kept: int, about: str) -> Figure:
    """Cumulated shares of the variance `(n_components,)`, and how many components the model keeps."""
    figure = _make_figure("How much of the differences so many components keep", width=7.2)
    axes = _add_axes(figure, about, x="components", y="share of the variance of the training rows")
    numbers = np.arange(1, len(shares) + 1)
    axes.plot(numbers, shares, ".-" if len(shares) < 100 else "-", color=BLUE, label="kept by the first components")
    label = f"this model: {kept} of {len(shares)} keep {shares[kept - 1]:.1%}"
    axes.plot(kept, shares[kept - 1], "o", color=VERMILLION, markersize=9, label=label)
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _add_legend(axes)
    return figure


def _make_figure(title: str, *, width: float = 6.4, height: float = 4.6) -> Figure:
    """Sizes in inches."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold")
    return figure


def _widen(names: Iterable[str]) -> float:
    """Inches for axes with a legend of these names beside them."""
    return 6.6 + 0.075 * min(LONGEST_NAME, max(map(len, names)))


def _add_axes(figure: Figure, about: str, *, x: str = "", y: str = "") -> Axes:
    axes = figure.add_subplot()
    _style(axes, about, x=x, y=y)
    return axes


def _style(axes: Axes, about: str, *, x: str = "", y: str = "") -> None:
    axes.set_title(about, loc="left", fontsize=9, color="#555555")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E4E4E4", linewidth=0.7)
    axes.set_axisbelow(True)


def _add_legend(axes: Axes, **place: Any) -> None:
    """Below the axes or, where a place is given, there."""
    if place:
        axes.legend(fontsize=9, frameon=False, **place)
        return
    handles, labels = axes.get_legend_handles_labels()
    assert isinstance(axes.figure, Figure)
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False)


def _name(text: str) -> str:
    """A person's name for something, cut where it is long; matplotlib takes $ for mathematics, and hides _names."""
    short = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    return ("\u2009" if short.startswith("_") else "") + short.replace("$", r"\$")
