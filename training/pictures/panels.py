"""This module draws matrices, planes, trees and images: arrays go in, a figure comes out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.tree import plot_tree

from charts.canvas import (
    FONT_PT,
    Array,
    add_axes,
    add_legend,
    make_figure,
    shorten,
    style_axes,
    widen,
)
from charts.heatmap import MatrixTexts, add_heat, add_matrix, add_share_bar
from charts.palette import GROUND, QUIET, TEXT, style_series

TREE_DEPTH = 3
MAX_MARKER_CHARS = 2
"""Letters of a class name up to which it serves as its own marker."""


def draw_matrix(
    counts: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    title: str,
    about: str,
    x: str,
    y: str,
    has_diagonal: bool,
) -> Figure:
    """Draws counts `(n_rows, n_columns)`, shaded by their share of the row; what is beside a diagonal is wrong."""
    n_rows, n_columns = counts.shape
    side = float(np.clip(9 / max(counts.shape), 0.13, 0.62))
    size = min(9.5, side * 32)
    lengths = [
        max(len(shorten(each)) for each in part) * size * 0.0085
        for part in (rows, columns)
    ]
    width = max(6.0, n_columns * side + lengths[0] + 2)
    is_upright = lengths[1] > (width - lengths[0] - 2) / n_columns
    height = max(3.2, n_rows * side + 1.3 + (lengths[1] if is_upright else 0.2))
    figure = make_figure(title, width=width, height=height)
    axes = add_axes(figure, about, x=x, y=y)
    texts = MatrixTexts(names_pt=size, counts_pt=size, is_upright=is_upright)
    add_matrix(axes, counts, rows, columns, texts=texts, has_diagonal=has_diagonal)
    add_share_bar(figure, axes, "share of the row")

    return figure


def draw_boundary(
    grid: tuple[Array, Array, Array],
    points: Mapping[str, tuple[Array, Array]],
    names: Sequence[str],
    *,
    about: str,
    x: str,
    y: str,
) -> Figure:
    """Draws regions of the plane by class.

    `grid` is x `(n_x,)`, y `(n_y,)` and probabilities `(n_y, n_x, n_classes)`; `points` by part are features
    `(n_rows, 2)` and target.
    """
    horizontal, vertical, probabilities = grid
    title = "Where it sees which class, and how sure it is"
    figure = make_figure(title, width=widen(names), height=5.2)
    axes = add_axes(figure, f"{about} (large)", x=shorten(x), y=shorten(y))
    axes.grid(visible=False)
    left, right = horizontal[0], horizontal[-1]
    bottom, top = vertical[0], vertical[-1]
    axes.imshow(
        _shade_classes(probabilities),
        origin="lower",
        extent=(left, right, bottom, top),
        aspect="auto",
        interpolation="nearest",
    )

    for part, (features, target) in points.items():
        _scatter_classes(axes, features, target, names, is_held_out=part == "held-out")

    axes.set(xlim=(left, right), ylim=(bottom, top))
    sureness = (
        "probability of the most probable class: the stronger the colour, the surer"
    )
    add_share_bar(figure, axes, sureness, lowest=1 / len(names), below=True)
    add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5))

    return figure


def _shade_classes(probabilities: Array) -> Array:
    """Returns colours `(n_y, n_x, 3)` of the most probable class, the stronger the surer it is."""
    n_classes = probabilities.shape[2]
    chance = 1 / n_classes
    sureness = (probabilities.max(axis=2) - chance) / (1 - chance)
    strength = 0.1 + 0.5 * np.clip(sureness, 0, 1)[..., None]
    colours = np.array([to_rgb(style_series(each).colour) for each in range(n_classes)])
    shades: Array = 1 - strength * (1 - colours[probabilities.argmax(axis=2)])

    return shades


def _scatter_classes(
    axes: Axes,
    features: Array,
    target: Array,
    names: Sequence[str],
    *,
    is_held_out: bool,
) -> None:
    """Draws the points of each class; held-out ones are large and stand in the legend."""
    for each in np.unique(target):
        chosen = features[target == each]
        look = style_series(each)
        axes.scatter(
            chosen[:, 0],
            chosen[:, 1],
            label=shorten(names[each]) if is_held_out else None,
            marker=look.marker,
            linewidths=0.9,
            color=look.colour,
            edgecolors=TEXT if is_held_out else GROUND,
            s=42 if is_held_out else 16,
        )


def draw_tree(
    tree: Any, *, names: Sequence[str], classes: Sequence[str], about: str
) -> Figure:
    """Draws the first questions of one of scikit-learn's trees."""
    depth = min(tree.get_depth(), TREE_DEPTH)
    figure = make_figure(
        "The tree's questions: to the left where true",
        width=3 + 1.6 * 2**depth,
        height=2.4 + depth,
    )
    axes = add_axes(figure, "")
    nodes = plot_tree(
        tree,
        max_depth=TREE_DEPTH,
        ax=axes,
        feature_names=[shorten(each) for each in names],
        class_names=[shorten(each) for each in classes] or None,
        impurity=False,
        filled=True,
        rounded=True,
        fontsize=FONT_PT,
    )

    for node in nodes:
        node.set_text(_reword_node(node.get_text(), has_classes=bool(classes)))
        box = node.get_bbox_patch()
        if box is not None:  # the words beside the first arrows have none
            channels = to_rgb(box.get_facecolor())
            box.set_facecolor([0.5 + channel / 2 for channel in channels])

    style_axes(axes, about)

    return figure


def _reword_node(text: str, *, has_classes: bool) -> str:
    """Returns a node's text in words, without the counts of classes."""
    if has_classes:
        text = re.sub(r"value = \[[^]]*\]\n", "", text)

    text = text.replace("samples = ", "training rows: ")
    text = text.replace("value = ", "mean: ")
    text = text.replace("class = ", "")

    return text.replace("<=", "≤")


def draw_images(
    rows: Mapping[str, Array],
    *,
    title: str,
    about: str,
    above: Sequence[str] = (),
    span: tuple[float, float],
) -> Figure:
    """Draws rows of images `(n_images, height, width)`, each with its name before it; `above` names the columns."""
    n_columns = max(len(images) for images in rows.values())
    named = any(rows)
    longest = max(map(len, rows)) if named else 0
    width = max(5.6, 0.75 * n_columns + 0.09 * longest + 0.3)
    figure = make_figure(
        title, width=width, height=0.9 + 0.78 * len(rows) + 0.2 * bool(above)
    )
    figure.supxlabel(about, x=0.012, ha="left", fontsize=FONT_PT, color=QUIET)
    parts = figure.subplots(len(rows), n_columns, squeeze=False)

    for line, (name, images) in zip(parts, rows.items(), strict=True):
        for column, axes in enumerate(line):
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
            if column < len(images):
                axes.imshow(
                    images[column],
                    cmap="gray",
                    vmin=span[0],
                    vmax=span[1],
                    interpolation="nearest",
                )
        line[0].set_ylabel(
            shorten(name), rotation=0, ha="right", va="center", fontsize=FONT_PT
        )

    for axes, text in zip(parts[0], above, strict=False):
        axes.set_title(shorten(text), fontsize=FONT_PT)

    return figure


def draw_heat(
    values: Array,
    *,
    title: str,
    about: str,
    scale: str,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Figure:
    """Draws numbers `(n_rows, n_columns)` as colours: from white up or, where some are below 0, around white."""
    n_rows, n_columns = values.shape
    names = [shorten(each) for each in columns]
    side = float(np.clip(11 / max(values.shape), 0.2, 0.55))
    height = n_rows * side + 1 + 0.08 * max(map(len, names), default=0)
    figure = make_figure(
        title, width=max(6.0, n_columns * side + 2.4), height=max(3.6, height)
    )
    axes = add_axes(figure, about)
    add_heat(figure, axes, values, rows=rows, columns=columns, scale=scale)

    return figure


def draw_codes(
    codes: Array, target: Array, classes: Sequence[str], *, name: str, about: str
) -> Figure:
    """Draws the first two codes `(n_rows, 2)` in the plane, coloured by class or, without classes, by the target."""
    figure = make_figure(
        "The first two codes: alike rows lie near each other", width=7.2, height=5.4
    )
    axes = add_axes(figure, about, x="first code", y="second code")
    if not classes:
        shown = axes.scatter(
            codes[:, 0], codes[:, 1], c=target, s=24, cmap="viridis", linewidths=0
        )
        figure.colorbar(shown, ax=axes, label=shorten(name))
        return figure

    for each in np.unique(target):
        text = classes[each]
        look = style_series(each)
        is_short = _serves_as_marker(text)
        axes.scatter(
            codes[target == each, 0],
            codes[target == each, 1],
            s=42 if is_short else 26,
            marker=f"${text}$" if is_short else look.marker,
            linewidths=0.3 if is_short else 0,
            color=look.colour,
            label=shorten(text),
        )

    if all(map(_serves_as_marker, classes)):
        return figure

    n_columns = int(np.ceil(len(np.unique(target)) / 20))
    add_legend(axes, loc="center left", bbox_to_anchor=(1.02, 0.5), ncols=n_columns)

    return figure


def _serves_as_marker(name: str) -> bool:
    return len(name) <= MAX_MARKER_CHARS and name.isascii() and name.isalnum()
