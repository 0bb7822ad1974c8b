"""Exact binomial probabilities give the confidence limits of a share.

A binomial variable is the number of hits among `n_rows` rows that are hits with probability `share` each.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Z = NormalDist().inv_cdf(0.975)
HALVINGS = 100
"""The interval in which a limit is sought is halved so often: more than a float64 has digits."""


def binomial_cdf(hits: int, n_rows: int, *, share: float) -> float:
    """Returns the probability of at most so many hits, as `scipy.stats.binom.cdf` does."""
    return _sum_probabilities(_log_coefficients(hits, n_rows), n_rows, share)


def wilson(hits: float, n_rows: float, *, z: float = Z) -> tuple[float, float]:
    """Returns the score interval of a share, within 0 and 1; Wilson, JASA 22 (1927) 209. `n_rows` is over 0."""
    share = hits / n_rows
    centre = share + z * z / (2 * n_rows)
    variance = share * (1 - share) / n_rows
    correction = z * z / (4 * n_rows * n_rows)
    half_width = z * math.sqrt(variance + correction)
    scale = 1 + z * z / n_rows

    # Rounding would leave out a share of 0 or 1, whose limit it is.
    low = 0.0 if hits == 0 else max(0.0, (centre - half_width) / scale)
    high = 1.0 if hits == n_rows else min(1.0, (centre + half_width) / scale)

    return min(low, share), max(high, share)


def clopper_pearson(
    hits: int, n_rows: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Returns the exact interval of a share, from 0 to 1 without a row; Clopper and Pearson, Biometrika 26 (1934) 404.

    It is that of `statsmodels.stats.proportion.proportion_confint` with the method "beta".
    """
    alpha = (1 - confidence) / 2
    misses = n_rows - hits
    lower = 1 - upper_limit(misses, n_rows, alpha=alpha)
    upper = upper_limit(hits, n_rows, alpha=alpha)
    if n_rows == 0:
        return lower, upper

    share = hits / n_rows
    return min(lower, share), max(upper, share)


def upper_limit(hits: int, n_rows: int, *, alpha: float) -> float:
    """Returns the share at which so few hits have the probability `alpha`: the exact one-sided limit, from 0 to 1."""
    if hits >= n_rows:
        return 1.0

    log_coefficients = _log_coefficients(hits, n_rows)
    low = hits / n_rows
    high = 1.0

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break

        if _sum_probabilities(log_coefficients, n_rows, middle) > alpha:
            low = middle
        else:
            high = middle

    return (low + high) / 2


def _sum_probabilities(log_coefficients: Floats, n_rows: int, share: float) -> float:
    """Returns the probability of a number of hits that has a coefficient here."""
    if len(log_coefficients) > n_rows or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0

    hits = np.arange(len(log_coefficients))
    misses = n_rows - hits
    log_hits = hits * math.log(share)
    log_misses = misses * math.log1p(-share)
    probabilities = np.exp(log_coefficients + log_hits + log_misses)

    return float(probabilities.sum())


def _log_coefficients(hits: int, n_rows: int) -> Floats:
    """Returns the natural logarithms of the binomial coefficients of 0 to `hits` hits, `(hits + 1,)`."""
    counts = np.arange(hits)
    log_ratios = np.log(n_rows - counts) - np.log(counts + 1)
    logs: Floats = np.concatenate([[0.0], np.cumsum(log_ratios)])

    return logs
