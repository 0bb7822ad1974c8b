"""This module computes the area under the ROC curve with its interval.

Axes: probabilities `(n_rows, n_classes)` float64, truth `(n_rows,)` int64 indices of the true classes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z
from stats.class_means import find_scarcity, has_or_have
from stats.groups import Groups, design_effect, sum_by_group
from stats.metric import describe, undefined, without_interval

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

HALVINGS = 60
"""The interval in which a limit is sought is halved so often: more than a float64 has digits."""
MIN_OVERLAPPING = 12
"""DeLong's variance is trusted where the scores of so many rows of either class overlap with the other's."""


class Curve(NamedTuple):
    """An area, its 95 % limits, and each row's part in it `(n_rows,)`, whose squares sum to its variance."""

    area: float
    low: float
    high: float
    influence: Floats


def roc_auc(
    probabilities: Floats, truth: Labels, groups: Groups | None = None
) -> dict[str, Any]:
    """Returns the area of the second class with two, else the mean over the one-versus-rest curves.

    It is undefined where a class has no row. The limits of several curves are joined (MOVER; Zou and Donner, Stat. Med.
    27, 2008, 1693) by the correlations of the curves, which are DeLong's.
    """
    n_classes = probabilities.shape[1]
    n_absent = n_classes - len(np.unique(truth))
    if n_absent:
        reason = f"undefined: {n_absent} of {n_classes} classes {has_or_have(n_absent)} no row in `labels`"
        return undefined(reason)

    classes = [1] if n_classes == 2 else range(n_classes)
    curves = [
        measure_curve(probabilities[:, each], truth == each, groups) for each in classes
    ]
    area = float(np.mean([curve.area for curve in curves]))
    scarcity = find_scarcity(np.bincount(truth))
    if scarcity is not None:
        return without_interval(area, scarcity)

    influences = [sum_by_group(curve.influence, groups) for curve in curves]
    correlations = _correlate(np.array(influences))
    below = _join([curve.area - curve.low for curve in curves], correlations)
    above = _join([curve.high - curve.area for curve in curves], correlations)

    return describe(area, (max(0.0, area - below), min(1.0, area + above)))


def measure_curve(
    scores: Floats, positive: NDArray[np.bool_], groups: Groups | None = None
) -> Curve:
    """Returns the area of one curve with its limits; both classes have rows.

    They are DeLong's on the logit scale where enough rows overlap, else Newcombe's: near an area of 1 the variance that
    is seen is that of a few rows, and mostly too small. Of groups it is Obuchowski's (Biometrics 53, 1997, 567), or
    that of each class by itself where it is larger: a class may have few groups.
    """
    placements = _place(scores, positive)
    area = float(placements[positive].mean())
    influence = _weigh(placements, positive, area)
    of_all = design_effect(influence, groups)
    variance = 0.0
    n_overlapping = np.inf
    n_independent = []

    for inside in (positive, ~positive):
        within = None if groups is None else groups[inside]
        effect = max(of_all, design_effect(influence[inside], within))
        parts = influence[inside]
        variance += effect * float(parts @ parts)
        shares = placements[inside]
        overlapping = min(_count_effective(shares), _count_effective(1 - shares))
        n_overlapping = min(n_overlapping, overlapping / effect)
        n_independent.append(len(parts) / effect)

    if n_overlapping >= MIN_OVERLAPPING:
        return Curve(area, *logit_limits(area, math.sqrt(variance)), influence)

    return Curve(area, *newcombe(area, *n_independent), influence)


def logit_limits(area: float, deviation: float) -> tuple[float, float]:
    """Returns the limits of an area in (0, 1) with this standard error, by the normal interval of its logit.

    Kottas, Kuss and Zapf, BMC Med. Res. Methodol. 14 (2014) 26.
    """
    centre = math.log(area / (1 - area))
    half_width = Z * deviation / (area * (1 - area))
    low = 1 / (1 + math.exp(half_width - centre))
    high = 1 / (1 + math.exp(-half_width - centre))

    return low, high


def newcombe(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """Returns the limits of an area; Newcombe, Stat. Med. 25 (2006) 559, method 5.

    A limit is the area t from which the one that was seen is `Z` of Hanley and McNeil's standard errors away, with both
    classes taken for equally large in its exponential terms. There are limits also where no score overlaps.
    """
    low = _seek_limit(area, 0.0, positives, negatives)
    high = _seek_limit(area, 1.0, positives, negatives)

    return low, high


def _place(scores: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Returns the share of the other class from which each row is on the right side, `(n_rows,)`; ties count half."""
    negative = ~positive
    ranks = _midranks(scores)
    n_below = ranks[positive] - _midranks(scores[positive])
    n_above = ranks[negative] - _midranks(scores[negative])

    placements = np.empty(len(scores))
    placements[positive] = n_below / len(n_above)
    placements[negative] = 1 - n_above / len(n_below)

    return placements


def _weigh(placements: Floats, positive: NDArray[np.bool_], area: float) -> Floats:
    """Returns each row's part in the area, whose squares sum to DeLong's variance (Biometrics 44, 1988, 837).

    A class with a single row has no variance: its part is 0.
    """
    n_positive = int(positive.sum())
    n_negative = len(placements) - n_positive
    of_positive = max(n_positive * (n_positive - 1), 1)
    of_negative = max(n_negative * (n_negative - 1), 1)
    divisors = np.where(positive, float(of_positive), float(of_negative))
    influence: Floats = (placements - area) / np.sqrt(divisors)

    return influence


def _count_effective(shares: Floats) -> float:
    """Returns how many rows carry a sum of shares: all where they are equal, 0 where there is nothing (Kish)."""
    squares = float(shares @ shares)
    return float(shares.sum()) ** 2 / squares if squares > 0 else 0.0


def _seek_limit(
    area: float, outside: float, positives: float, negatives: float
) -> float:
    """Returns the area between this one and `outside` at which the distance is `Z` standard errors."""
    inside = area
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        variance = _variance(middle, positives, negatives)
        if (area - middle) ** 2 <= Z * Z * variance:
            inside = middle
        else:
            outside = middle

    return (inside + outside) / 2


def _variance(area: float, positives: float, negatives: float) -> float:
    """Returns the variance of an area by Hanley and McNeil, Radiology 143 (1982) 29, symmetric in both classes."""
    others = max(0.0, (positives + negatives) / 2 - 1)
    shared = (1 - area) / (2 - area) + area / (1 + area)

    return area * (1 - area) * (1 + others * shared) / (positives * negatives)


def _correlate(influences: Floats) -> Floats:
    """Returns the correlations of the curves, `(n_curves, n_curves)`; a curve without variance has none with others."""
    covariances = influences @ influences.T
    deviations = np.sqrt(np.diagonal(covariances))
    divisors = np.where(deviations > 0, deviations, np.inf)
    correlations: Floats = covariances / np.outer(divisors, divisors)
    np.fill_diagonal(correlations, 1.0)

    return correlations


def _join(half_widths: list[float], correlations: Floats) -> float:
    """Returns the half width of a mean from those of its correlated parts."""
    widths = np.array(half_widths)
    squared = float(widths @ correlations @ widths)

    return math.sqrt(max(0.0, squared)) / len(widths)


def _midranks(values: Floats) -> Floats:
    """Returns ranks from 1, `(n,)`; equal values share the mean of theirs, as in `scipy.stats.rankdata`."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    highest = np.cumsum(counts)
    means = highest - (counts - 1) / 2
    ranks: Floats = means[inverse]

    return ranks
