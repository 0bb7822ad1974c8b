"""The chi-square distribution: its tail and its quantiles."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

MOST_DEGREES = 100
"""Of freedom up to which the chi-square quantile is exact."""


@functools.cache
def chi_square_quantile(alpha: float, degrees: int) -> float:
    """What chi-square exceeds with probability `alpha`; beyond 100 degrees by Wilson and Hilferty, PNAS 17 (1931)."""
    spread = 2 / (9 * degrees)
    near = float(
        degrees * (1 - spread + NormalDist().inv_cdf(1 - alpha) * spread**0.5) ** 3
    )
    if degrees > MOST_DEGREES:
        return near

    low = 0.0
    high = 2 * near + 10

    for _ in range(80):  # halvings: as near as float64 comes
        middle = (low + high) / 2
        low, high = (
            (middle, high)
            if chi_square_tail(middle, degrees=degrees) > alpha
            else (low, middle)
        )

    return (low + high) / 2


def chi_square_tail(statistic: float, *, degrees: int) -> float:
    """P(chi-square with that many degrees of freedom >= statistic).

    Closed forms for whole degrees: Abramowitz and Stegun, 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if degrees % 2:
        terms = [
            half ** (i - 0.5) / math.gamma(i + 0.5)
            for i in range(1, (degrees + 1) // 2)
        ]
        return math.erfc(math.sqrt(half)) + math.exp(-half) * math.fsum(terms)

    return math.exp(-half) * math.fsum(
        half**i / math.factorial(i) for i in range(degrees // 2)
    )
