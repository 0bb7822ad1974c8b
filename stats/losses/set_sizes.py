"""Prediction sets are compared by size: of models whose sets hold the truth equally often, the smaller ones say more.

Axes: probabilities `(n_rows, n_classes)`, truth `(n_rows,)`, groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups
from stats.losses.costs import find_folds
from stats.risk_coverage import find_set_threshold

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


class Sets(NamedTuple):
    """Sets describes the sets of rows, `(n_rows,)`: how many classes each has, and if the true one is in it."""

    sizes: Labels
    covered: NDArray[np.bool_]


def cross_sets(
    probabilities: Floats, truth: Labels, *, coverage: float, groups: Groups | None
) -> Sets | None:
    """Returns each row's set, whose threshold is that of the other four of five folds (split conformal prediction).

    A set has the classes from that probability on, and the most probable one always. It is None where the rows are too
    few for such a coverage. Of a group one row is taken for a threshold, and groups are never parted.
    """
    n_rows = len(truth)
    folds = find_folds(n_rows, groups)
    first = np.arange(n_rows)
    if groups is not None:
        _, first = np.unique(groups, return_index=True)

    of_truth = probabilities[np.arange(n_rows), truth]
    thresholds = np.empty(n_rows)
    for fold in np.unique(folds):
        others = first[folds[first] != fold]
        found = find_set_threshold(of_truth[others], coverage) if len(others) else None
        if found is None:
            return None
        thresholds[folds == fold] = found

    belongs = probabilities >= thresholds[:, None]
    belongs[np.arange(n_rows), probabilities.argmax(axis=1)] = True

    return Sets(belongs.sum(axis=1), belongs[np.arange(n_rows), truth])
