"""These losses have a largest value, as a test that is valid at all times needs: it bets on what is between bounds.

Axes: probabilities `(n_rows, n_classes)`, truth `(n_rows,)`. A gain is how much less the second of two models loses
on a row, in parts of the largest loss: from -1 to 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.scores import brier_scores

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

BRIER = "brier"
LOG_LOSS = "log_loss"
METRICS = (BRIER, LOG_LOSS)
MIN_PROBABILITY = 0.01
"""A smaller probability of the true class counts as this: a mistake costs 4.6 nats at most. Of two models that say 0.99
and 0.9999 of what is wrong the second has the larger log loss, and the same bounded one; the Brier score parts them."""


def find_largest(metric: str, n_classes: int) -> float:
    """Returns the largest loss of a row: of log loss in nats, of the Brier score 1 with two classes and 2 with more."""
    if metric == LOG_LOSS:
        return -math.log(MIN_PROBABILITY)
    return 1.0 if n_classes == 2 else 2.0


def find_losses(probabilities: Floats, truth: Labels, metric: str) -> Floats:
    """Returns each row's loss, `(n_rows,)`, from 0 to the largest."""
    if metric == BRIER:
        largest = find_largest(metric, probabilities.shape[1])
        return np.clip(brier_scores(probabilities, truth), 0, largest)

    of_true_class = probabilities[np.arange(len(truth)), truth]
    losses: Floats = -np.log(np.clip(of_true_class, MIN_PROBABILITY, 1))

    return losses


def find_gains(first: Floats, second: Floats, truth: Labels, metric: str) -> Floats:
    """Returns how much less the second model loses on each row, `(n_rows,)`, in parts of the largest loss."""
    apart = find_losses(first, truth, metric) - find_losses(second, truth, metric)
    return apart / find_largest(metric, first.shape[1])
