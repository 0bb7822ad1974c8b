"""The chi-square distribution: its upper tail and its quantiles, of one statistic and of one that is looked at again
and again, without scipy.
"""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

MAX_EXACT_DEGREES = 100
"""The quantile is exact up to so many degrees of freedom."""
HALVINGS = 80
"""The interval in which a quantile is sought is halved so often: as near as float64 comes."""


@functools.lru_cache(4096)
def chi_square_quantile(alpha: float, degrees: int) -> float:
    """Returns what chi-square exceeds with probability `alpha`, as `scipy.stats.chi2.isf` does.

    Beyond 100 degrees of freedom it is the approximation of Wilson and Hilferty, PNAS 17 (1931) 684.
    """
    approximate = _approximate_quantile(alpha, degrees)
    if degrees > MAX_EXACT_DEGREES:
        return approximate

    low = 0.0
    high = 2 * approximate + 10

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if chi_square_tail(middle, degrees=degrees) > alpha:
            low = middle
        else:
            high = middle

    return (low + high) / 2


def chi_square_tail(statistic: float, *, degrees: int) -> float:
    """Returns the probability that chi-square is at least `statistic`, as `scipy.stats.chi2.sf` does.

    Whole degrees of freedom have closed forms: Abramowitz and Stegun, 26.4.4 (odd) and 26.4.5 (even).
    """
    half = statistic / 2
    if degrees % 2 == 0:
        terms = [half**i / math.factorial(i) for i in range(degrees // 2)]
        return math.exp(-half) * math.fsum(terms)

    orders = range(1, (degrees + 1) // 2)
    terms = [half ** (i - 0.5) / math.gamma(i + 0.5) for i in orders]
    of_one_degree = math.erfc(math.sqrt(half))

    return of_one_degree + math.exp(-half) * math.fsum(terms)


@functools.lru_cache(4096)
def path_quantile(alpha: float, degrees: int, growth: float) -> float:
    """Returns what a chi-square statistic exceeds with probability `alpha` at any time of a stretch of its rows.

    `growth` is the logarithm of how many times as much the rows say at the end of the stretch: the statistic is the
    squared length of a Brownian motion over its time (DeLong, Comm. Stat. A 10, 1981, 2197). Without growth it is the
    quantile of one statistic.
    """
    low = chi_square_quantile(alpha, degrees)
    if growth <= 0:
        return low

    high = 2 * low
    while _path_tail(high, degrees, growth) > alpha:
        high *= 2

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _path_tail(middle, degrees, growth) > alpha:
            low = middle
        else:
            high = middle

    return (low + high) / 2


def _path_tail(statistic: float, degrees: int, growth: float) -> float:
    """Returns the probability that such a path is ever over a value that it seldom is over.

    Near the value the length is a Brownian motion that drifts away, and its probability falls exponentially. So the
    tail of one look is multiplied by the expected exponential of that motion's maximum, which is the price of a
    lookback option: Goldman, Sosin and Gatto, J. Finance 34 (1979) 1111.
    """
    time = growth * max(statistic - degrees + 1, 0.0) ** 2 / statistic
    normal = NormalDist()
    middle = math.sqrt(time) / 2
    looks = (2 + time / 2) * normal.cdf(middle) + 2 * middle * normal.pdf(middle)
    if degrees > MAX_EXACT_DEGREES:
        return looks * _approximate_tail(statistic, degrees)

    return looks * chi_square_tail(statistic, degrees=degrees)


def _approximate_tail(statistic: float, degrees: int) -> float:
    """Returns the tail by Wilson and Hilferty, as the approximate quantile has it."""
    variance = 2 / (9 * degrees)
    z = ((statistic / degrees) ** (1 / 3) - 1 + variance) / variance**0.5

    return math.erfc(z / math.sqrt(2)) / 2


def _approximate_quantile(alpha: float, degrees: int) -> float:
    variance = 2 / (9 * degrees)
    normal_quantile = NormalDist().inv_cdf(1 - alpha)
    cube_root = 1 - variance + normal_quantile * variance**0.5

    return float(degrees * cube_root**3)


def compare_counts(first: Counts, second: Counts) -> float:
    """Returns Pearson's chi-square of two counts by cell `(n_cells,)`, as `scipy.stats.chi2_contingency` does.

    No cell may be empty in both.
    """
    n_first = int(first.sum())
    n_second = int(second.sum())
    differences = first * n_second - second * n_first

    return float((differences.astype(float) ** 2 / (first + second)).sum()) / (
        n_first * n_second
    )
