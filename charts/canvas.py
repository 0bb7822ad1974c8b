"""All figures and axes are made here, without pyplot and its global state, with the same fonts, sizes and lines."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from charts.palette import GROUND, LINE, QUIET, TEXT

Array = NDArray[Any]

DOTS_PER_INCH = 120
PX_PER_INCH = 96
"""A browser's pixels, at which an inline figure is shown at its own size."""
Y_NAME_PX = 16
"""From an inline figure's left edge to the foot of its vertical axis's name, however long the texts of ticks are."""
TITLE_PT = 12
FONT_PT = 9
"""Of all texts but titles; 12 px in a browser."""
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": FONT_PT,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": QUIET,
    "axes.labelsize": FONT_PT,
    "legend.fontsize": FONT_PT,
    "lines.linewidth": 1.6,
    "text.color": TEXT,
    "xtick.color": QUIET,
    "xtick.labelsize": FONT_PT,
    "ytick.color": QUIET,
    "ytick.labelsize": FONT_PT,
    "svg.fonttype": "none",  # texts stay texts: small, found by a search, and in the page's own font
    "svg.hashsalt": "charts",
}
MAX_NAME_CHARS = 30
CHAR_EMS = 0.6
"""A letter's width as a share of the font's size; a wide one of East Asia takes the whole."""
NO_SIGN = re.compile("[^ -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML cannot hold these, not even escaped: signs of control, and halves of signs."""


@contextmanager
def apply_style() -> Iterator[None]:
    """All that is drawn and saved within has the look of the kit, whatever a person's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def make_figure(title: str, *, width: float = 6.4, height: float = 4.6) -> Figure:
    """Returns a picture of its own, with its title; sizes are in inches."""
    figure = Figure(
        figsize=(width, height),
        dpi=DOTS_PER_INCH,
        layout="constrained",
        facecolor=GROUND,
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=TITLE_PT, fontweight="bold")

    return figure


def make_inline_figure(
    *,
    width_px: float,
    height_px: float,
    left_px: float = 72,
    right_px: float = 22,
    top_px: float = 12,
    bottom_px: float = 44,
    x: str = "",
    y: str = "",
) -> tuple[Figure, Axes]:
    """Returns a figure for `write_svg` and its axes, which take what the margins leave; the page says what it is."""
    figure = Figure(figsize=(width_px / PX_PER_INCH, height_px / PX_PER_INCH))
    FigureCanvasAgg(figure)
    figure.patch.set_visible(False)
    axes = figure.add_axes(
        (
            left_px / width_px,
            bottom_px / height_px,
            (width_px - left_px - right_px) / width_px,
            (height_px - top_px - bottom_px) / height_px,
        )
    )
    style_axes(axes, "", x=x, y=y)
    axes.patch.set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.tick_params(axis="x", pad=6)
    plot_px = width_px - left_px - right_px
    axes.yaxis.set_label_coords((Y_NAME_PX - left_px) / plot_px, 0.5)

    return figure, axes


def widen(names: Iterable[str]) -> float:
    """Returns inches for axes with a legend of these names beside them."""
    return 6.6 + 0.075 * min(MAX_NAME_CHARS, max(map(len, names)))


def add_axes(figure: Figure, about: str, *, x: str = "", y: str = "") -> Axes:
    axes = figure.add_subplot()
    style_axes(axes, about, x=x, y=y)
    return axes


def style_axes(axes: Axes, about: str, *, x: str = "", y: str = "") -> None:
    axes.set_title(about, loc="left", fontsize=FONT_PT, color=QUIET)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=LINE, linewidth=0.7)
    axes.set_axisbelow(True)


def add_legend(axes: Axes, **place: Any) -> None:
    """Adds a legend, each label once, below the axes or, where a place is given, there."""
    if place:
        handles, labels = _find_labels(axes)
        axes.legend(handles, labels, frameon=False, **place)
        return

    assert isinstance(axes.figure, Figure)
    add_figure_legend(axes.figure, axes)


def add_figure_legend(figure: Figure, axes: Axes) -> None:
    """Adds the legend of these axes, each label once, below all axes of the figure."""
    handles, labels = _find_labels(axes)
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)


def _find_labels(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    return list(found.values()), list(found)


def save_png(figure: Figure, path: Path) -> None:
    """Writes a picture whose bytes follow from what it shows and from matplotlib alone."""
    _lay_out(figure)
    figure.savefig(path, format="png", metadata={"Software": None})


def _lay_out(figure: Figure) -> None:
    """Gives the axes their places, which stay; `savefig` draws a picture that has none yet a second time for them."""
    engine = figure.get_layout_engine()
    if engine is None or not figure.axes:
        return

    engine.execute(figure)
    figure.set_layout_engine(None)


def clean(text: str) -> str:
    """Returns a text as one line that XML can hold; what it cannot hold is shown as a sign of its own."""
    return NO_SIGN.sub("\ufffd", " ".join(text.split()))


def shorten(text: str, *, max_chars: int = MAX_NAME_CHARS) -> str:
    """Returns a person's name for something as matplotlib takes it literally, cut where it is long.

    matplotlib takes $ for mathematics, and hides _names.
    """
    line = clean(text)
    short = line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"

    return ("\u2009" if short.startswith("_") else "") + short.replace("$", r"\$")


def measure_text(text: str, *, size_px: float = 12) -> float:
    """Returns about how many pixels a text takes in whatever font a browser shows it."""
    return size_px * sum(
        1.0 if unicodedata.east_asian_width(each) in "WF" else CHAR_EMS for each in text
    )
