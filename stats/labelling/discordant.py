"""This module finds the difference of two models from labels of rows on which they disagree, or their count.

On all other rows both are right or both are wrong, whatever the truth is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z, wilson

Floats = NDArray[np.float64]

HALVINGS = 60


def tango_interval(
    only_a: float, only_b: float, n_rows: float, *, z: float = Z
) -> tuple[float, float]:
    """Returns the score interval of a difference, within -1 and 1; Tango, Stat. Med. 17 (1998) 891.

    Of `n_rows`, which need not be whole, a alone is right on `only_a` and b alone on `only_b`; on which of the others
    both are right it does not ask.
    """
    value = (only_a - only_b) / n_rows
    high = _find_end(only_a, only_b, n_rows, z)
    low = -_find_end(only_b, only_a, n_rows, z)

    return min(low, value), max(high, value)


def interval_from_sample(
    only_a: float,
    only_b: float,
    *,
    n_labelled: int,
    n_disagree: int,
    n_rows: float,
    z: float = Z,
) -> tuple[float, float]:
    """Returns the interval where some of the rows on which models disagree are labelled, drawn at random.

    It is that of as many rows as would have had so many disagreements, which is a little wide: how many there are is
    known of all rows.
    """
    if n_disagree == 0:
        return tango_interval(0.0, 0.0, n_rows, z=z)

    as_many_rows = n_rows * n_labelled / n_disagree

    return tango_interval(only_a, only_b, as_many_rows, z=z)


def share_by_strata(
    rows: NDArray[np.int64], labelled: NDArray[np.int64], hits: NDArray[np.int64]
) -> tuple[float, tuple[float, float]]:
    """Returns the share of hits over all rows, whose strata `(n_strata,)` are labelled in parts, and its interval.

    Within a stratum the labelled rows are drawn at random, so that each counts by one over its inclusion probability
    (Horvitz and Thompson, JASA 47, 1952, 663). Wilson's limits of strata are joined with what the strata's sizes vary
    by (MOVER). Every stratum that has rows has labelled ones.
    """
    there = rows > 0
    rows = rows[there]
    labelled = labelled[there]
    hits = hits[there]

    weights = rows / rows.sum()
    shares = hits / labelled
    value = float(weights @ shares)

    limits = np.array([wilson(*each) for each in zip(hits, labelled, strict=True)])
    low, high = limits.T
    of_sizes = float(weights @ (shares - value) ** 2)
    between = Z**2 * of_sizes / float(rows.sum())
    squared_weights = weights**2
    within_below = float(squared_weights @ (shares - low) ** 2)
    within_above = float(squared_weights @ (high - shares) ** 2)
    below = math.sqrt(within_below + between)
    above = math.sqrt(within_above + between)

    return value, (max(0.0, value - below), min(1.0, value + above))


def _find_end(only_a: float, only_b: float, n_rows: float, z: float) -> float:
    """Returns the upper end: the difference whose score is -z, which falls as the difference rises."""
    low = (only_a - only_b) / n_rows
    high = 1.0

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _score(only_a, only_b, n_rows, middle) > -z:
            low = middle
        else:
            high = middle

    return (low + high) / 2


def _score(only_a: float, only_b: float, n_rows: float, difference: float) -> float:
    """Returns the score of a difference, with the share of b alone that is likeliest under it.

    That share solves `second x^2 + first x + constant = 0`.
    """
    second = 2 * n_rows
    first = -only_a - only_b + (second - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    discriminant = first * first - 4 * second * constant
    root = math.sqrt(max(0.0, discriminant))
    share_b = (root - first) / (2 * second)

    variance = n_rows * (2 * share_b + difference * (1 - difference))
    apart = only_a - only_b - n_rows * difference
    if variance <= 0:
        return 0.0 if apart == 0 else math.copysign(math.inf, apart)

    return apart / math.sqrt(variance)
