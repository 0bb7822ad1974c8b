"""The one look of all pictures, without pyplot and its global state.

The colours are those of Okabe and Ito, which people of any colour vision tell apart (Wong, Nature Methods 8, 2011).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]

DOTS_PER_INCH = 120
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, BLACK, GREY = "#56B4E9", "#CC79A7", "#000000", "#8C8C8C"
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PARTS = {"train": ORANGE, "validation": PURPLE, "held-out": BLUE, "folds": GREEN}
SHADES = LinearSegmentedColormap.from_list("shades", ["white", BLUE])

ERRORS = (
    "log_loss",
    "brier",
    "ece",
    "rmse",
    "mae",
    "mean_squared_distance",
    "mean_squared_error",
)
"""Metrics of which less is better."""
TITLES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "roc_auc": "ROC AUC",
    "ece": "ECE",
    "macro_f1": "macro F1",
}

MOST_CURVES = 8
MOST_COUNTS = 30
"""Classes up to which a matrix still has room for its numbers."""
MOST_BARS = 15
TREE_DEPTH = 3
LONGEST_NAME = 30
SHORT = 2
"""Letters of a class name up to which it serves as its own marker."""


def make_figure(title: str, *, width: float = 6.4, height: float = 4.6) -> Figure:
    """Sizes in inches."""
    figure = Figure(
        figsize=(width, height),
        dpi=DOTS_PER_INCH,
        layout="constrained",
        facecolor="white",
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold")

    return figure


def widen(names: Iterable[str]) -> float:
    """Inches for axes with a legend of these names beside them."""
    return 6.6 + 0.075 * min(LONGEST_NAME, max(map(len, names)))


def add_axes(figure: Figure, about: str, *, x: str = "", y: str = "") -> Axes:
    axes = figure.add_subplot()
    style_axes(axes, about, x=x, y=y)
    return axes


def style_axes(axes: Axes, about: str, *, x: str = "", y: str = "") -> None:
    axes.set_title(about, loc="left", fontsize=9, color="#555555")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E4E4E4", linewidth=0.7)
    axes.set_axisbelow(True)


def add_legend(axes: Axes, **place: Any) -> None:
    """Below the axes or, where a place is given, there."""
    if place:
        axes.legend(fontsize=9, frameon=False, **place)
        return

    handles, labels = axes.get_legend_handles_labels()
    assert isinstance(axes.figure, Figure)
    axes.figure.legend(
        handles, labels, loc="outside lower center", ncols=3, fontsize=9, frameon=False
    )


def shorten(text: str) -> str:
    """A person's name for something, cut where it is long; matplotlib takes $ for mathematics, and hides _names."""
    short = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    return ("\u2009" if short.startswith("_") else "") + short.replace("$", r"\$")
