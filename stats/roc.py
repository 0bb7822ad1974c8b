"""The ROC curve is the true positive rate against the false positive rate, over all thresholds of a score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def roc_curve(
    scores: Floats, positive: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Returns false and true positive rates and the threshold, `(n_points,)` each, as `sklearn.metrics.roc_curve` does.

    Scores and `positive` are `(n_rows,)`; both classes must have rows. The curve goes from (0, 0) to (1, 1) with a
    point wherever it turns, and its first threshold is infinite; Fawcett, Pattern Recognit. Lett. 27 (2006) 861.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    n_positive = np.cumsum(positive[order])

    # Rows of equal score are above a threshold together: the last of them is the point.
    changes = np.flatnonzero(np.diff(ranked))
    last = np.append(changes, len(ranked) - 1)
    n_true = np.concatenate([[0], n_positive[last]])
    n_false = np.concatenate([[0], 1 + last - n_positive[last]])
    thresholds = np.concatenate([[np.inf], ranked[last]])

    turns = _find_turns(n_false, n_true)
    false_rates = n_false[turns] / n_false[-1]
    true_rates = n_true[turns] / n_true[-1]

    return false_rates, true_rates, thresholds[turns]


def thin_curve(*columns: Floats, most: int) -> tuple[Floats, ...]:
    """Returns at most so many points of a curve `(n_points,)`, evenly by their number, the ends among them."""
    n_points = len(columns[0])
    if n_points <= most:
        return columns

    places = np.linspace(0, n_points - 1, most).round().astype(int)
    kept = np.unique(places)

    return tuple(column[kept] for column in columns)


def _find_turns(n_false: Counts, n_true: Counts) -> NDArray[np.bool_]:
    """Returns True for the ends of the curve and where it changes its direction, `(n_points,)`."""
    false_steps = np.diff(n_false)
    true_steps = np.diff(n_true)
    slopes_before = false_steps[1:] * true_steps[:-1]
    slopes_after = false_steps[:-1] * true_steps[1:]
    bends = slopes_before != slopes_after

    return np.concatenate([[True], bends, [True]])
