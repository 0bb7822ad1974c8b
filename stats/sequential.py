"""Which of two classifiers is right more often, asked after every labelled row. Pure numpy.

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
"""Of a champion and all its challengers together: each pair has its share of it (Bonferroni)."""
STAKES = 2.0 ** -np.arange(0.5, 12.5, 0.5)
"""Shares of the capital that are bet, from 0.71 to 0.0002: large ones find large differences soon, small ones small."""
HALVINGS = 40
"""Of the range of the mean: a bound is found to 2e-12."""


def bound(counts: Counts, *, alpha: Floats | float) -> Floats:
    """The interval of each pair's mean difference after these rows.

    Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024): who bets on
    x = (d + 1) / 2 at fair odds for a mean m multiplies the capital by 1 + lambda (x - m) with each row, and if m is
    the mean, ever has 1 / alpha times of it with a probability of at most alpha (Ville). One bets that the mean is
    higher, one that it is lower, each on alpha / 2; what makes one of them so rich cannot be the mean. Capital is
    spread over several stakes at once (their grid Kelly), which depends on no order of rows: three counts are the
    whole state.
    """
    lower = _highest_refuted(counts, alpha / 2)
    upper = 1 - _highest_refuted(counts[:, ::-1], alpha / 2)  # the same bet, on 1 - x
    return 2 * np.stack([lower, upper], axis=1) - 1


def narrow(before: Floats, now: Floats) -> Floats:
    """What both leave possible: once refuted, a mean stays so. Empty, lower over upper, where no one mean fits."""
    return np.stack(
        [np.maximum(before[:, 0], now[:, 0]), np.minimum(before[:, 1], now[:, 1])],
        axis=1,
    )


def judge(lower: float, upper: float) -> Verdict:
    """What an interval shows; an empty one shows that the difference has changed on the way, and not who is better."""
    if lower > upper:
        return "not shown yet"
    if lower > 0:
        return "challenger better"
    return "champion better" if upper < 0 else "not shown yet"


def log_capital(counts: Counts, mean: Floats) -> Floats:
    """Logarithm `(n_pairs,)` of what betting that x is above `mean`, in (0, 1), has made of 1.

    A stake s is lambda times `mean`, so that a row multiplies by 1 - s + s x / mean, which never is negative. The
    higher the mean that is bet against, the less is won, so those that are refuted are all below a bound.
    """
    gains = STAKES / mean[:, None]
    rest = 1 - STAKES
    logs = (
        counts[:, :1] * np.log(rest + gains)
        + counts[:, 1:2] * np.log(rest + gains / 2)
        + counts[:, 2:] * np.log(rest)
    )
    highest = logs.max(axis=1)
    capital: Floats = highest + np.log(np.exp(logs - highest[:, None]).mean(axis=1))

    return capital


def _highest_refuted(counts: Counts, alpha: Floats | float) -> Floats:
    """Of x, `(n_pairs,)`; 0 where none is. The capital falls as the mean rises, so halving finds it."""
    low = np.zeros(len(counts))
    high = np.ones(len(counts))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_refuted = log_capital(counts, middle) >= -np.log(alpha)
        low = np.where(is_refuted, middle, low)
        high = np.where(is_refuted, high, middle)

    return low
