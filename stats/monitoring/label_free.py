"""Calibrated confidences promise an accuracy of rows whose truth nobody knows.

A calibrated model is right on a share c of the rows that it gives the confidence c. So the mean confidence of rows is
the accuracy to be expected of them (confidence-based performance estimation, as NannyML has it; Guillory et
al., ICCV 2021). It is worth what the calibration is worth: on rows unlike those of training it may be far off.

Axes: confidences `(n_rows,)` are the probabilities of the labels that were given, from 0 to 1; groups `(n_rows,)`.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z
from stats.groups import Groups
from stats.reliability import equal_width

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

CALIBRATED_Z = NormalDist().inv_cdf(0.95)
CONTRADICTED_Z = NormalDist().inv_cdf(0.995)


def estimate_accuracy(
    confidences: Floats,
    groups: Groups,
    *,
    ece: float,
    squared_gap: float,
    n_held_out: int,
) -> tuple[float, tuple[float, float]]:
    """Returns the mean confidence, and an interval that holds the accuracy on these rows in 95 % of samples or more.

    Rows of one group are taken to be right or wrong together, the worst case. The share of right rows varies about
    what is expected of them by chance. The mean confidence is off by what it is off on all rows; on the held-out ones
    that was at most their calibration error `ece`, give or take what so many rows vary. `squared_gap` is the most that
    the mean of (right - confidence) ** 2 may be on them.
    """
    value = float(confidences.mean())
    of_rows = _vary_hits(confidences, groups) / len(confidences) ** 2
    half_width = ece + Z * math.sqrt(of_rows + squared_gap / n_held_out)

    return value, (max(0.0, value - half_width), min(1.0, value + half_width))


def limit_calibration_error(confidences: Floats, *, n_rows: int) -> float:
    """Returns the calibration error that a calibrated model exceeds on so many rows in about 5 % of samples.

    The gap of each bin is about normal: of its size the mean is sqrt(2 / pi) of a standard deviation, and the variance
    1 - 2 / pi of the gap's. These confidences say how those of the rows are distributed. Bins are those of
    `scores.expected_calibration_error`, whose limit by resampling is that of `reliability.expect_error`.
    """
    of_rows = confidences * (1 - confidences)
    spread = np.bincount(equal_width(confidences), of_rows)
    deviations = np.sqrt(spread / (len(confidences) * n_rows))
    mean = math.sqrt(2 / math.pi) * deviations.sum()
    variance = (1 - 2 / math.pi) * (deviations**2).sum()

    return float(mean + CALIBRATED_Z * math.sqrt(variance))


def contradicts(confidences: Floats, hits: Hits, groups: Groups) -> bool:
    """Returns whether labelled rows are right more or less often than their confidences allow, at a level of 1 %."""
    if not len(hits):
        return False

    gap = abs(float((hits - confidences).sum()))
    deviation = math.sqrt(_vary_hits(confidences, groups))

    return gap > CONTRADICTED_Z * deviation + 0.5


def _vary_hits(confidences: Floats, groups: Groups) -> float:
    """Returns the variance of the number of right rows where those of a group are right together."""
    deviations = np.sqrt(confidences * (1 - confidences))
    _, group_of_row = np.unique(groups, return_inverse=True)
    sums = np.bincount(group_of_row, deviations)

    return float((sums**2).sum())
