"""Tests that classifiers are right equally often on the same rows: McNemar's, Cochran's, and Holm's correction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.chi_square import chi_square_tail

Hits = NDArray[np.bool_]


def mcnemar(first: Hits, second: Hits) -> dict[str, Any]:
    """Returns the exact two-sided test of two models' hits `(n_rows,)`; McNemar, Psychometrika 12 (1947) 153.

    `only_a` and `only_b` count the rows on which one alone is right; under the hypothesis they are fair coin tosses.
    Without such a row there is no evidence of a difference: the p-value is 1.
    """
    only_a = int((first & ~second).sum())
    only_b = int((second & ~first).sum())
    n_as_rare, _ = _count_fair_outcomes(only_a, only_b)
    n_outcomes = 2 ** (only_a + only_b)

    return {
        "only_a": only_a,
        "only_b": only_b,
        "p_value": min(1.0, 2 * n_as_rare / n_outcomes),
    }


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Returns the mid-p value of McNemar's test, from 0 to 1; Fagerland et al., BMC Med. Res. Methodol. 13 (2013) 91.

    It is less conservative than the exact p-value: what was seen counts with half of its probability.
    """
    n_as_rare, n_exactly = _count_fair_outcomes(only_a, only_b)
    n_outcomes: int = 2 ** (only_a + only_b)
    if only_a == only_b:
        return 1 - n_exactly / (2 * n_outcomes)
    return (2 * n_as_rare - n_exactly) / n_outcomes


def holm(p_values: list[float]) -> list[float]:
    """Returns p-values adjusted for their number, each at most 1, in the order given; Holm, Scand. J. Stat. 6 (1979).

    They are those of `statsmodels.stats.multitest.multipletests` with the method "holm".
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0

    for rank, index in enumerate(order):
        n_left = len(p_values) - rank
        highest = max(highest, min(1.0, n_left * p_values[index]))
        adjusted[index] = highest

    return adjusted


def min_discordant(other_p_values: list[float], *, alpha: float) -> int:
    """Returns on how many rows at least one model alone must be right for Holm's correction to find a difference.

    So many, all for one of the two, have a p-value of 2 / 2**count, which is adjusted beside those of the other pairs.
    """
    count = 1
    while holm([2 / 2**count, *other_p_values])[0] >= alpha:
        count += 1

    return count


def cochran_q(hits: Hits) -> dict[str, Any]:
    """Returns the statistic and the p-value of Cochran's Q over hits `(n_rows, n_models)`; Biometrika 37 (1950) 256.

    Both are None, with a reason, for a single model and where all models are right on the same rows.
    """
    n_models = hits.shape[1]
    if n_models < 2:
        return _undefined("undefined: it takes two models")

    by_model = hits.sum(axis=0, dtype=np.int64)
    by_row = hits.sum(axis=1, dtype=np.int64)
    n_discordant = int((by_row * (n_models - by_row)).sum())
    if n_discordant == 0:
        return _undefined("undefined: the models are right on the same rows")

    n_hits = int(by_model.sum())
    sum_of_squares = int((by_model**2).sum())
    deviation = n_models * sum_of_squares - n_hits**2
    statistic = (n_models - 1) * deviation / n_discordant

    return {
        "statistic": statistic,
        "p_value": chi_square_tail(statistic, degrees=n_models - 1),
    }


def _undefined(reason: str) -> dict[str, Any]:
    return {"statistic": None, "p_value": None, "reason": reason}


def _count_fair_outcomes(only_a: int, only_b: int) -> tuple[int, int]:
    """Returns how many outcomes of fair coin tosses have heads at most, and exactly, as often as the rarer side fell.

    All outcomes together are 2 ** (only_a + only_b).
    """
    n_tosses = only_a + only_b
    coefficient = 1
    at_most = 1

    for heads in range(1, min(only_a, only_b) + 1):
        # Each binomial coefficient follows from the one before it.
        coefficient = coefficient * (n_tosses - heads + 1) // heads
        at_most += coefficient

    return at_most, coefficient
