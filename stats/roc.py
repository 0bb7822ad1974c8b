"""The ROC curve: how many rows of a class are found at the price of how many others. Pure numpy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def roc_curve(
    scores: Floats, positive: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """False and true positive rates and the threshold, `(n_points,)` each, from (0, 0) to (1, 1); Fawcett, 2006.

    A point for each score at which the curve turns; the first threshold is infinite. Both classes must be there.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    found = np.cumsum(positive[order])
    last = np.append(
        np.flatnonzero(np.diff(ranked)), len(ranked) - 1
    )  # of equal scores the last
    true = np.concatenate([[0], found[last]])
    false = np.concatenate([[0], 1 + last - found[last]])
    thresholds = np.concatenate([[np.inf], ranked[last]])
    turns = _turns(false, true)

    return false[turns] / false[-1], true[turns] / true[-1], thresholds[turns]


def _turns(false: NDArray[np.int64], true: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where the curve changes its direction, and its ends."""
    steps = np.diff(false), np.diff(true)
    bends = steps[0][1:] * steps[1][:-1] != steps[0][:-1] * steps[1][1:]
    return np.concatenate([[True], bends, [True]])


def thin(*columns: Floats, most: int) -> tuple[Floats, ...]:
    """At most so many points of a curve, evenly by their number, the ends among them."""
    n_points = len(columns[0])
    if n_points <= most:
        return columns
    kept = np.unique(np.linspace(0, n_points - 1, most).round().astype(int))
    return tuple(column[kept] for column in columns)
