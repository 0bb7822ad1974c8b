"""This module computes quantiles of Student's t distribution, without scipy."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

MAX_EXACT_DEGREES = 100
"""The quantile is sought exactly up to so many degrees of freedom; beyond it is a series, exact to 1e-10 there."""
HALVINGS = 100
MAX_QUANTILE = 1e6


@functools.cache
def t_quantile(confidence: float, degrees: int) -> float:
    """Returns what |t| exceeds with probability 1 - `confidence`, as `scipy.stats.t.ppf((1 + confidence) / 2)`."""
    if degrees > MAX_EXACT_DEGREES:
        return _expand(NormalDist().inv_cdf((1 + confidence) / 2), degrees)

    low = 0.0
    high = MAX_QUANTILE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _central_probability(middle, degrees) < confidence:
            low = middle
        else:
            high = middle

    return (low + high) / 2


def t_tail(t: float, degrees: int) -> float:
    """Returns the probability that |t| is at least this, as `2 * scipy.stats.t.sf(t, degrees)`.

    Beyond 100 degrees it is the normal tail of a transformed t: Wallace, Ann. Math. Stat. 30 (1959) 1124.
    """
    if degrees > MAX_EXACT_DEGREES:
        scale = (8 * degrees + 1) / (8 * degrees + 3)
        z = scale * math.sqrt(degrees * math.log1p(t * t / degrees))
        return math.erfc(z / math.sqrt(2))

    return max(0.0, 1 - _central_probability(t, degrees))


def _central_probability(t: float, degrees: int) -> float:
    """Returns the probability of |t| at most this; Abramowitz and Stegun, 26.7.3 (odd degrees) and 26.7.4 (even)."""
    angle = math.atan(t / math.sqrt(degrees))
    squared_cosine = math.cos(angle) ** 2
    is_odd = degrees % 2 == 1
    term = math.cos(angle) if is_odd else 1.0
    total = term if degrees > 1 else 0.0

    for each in range(3 if is_odd else 2, degrees - 1, 2):
        term *= squared_cosine * (each - 1) / each
        total += term

    total *= math.sin(angle)

    return 2 / math.pi * (angle + total) if is_odd else total


def _expand(z: float, degrees: int) -> float:
    """Returns the quantile from that of the normal distribution; Abramowitz and Stegun, 26.7.5."""
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / degrees**power for power, term in enumerate(terms))
