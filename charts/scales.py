"""This module makes the scales of axes: round ticks, numbers written on them, and values kept within them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from charts.canvas import Array, shorten

Which = Literal["x", "y"]

MAX_STEPS = 5
FEW_DECADES = 2
WIDE = 30
"""From how many times its least value on a logarithmic axis shows more."""


def span(
    values: Sequence[float], *, log: bool = False, room: float = 0.1
) -> tuple[float, float]:
    """Returns ends of an axis that hold all values, with some room beside them."""
    low = min(values)
    high = max(values)
    if log:
        factor = max(high / low, 2.0) ** room
        return low / factor, high * factor

    apart = max(high - low, 0.01)

    return low - room * apart, high + room * apart


def write_number(value: float) -> str:
    """Returns a number as an axis shows it: large ones with `k` and `M`."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    if value >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.4g}"


def write_percent(share: float) -> str:
    """Returns a share as `12.5 %`."""
    return f"{100 * share:.4g} %"


def set_linear(
    axes: Axes, which: Which, low: float, high: float, *, percent: bool = False
) -> None:
    """Sets the ends of an axis, with three to seven round ticks."""
    axes.set(**{f"{which}lim": (low, high)})

    axis = _choose_axis(axes, which)
    locator = MaxNLocator(nbins=MAX_STEPS, steps=[1, 2, 2.5, 5, 10])
    write = write_percent if percent else write_number
    axis.set_major_locator(locator)
    axis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def set_log(axes: Axes, which: Which, low: float, high: float) -> None:
    """Sets the ends of an axis in powers of ten, both above 0; where those are few, 2 and 5 times them have ticks."""
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})

    axis = _choose_axis(axes, which)
    axis.set_major_locator(FixedLocator(_list_log_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: write_number(value)))


def _list_log_ticks(low: float, high: float) -> list[float]:
    """Returns the powers of ten from one value to another, with 2 and 5 times them where they are few."""
    first = math.floor(math.log10(low))
    last = math.ceil(math.log10(high))
    factors = (1, 2, 5) if last - first <= FEW_DECADES else (1,)
    ticks = []

    for power in range(first, last + 1):
        ticks += [factor * 10.0**power for factor in factors]

    return [each for each in ticks if low <= each <= high]


def set_log_if_wide(axes: Axes, which: Which, values: Array) -> None:
    """Makes an axis logarithmic where its values are all above 0 and some of another order than others."""
    least = np.nanmin(values)
    greatest = np.nanmax(values)
    if least > 0 and greatest > WIDE * least:
        axes.set(**{f"{which}scale": "log"})


def set_rows(axes: Axes, names: Sequence[str]) -> None:
    """Names the rows 0, 1, ... of the vertical axis, the first above; lines of a grid then part nothing."""
    axes.set_yticks(range(len(names)), [shorten(each) for each in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)


def set_integers(axes: Axes, which: Which) -> None:
    """Puts ticks at whole numbers alone."""
    _choose_axis(axes, which).set_major_locator(MaxNLocator(integer=True))


def clip_to_axes(axes: Axes, x: Array, y: Array) -> tuple[Array, Array]:
    """Returns values beyond an axis whose ends are set at its end; an axis that follows its values holds them all."""
    if not axes.get_autoscalex_on():
        left, right = sorted(axes.get_xlim())
        x = np.clip(x, left, right)
    if not axes.get_autoscaley_on():
        bottom, top = sorted(axes.get_ylim())
        y = np.clip(y, bottom, top)

    return x, y


def _choose_axis(axes: Axes, which: Which) -> Axis:
    return axes.xaxis if which == "x" else axes.yaxis
