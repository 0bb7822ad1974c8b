"""A sequential test tells which of two classifiers is right more often, validly after every labelled group of rows.

A row's difference is 1 where the challenger alone is right, -1 where the champion alone is, else 0; by a bounded loss
it is how much less the challenger loses, in parts of the largest loss. A group's is the mean of its rows'. Rows of one
group may be as alike as they like: a group is one bet. The interval is of the average, over all groups so far, of the
difference that was to be expected of each, which may change from group to group. It is a confidence sequence: with
probability 1 - alpha it holds that average at all times at once, so looking at it however often, and stopping when one
likes what one sees, makes no false alarm likelier.

Axes: differences `(n_values,)`, the values that groups have; counts `(n_pairs, n_values)`, how many groups have each;
bounds `(n_pairs, 2)`, lower and upper.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Verdict = Literal["challenger better", "champion better", "not shown yet"]

ALPHA = 0.05
"""All pairs of a task that are ever tested share this level: each has its part of it (Bonferroni)."""
STAKES = 2.0 ** -np.arange(0.5, 6.5, 0.5)
"""Shares of the capital that are bet against equal models, from 0.71 to 0.016: large ones find large differences soon.
Stakes under these halve what is left to the others and find nothing within 10,000 groups."""
ODDS = 2 * STAKES / (1 - STAKES)
"""A bet multiplies by 1 + odds x, over what it would be for the mean; odds that do not depend on the mean are what
lets the mean change."""
LOSS_STAKES = np.array([0.97, 0.87, 0.71, 0.5, 0.35, 0.25, 0.125, 0.0625, 0.03125])
LOSS_ODDS = 2 * LOSS_STAKES / (1 - LOSS_STAKES)
"""Losses of two models differ by much on few rows only, so that larger bets than on right and wrong pay: a difference
of Brier scores, of models whose scores correlate by .9, is shown on a third fewer rows than with STAKES."""
HALVINGS = 40
"""The range of the mean is halved so often: a bound is found to 2e-12."""


def bound(
    differences: Floats,
    counts: Counts,
    *,
    alpha: Floats | float,
    odds: Floats = ODDS,
) -> Floats:
    """Returns the interval `(n_pairs, 2)` of each pair's average difference over these groups, within -1 and 1.

    `alpha` is one level for all pairs, or `(n_pairs,)`. Who bets on x = (difference + 1) / 2 multiplies the capital by
    (1 + odds x) / (1 + odds mu) with each group, where mu is what was to be expected of it. The capital ever grows
    1 / alpha times with a probability of at most alpha (Ville). The product of the divisors is at most that of their
    average's (Jensen), so what makes even that so rich cannot be the average. One bets that it is higher, one that it
    is lower, each on alpha / 2, with several odds at once (the grid Kelly of Waudby-Smith and Ramdas, JRSS B 86, 2024;
    of averages that change: Choe and Ramdas, Oper. Res. 72, 2024). The order of groups is of no account.
    """
    scaled = (differences + 1) / 2
    lower = find_lower_limit(scaled, counts, alpha / 2, odds)
    upper = 1 - find_lower_limit(1 - scaled, counts, alpha / 2, odds)

    return 2 * np.stack([lower, upper], axis=1) - 1


def judge(lower: float, upper: float) -> Verdict:
    """Returns what an interval shows."""
    if lower > 0:
        return "challenger better"
    if upper < 0:
        return "champion better"
    return "not shown yet"


def share_alpha(lineup: int, n_new_pairs: int) -> float:
    """Returns the level of each pair that the task's line-up of this number, from 1, is the first to have.

    The shares 6 / (pi k)^2 of all line-ups sum to 1, so that all pairs that a task ever has together keep to ALPHA.
    """
    return ALPHA * 6 / (np.pi * lineup) ** 2 / n_new_pairs


def log_products(scaled: Floats, counts: Counts, odds: Floats = ODDS) -> Floats:
    """Returns the logarithms `(n_pairs, n_odds)` of the products of 1 + odds x over the groups."""
    products: Floats = counts.astype(np.float64) @ np.log1p(scaled[:, None] * odds)
    return products


def log_capital(
    products: Floats, n_groups: Counts, mean: Floats, odds: Floats = ODDS
) -> Floats:
    """Returns the logarithm `(n_pairs,)` of what bets that x is above `mean` have made of a capital of 1, at least.

    It falls as the mean rises.
    """
    log_capitals = products - n_groups[:, None] * np.log1p(mean[:, None] * odds)

    # The mean over the odds, without overflow.
    highest = log_capitals.max(axis=1)
    ratios = np.exp(log_capitals - highest[:, None])
    capital: Floats = highest + np.log(ratios.mean(axis=1))

    return capital


def find_lower_limit(
    scaled: Floats, counts: Counts, alpha: Floats | float, odds: Floats = ODDS
) -> Floats:
    """Returns the highest average of x, from 0 to 1, that is refuted, `(n_pairs,)`; 0 where none is.

    Whatever one looks at and when, the true one is lower with a probability of at most `alpha`. Halving finds it.
    """
    products = log_products(scaled, counts, odds)
    n_groups = counts.sum(axis=1)
    low = np.zeros(len(counts))
    high = np.ones(len(counts))
    refuting = -np.log(alpha)

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_refuted = log_capital(products, n_groups, middle, odds) >= refuting
        low = np.where(is_refuted, middle, low)
        high = np.where(is_refuted, high, middle)

    return low
