"""A value flips where a model gives a row another class once one feature has it; the nearest such value is looked for.

A grid over the range of training finds where the class changes, and bisection how near that is. What lies between two
points of the grid and comes back before the second is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import Feature
from service.models import cancellation

N_GRID = 65
N_BISECTIONS = 20
"""The distance of two points of the grid is halved so often: what is left is about what float32 tells apart."""

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Predict = Callable[[Rows], Labels]


class Flip(NamedTuple):
    """A flip has the number of a feature, and the value and class that it flips to: None where it does not."""

    feature: int
    value: np.float32 | None = None
    label: int | None = None


def count_evaluations(n_features: int) -> int:
    """Returns how many answers of the model a row takes."""
    return n_features * (N_GRID + N_BISECTIONS)


def find_flips(features: Sequence[Feature], row: Rows, predict: Predict) -> list[Flip]:
    """Returns the nearest flip of each number of a row `(n_features,)` that has a value and a range."""
    places = [
        index
        for index, feature in enumerate(features)
        if feature.range is not None and not np.isnan(row[index])
    ]
    if not places:
        return []

    ranges = np.array([features[index].range for index in places])
    low, high = ranges.T
    grids = np.linspace(low, high, N_GRID, axis=1).astype(np.float32)
    predicted = int(predict(row[None])[0])

    labels = []
    for place, grid in cancellation.watch(zip(places, grids, strict=True)):
        varied = _vary(row, np.full(N_GRID, place), grid)
        labels.append(predict(varied))

    return _bisect(row, np.array(places), grids, np.stack(labels), predicted, predict)


def _bisect(
    row: Rows,
    places: NDArray[np.int64],
    grids: Rows,
    labels: Labels,
    predicted: int,
    predict: Predict,
) -> list[Flip]:
    """Returns the flips, each between the nearest point of another class and the one before it."""
    start = np.clip(row[places], grids[:, 0], grids[:, -1])
    distances = np.abs(grids - start[:, None])
    distances[labels == predicted] = np.inf
    nearest = distances.argmin(axis=1)
    every = np.arange(len(places))
    has_flip = np.isfinite(distances[every, nearest])

    there = grids[every, nearest]
    label = labels[every, nearest]
    is_above = there >= start
    neighbour = np.where(is_above, nearest - 1, nearest + 1)
    before = grids[every, np.clip(neighbour, 0, N_GRID - 1)]
    # The row's own value may be nearer than the point before.
    here = np.where(is_above, np.maximum(before, start), np.minimum(before, start))

    for _ in range(N_BISECTIONS):
        middle = ((here.astype(np.float64) + there) / 2).astype(np.float32)
        found = predict(_vary(row, places, middle))

        is_other = found != predicted
        there = np.where(is_other, middle, there)
        label = np.where(is_other, found, label)
        here = np.where(is_other, here, middle)

    return [
        Flip(int(place), value, int(other)) if is_there else Flip(int(place))
        for place, value, other, is_there in zip(
            places, there, label, has_flip, strict=True
        )
    ]


def _vary(row: Rows, places: NDArray[np.int64], values: Rows) -> Rows:
    """Returns a copy of a row for each place, with that value in it."""
    rows: Rows = np.tile(row, (len(places), 1))
    rows[np.arange(len(places)), places] = values
    return rows
