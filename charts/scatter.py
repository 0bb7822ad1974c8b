"""This module draws points, the steps that join the best of them, and names that do not lie on one another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from charts.canvas import PX_PER_INCH, Array, measure_text, shorten
from charts.palette import GROUND, QUIET, SeriesStyle
from charts.svg import add_halo, add_tip

Point = tuple[float, float]

LINE_PX = 14
"""Height of a line of text."""
BESIDE_PX = 9
"""From the middle of a point to its name."""
POINT_PX = 5
MAX_STEPS = 24
PT_PER_PX = 0.75


def add_points(
    axes: Axes, x: Array, y: Array, *, colour: str, size: float = 24, **style: Any
) -> None:
    """Adds a cloud of points; where many lie, they are darker."""
    axes.scatter(x, y, s=size, color=colour, linewidths=0, **style)


def add_point(
    axes: Axes,
    at: Point,
    *,
    look: SeriesStyle,
    tip: str,
    size: float = 6,
    is_filled: bool = True,
) -> None:
    """Adds one point of a series, filled or as a ring."""
    (drawn,) = axes.plot(
        [at[0]],
        [at[1]],
        marker=look.marker,
        linestyle="none",
        markersize=size,
        markerfacecolor=look.colour if is_filled else GROUND,
        markeredgecolor=look.colour,
        markeredgewidth=1.4,
        zorder=3,
    )
    add_tip(drawn, tip)


def add_steps(axes: Axes, points: Sequence[Point]) -> None:
    """Joins points by steps that go right, then up, and on to the edge."""
    x, y = zip(*sorted(points), strict=True)
    axes.plot(
        (*x, axes.get_xlim()[1]),
        (*y, y[-1]),
        drawstyle="steps-post",
        color=QUIET,
        linewidth=1.1,
        linestyle=":",
    )


@dataclass(frozen=True, kw_only=True)
class Box:
    """A Box is a place in pixels that is taken; `anchor` is the end of a text that stays where it is."""

    left: float
    right: float
    middle: float
    height: float = LINE_PX
    anchor: str = "center"

    def overlaps(self, other: Box) -> bool:
        apart = abs(self.middle - other.middle)
        return (
            apart < (self.height + other.height) / 2
            and self.left < other.right
            and other.left < self.right
        )

    def lies_in(self, area: Box) -> bool:
        within = abs(self.middle - area.middle) <= (area.height - self.height) / 2
        return within and area.left <= self.left and self.right <= area.right


def add_labels(axes: Axes, labels: Sequence[tuple[Point, str]]) -> None:
    """Adds a name beside each point, or above or below it, where it lies on no other name and on no point."""
    area = _find_area(axes)
    places = [_find_place(axes, point) for point, _ in labels]
    taken = [
        Box(left=x - POINT_PX, right=x + POINT_PX, middle=y, height=2 * POINT_PX)
        for x, y in places
    ]

    for place, (point, text) in sorted(zip(places, labels, strict=True)):
        name = shorten(text)
        boxes = list(_propose(*place, measure_text(name), area))
        inside = [each for each in boxes if each.lies_in(area)] or boxes
        box = _choose_free(inside, taken)
        taken.append(box)
        _write_label(axes, point, name, place=place, box=box)


def _choose_free(boxes: Sequence[Box], taken: Sequence[Box]) -> Box:
    """Returns the first box that overlaps none of those that are taken, the last one where each does."""
    for box in boxes:
        if not any(box.overlaps(other) for other in taken):
            return box

    return boxes[-1]


def _write_label(
    axes: Axes, point: Point, name: str, *, place: Point, box: Box
) -> None:
    """Writes a name into its box, joined to its point by a line where it is far from it."""
    x, y = place
    ends = {"left": box.left, "right": box.right, "center": (box.left + box.right) / 2}
    shift = box.middle - y
    line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.6}
    text = axes.annotate(
        name,
        point,
        xytext=((ends[box.anchor] - x) * PT_PER_PX, shift * PT_PER_PX),
        textcoords="offset points",
        ha=box.anchor,
        va="center_baseline",
        zorder=4,
        arrowprops=line if abs(shift) > LINE_PX * 1.5 else None,
    )
    add_halo(text)


def _propose(x: float, y: float, width: float, area: Box) -> Iterator[Box]:
    """Yields places for a name of this width, the nearest first, and the right side before the left."""
    start = max(area.left, min(x - width / 2, area.right - width))
    beside = (
        (x + BESIDE_PX, "left", 0.0),
        (x - BESIDE_PX - width, "right", 0.0),
        (start, "center", LINE_PX),
    )
    for step in range(MAX_STEPS):
        for shift in dict.fromkeys((step, -step)):
            for left, anchor, least in beside:
                apart = shift * LINE_PX / 2
                if abs(apart) >= least:
                    yield Box(
                        left=left, right=left + width, middle=y + apart, anchor=anchor
                    )


def _find_area(axes: Axes) -> Box:
    """Returns where names may lie: above the horizontal axis, right of the vertical one, and up to the edges."""
    scale = PX_PER_INCH / axes.figure.dpi
    whole = axes.figure.bbox
    left, bottom = (float(each) * scale for each in (axes.bbox.x0, axes.bbox.y0))
    width, height = (float(each) * scale for each in (whole.width, whole.height))
    return Box(
        left=left + 2,
        right=width - 2,
        middle=(bottom + height) / 2,
        height=height - bottom,
    )


def _find_place(axes: Axes, point: Point) -> Point:
    """Returns where a point lies in pixels of the picture, from its left and its lower edge."""
    scale = PX_PER_INCH / axes.figure.dpi
    x, y = axes.transData.transform(point) * scale
    return float(x), float(y)
