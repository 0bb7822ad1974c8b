"""A sequential test of which of two classifiers is right more often, valid after every labelled row.

A row's difference d is 1 where the challenger alone is right, -1 where the champion alone is, else 0. The interval of
its mean is a confidence sequence: with probability 1 - alpha it holds the mean at all times at once, so looking at it
however often, and stopping when one likes what one sees, makes no false alarm likelier.

Axes: counts `(n_pairs, 3)`, rows with d = 1, 0 and -1; bounds `(n_pairs, 2)`, lower and upper, of the mean of d.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Verdict = Literal["challenger better", "champion better", "not shown yet"]

ALPHA = 0.05
"""A champion and all its challengers share this level: each pair has its part of it (Bonferroni)."""
STAKES = 2.0 ** -np.arange(0.5, 12.5, 0.5)
"""Shares of the capital that are bet, from 0.71 to 0.0002: large ones find large differences soon, small ones small."""
HALVINGS = 40
"""The range of the mean is halved so often: a bound is found to 2e-12."""


def bound(counts: Counts, *, alpha: Floats | float) -> Floats:
    """Returns the interval `(n_pairs, 2)` of each pair's mean difference after these rows, within -1 and 1.

    `alpha` is one level for all pairs, or `(n_pairs,)`. Waudby-Smith and Ramdas, Estimating means of bounded random
    variables by betting, JRSS B 86 (2024): who bets on x = (d + 1) / 2 at fair odds for a mean m multiplies the capital
    by 1 + lambda (x - m) with each row, and if m is the mean, ever has 1 / alpha times of it with a probability of at
    most alpha (Ville). One bets that the mean is higher, one that it is lower, each on alpha / 2; what makes one of
    them so rich cannot be the mean. Capital is spread over several stakes at once (their grid Kelly), which depends on
    no order of rows: three counts are the whole state.
    """
    mirrored = counts[:, ::-1]  # the same bet, on 1 - x
    lower = _highest_refuted_mean(counts, alpha / 2)
    upper = 1 - _highest_refuted_mean(mirrored, alpha / 2)

    return 2 * np.stack([lower, upper], axis=1) - 1


def narrow(before: Floats, now: Floats) -> Floats:
    """Returns the intersection `(n_pairs, 2)` of two intervals of each pair: once refuted, a mean stays so.

    It is empty, with lower over upper, where no one mean fits.
    """
    lower = np.maximum(before[:, 0], now[:, 0])
    upper = np.minimum(before[:, 1], now[:, 1])

    return np.stack([lower, upper], axis=1)


def judge(lower: float, upper: float) -> Verdict:
    """Returns what an interval shows; an empty one shows that the difference has changed, and not who is better."""
    if lower > upper:
        return "not shown yet"
    if lower > 0:
        return "challenger better"
    if upper < 0:
        return "champion better"
    return "not shown yet"


def log_capital(counts: Counts, mean: Floats) -> Floats:
    """Returns the logarithm `(n_pairs,)` of what a bet that x is above `mean`, in (0, 1), has made of a capital of 1.

    A stake s is lambda times `mean`, so that a row multiplies by 1 - s + s x / mean, which never is negative. The
    higher the mean that is bet against, the less is won, so those that are refuted are all below a bound.
    """
    kept = 1 - STAKES
    gains = STAKES / mean[:, None]
    if_won = counts[:, :1] * np.log(kept + gains)
    if_equal = counts[:, 1:2] * np.log(kept + gains / 2)
    if_lost = counts[:, 2:] * np.log(kept)
    log_capitals = if_won + if_equal + if_lost

    # The mean over the stakes, without overflow.
    highest = log_capitals.max(axis=1)
    ratios = np.exp(log_capitals - highest[:, None])
    capital: Floats = highest + np.log(ratios.mean(axis=1))

    return capital


def _highest_refuted_mean(counts: Counts, alpha: Floats | float) -> Floats:
    """Returns the highest mean of x that is refuted, `(n_pairs,)`, 0 where none is.

    The capital falls as the mean rises, so halving finds it.
    """
    low = np.zeros(len(counts))
    high = np.ones(len(counts))
    refuting = -np.log(alpha)

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_refuted = log_capital(counts, middle) >= refuting
        low = np.where(is_refuted, middle, low)
        high = np.where(is_refuted, high, middle)

    return low
