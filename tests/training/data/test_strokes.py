"""Strokes of a pen become the greys of an image of the data set's kind."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import drawings
from training.data import strokes


def test_a_bar_is_as_high_as_the_grid_and_in_its_middle() -> None:
    """A vertical bar, wherever and however large, darkens the two middle columns from top to bottom."""
    bar = np.array([[130.0, 40.0], [130.0, 95.0]])
    greys = strokes.fit_strokes([bar], pen=0.25).reshape(8, 8)

    assert (greys[1:-1, 3:5] == 16).all()
    assert (greys[[0, -1], 3:5] > 8).all()
    assert not greys[:, [0, 1, 2, 5, 6, 7]].any()


def test_a_wide_drawing_is_squeezed_and_its_height_kept() -> None:
    """A drawing that is wider than the limit fills the height of the grid, and no more than the limit across."""
    ring = np.array([[0.0, 0.0], [200.0, 0.0], [200.0, 100.0], [0.0, 100.0], [0, 0]])
    greys = strokes.fit_strokes([ring], pen=0.125, max_width=0.5).reshape(8, 8)

    assert greys[0].any()
    assert greys[-1].any()
    assert list(np.flatnonzero(greys.any(axis=0))) == [2, 3, 4, 5]


def test_place_and_size_on_the_pad_do_not_count() -> None:
    """Strokes elsewhere on the pad, twice as large, give equal greys."""
    drawn, _ = drawings.draw_digits(10, seed=3)
    for each in drawn:
        moved = [2 * stroke + np.array([40, -30]) for stroke in each]
        assert np.array_equal(strokes.fit_strokes(each), strokes.fit_strokes(moved))


@pytest.mark.parametrize("points", [[[5.0, 5.0]], [[0.0, 5.0], [90.0, 5.0]]])
def test_a_dot_and_a_dash_are_images_too(points: list[list[float]]) -> None:
    """A dot and a level dash give whole greys from 0 to 16, and some ink."""
    greys = strokes.fit_strokes([np.array(points)])

    assert greys.shape == (64,)
    assert greys.max() > 0
    assert set(greys) <= set(range(17))


def test_drawings_are_all_digits_in_turn_and_the_same_for_a_seed() -> None:
    """Each digit is drawn as often as is asked for, none like another, and equally for one seed."""
    greys, target = strokes.draw_digits(3, seed=1)
    strokes.draw_digits.cache_clear()
    again, _ = strokes.draw_digits(3, seed=1)

    assert np.array_equal(np.bincount(target), [3] * 10)
    assert len(np.unique(greys, axis=0)) == 30
    assert np.array_equal(greys, again)


def test_a_curve_keeps_its_ends_and_corners() -> None:
    """A corner that is given twice stays near, one that is given once is cut off, and both ends stay."""
    twice = strokes.round_corners(np.array([[0, 0], [1, 0], [1, 0], [1, 1]], float))
    once = strokes.round_corners(np.array([[0, 0], [1, 0], [1, 1]], float))

    corner = np.array([1.0, 0.0])
    assert np.linalg.norm(twice - corner, axis=1).min() < 0.07
    assert np.linalg.norm(once - corner, axis=1).min() > 0.15
    assert np.array_equal(once[[0, -1]], [[0, 0], [1, 1]])
