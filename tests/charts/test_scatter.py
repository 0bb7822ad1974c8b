"""Names beside points."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text

from charts.canvas import PX_PER_INCH, apply_style, make_inline_figure
from charts.scales import set_linear
from charts.scatter import LINE_PX, PT_PER_PX, add_labels


def label(points: list[tuple[float, float]], names: list[str]) -> Axes:
    with apply_style():
        figure, axes = make_inline_figure(width_px=440, height_px=320)
        set_linear(axes, "x", 0.0, 1.0)
        set_linear(axes, "y", 0.0, 1.0)
        add_labels(axes, list(zip(points, names, strict=True)))
        figure.canvas.draw()
    return axes


def find_texts(axes: Axes) -> list[Annotation]:
    return [each for each in axes.texts if isinstance(each, Annotation)]


def test_names_beside_points_do_not_lie_on_one_another() -> None:
    """Three names at one place get places of their own: on the two sides, or a line of text apart."""
    texts = find_texts(label([(0.5, 0.5)] * 3, ["first", "second", "third"]))
    for one, other in combinations(texts, 2):
        apart = abs(one.xyann[1] - other.xyann[1]) / PT_PER_PX
        is_beside = one.get_horizontalalignment() != other.get_horizontalalignment()
        assert is_beside or apart >= LINE_PX


@pytest.mark.parametrize("seed", range(3))
def test_many_names_find_their_places(seed: int) -> None:
    """No two names of twelve crowded points overlap, as matplotlib measures them, and all lie in the picture."""
    generator = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in generator.normal(0.7, 0.12, (12, 2))]
    axes = label(points, [f"model_{number}" for number in range(12)])
    boxes = [Text.get_window_extent(each) for each in find_texts(axes)]
    for one, other in combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(across, up) <= 1

    whole = axes.figure.bbox
    assert all(box.x0 >= 0 and box.x1 <= whole.x1 for box in boxes)


def test_a_long_name_in_the_middle_lies_above_or_below_its_point() -> None:
    """A name that fits on neither side of its point is moved, not cut."""
    (text,) = find_texts(label([(0.5, 0.5)], ["a_name_that_is_as_long_as_any"]))
    assert abs(text.xyann[1]) / PT_PER_PX >= LINE_PX
    box = text.get_window_extent()
    assert box.x0 >= 64 / PX_PER_INCH * text.axes.figure.dpi  # type: ignore[union-attr]  # is drawn
