"""The nearest value at which the class changes is found, and where there is none that is said."""

from __future__ import annotations

import numpy as np
import pytest

from model_card import Feature
from service.calls.explaining.flips import count_evaluations, find_flips

FEATURES = (
    Feature(name="x", type="number", range=(0.0, 10.0)),
    Feature(name="y", type="number", range=(0.0, 10.0)),
    Feature(name="z", type="number"),
    Feature(name="colour", type="category", values=("red", "green")),
)


def flip(row: list[float], *, low: float, high: float) -> list[tuple]:
    """The class is 1 where x lies between two values, and y and the others do not matter."""
    seen = 0

    def predict(rows: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += len(rows)
        return ((rows[:, 0] > low) & (rows[:, 0] < high)).astype(np.int64)

    found = find_flips(FEATURES, np.array(row, np.float32), predict)

    assert seen <= count_evaluations(len(FEATURES))

    return [tuple(each) for each in found]


@pytest.mark.parametrize(
    ("x", "expected", "label"),
    [(1.0, 3.3, 1), (4.0, 3.3, 0), (6.5, 7.1, 0), (9.9, 7.1, 1), (-5.0, 3.3, 1)],
)
def test_the_nearest_value_is_found(x: float, expected: float, label: int) -> None:
    """The nearer of two borders is found, on either side, from beyond the range too, and the class behind it."""
    [first, second] = flip([x, 1, 1, 0], low=3.3, high=7.1)

    assert first[0] == 0
    assert first[1] == pytest.approx(expected, abs=1e-4)
    assert first[2] == label
    assert second == (1, None, None)


def test_a_value_beyond_the_range_flips_at_the_ranges_end() -> None:
    """A class that changes between a value and the range has its nearest flip within the range at its end."""
    [first, _] = flip([-5, 1, 1, 0], low=-1.0, high=20.0)

    assert first == (0, 0.0, 1)


def test_a_missing_value_has_no_flip() -> None:
    """A feature without a value has no place on its range that a flip could be near to."""
    assert flip([np.nan, 1, 1, 0], low=3, high=7) == [(1, None, None)]


def test_the_value_that_is_named_flips() -> None:
    """The value is on the far side of the border, so that a client that sends it gets the other class."""
    [first, _] = flip([1.0, 1, 1, 0], low=3.3, high=7.1)

    assert np.float32(first[1]) > np.float32(3.3)
