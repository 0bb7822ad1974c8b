"""This module draws heat maps: counts shaded by their share of the row, and numbers as colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb, to_rgba
from matplotlib.figure import Figure

from charts.canvas import Array, shorten
from charts.palette import BLUE, GREY, GROUND, TEXT, VERMILLION
from charts.scales import write_percent

MAX_COUNTED = 30
"""Classes up to which a matrix still has room for its numbers."""
DARK = 0.55
"""Share from which a cell's number is written in the colour of the ground."""
SHADES = LinearSegmentedColormap.from_list("shades", [GROUND, BLUE])
GREYS = LinearSegmentedColormap.from_list("greys", [GROUND, GREY])
SIGNED = "PuOr"
LONG_COUNT = 10_000
EMPTY = 0.06
"""Opacity of a cell without a count."""


@dataclass(frozen=True, kw_only=True)
class MatrixTexts:
    """Sizes of a matrix's texts in points, and whether the names of its columns stand upright."""

    names_pt: float
    counts_pt: float
    is_upright: bool


def add_matrix(
    axes: Axes,
    counts: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    texts: MatrixTexts,
    has_diagonal: bool,
) -> None:
    """Adds counts `(n_rows, n_columns)`; with a diagonal, what lies beside it is wrong and has another colour."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    n_rows, n_columns = counts.shape
    colours = np.full(counts.shape, BLUE)
    if has_diagonal:
        colours[~np.eye(n_rows, dtype=bool)] = VERMILLION

    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    if max(counts.shape) <= MAX_COUNTED:
        _add_cells(axes, counts, shares, colours, size=texts.counts_pt)
    else:
        _add_image(axes, shares, colours)

    axes.set(xlim=(-0.5, n_columns - 0.5), ylim=(n_rows - 0.5, -0.5))
    turn = 90 if texts.is_upright else 0
    names_pt = texts.names_pt
    axes.set_yticks(range(n_rows), [shorten(each) for each in rows], fontsize=names_pt)
    axes.set_xticks(
        range(n_columns),
        [shorten(each) for each in columns],
        fontsize=names_pt,
        rotation=turn,
    )
    axes.tick_params(length=0, labelcolor=TEXT)


def _add_cells(
    axes: Axes, counts: Array, shares: Array, colours: Array, *, size: float
) -> None:
    """Adds a cell each, and its count but where this is zero; the opacity is the share, on whatever ground."""
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    rows, columns = np.indices(counts.shape)
    places = np.stack([columns.ravel(), rows.ravel()], axis=1)
    inks = [
        to_rgba(colour, round(float(share), 3)) if count else to_rgba(GREY, EMPTY)
        for colour, share, count in zip(
            colours.ravel(), shares.ravel(), counts.ravel(), strict=True
        )
    ]
    axes.add_collection(
        PolyCollection(
            places[:, None] + corners,
            facecolors=inks,
            edgecolors=GROUND,
            linewidths=1.5,
            clip_on=False,
        ),
        autolim=False,
    )

    for row, column in np.argwhere(counts > 0):
        count = int(counts[row, column])
        axes.text(
            column,
            row,
            f"{count}",
            ha="center",
            va="center_baseline",
            fontsize=size * (0.8 if count >= LONG_COUNT else 1),
            color=GROUND if shares[row, column] > DARK else TEXT,
        )


def _add_image(axes: Axes, shares: Array, colours: Array) -> None:
    """Adds the cells as pixels, which are too many to be drawn one by one."""
    inks = np.array([[to_rgb(each) for each in line] for line in colours])
    axes.imshow(
        1 - shares[..., None] * (1 - inks), aspect="auto", interpolation="nearest"
    )


def add_share_bar(
    figure: Figure,
    axes: Axes,
    label: str,
    *,
    lowest: float = 0.0,
    below: bool = False,
) -> None:
    """Says beside or below the axes that a colour is the stronger, the larger the share is."""
    greys = ScalarMappable(Normalize(lowest, 1), GREYS)
    place = {"location": "bottom", "aspect": 30} if below else {"location": "right"}
    figure.colorbar(
        greys,
        ax=axes,
        label=label,
        shrink=0.6 if below else 0.8,
        format=lambda share, _: write_percent(share),
        **place,
    )


def add_heat(
    figure: Figure,
    axes: Axes,
    values: Array,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    scale: str,
) -> None:
    """Adds numbers `(n_rows, n_columns)`: from white up or, where some are below 0, around white."""
    axes.grid(visible=False)
    largest = float(np.abs(values).max()) or 1.0
    signed = bool((values < 0).any())
    image = axes.imshow(
        values,
        cmap=SIGNED if signed else SHADES,
        vmin=-largest if signed else 0,
        vmax=largest,
        aspect="auto" if columns else "equal",
    )
    axes.tick_params(length=0)
    axes.set_xticks(
        range(len(columns)), [shorten(each) for each in columns], rotation=90
    )
    axes.set_yticks(range(len(rows)), [shorten(each) for each in rows])
    figure.colorbar(image, ax=axes, label=scale, shrink=0.8)
