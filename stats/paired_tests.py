"""These tests ask if classifiers are right equally often on the same rows: McNemar's, Cochran's, Holm's correction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import binomial_cdf
from stats.chi_square import chi_square_tail

Hits = NDArray[np.bool_]

MAX_EXACT_TOTAL = 20_000
"""Signs are flipped exactly up to so many rows on which the groups differ; of more the normal limit is as good.

Outcomes of coin tosses are counted in whole numbers up to so many, which takes 0.3 s and 25 times as long for five
times as many; of more the binomial distribution in float64 is right to nine digits.
"""


def mcnemar(first: Hits, second: Hits) -> dict[str, Any]:
    """Returns the exact two-sided test of two models' hits `(n_rows,)`; McNemar, Psychometrika 12 (1947) 153.

    `only_a` and `only_b` count the rows on which one alone is right; under the hypothesis they are fair coin tosses.
    Without such a row there is no evidence of a difference: the p-value is 1.
    """
    only_a = int((first & ~second).sum())
    only_b = int((second & ~first).sum())

    return {
        "only_a": only_a,
        "only_b": only_b,
        "p_value": mcnemar_p_value(only_a, only_b),
    }


def mcnemar_p_value(only_a: int, only_b: int) -> float:
    """Returns the p-value of `mcnemar` for rows on which one alone is right."""
    n_tosses = only_a + only_b
    if n_tosses > MAX_EXACT_TOTAL:
        return min(1.0, 2 * binomial_cdf(min(only_a, only_b), n_tosses, share=0.5))

    n_as_rare, _ = _count_fair_outcomes(only_a, only_b)
    n_outcomes: int = 2**n_tosses

    return min(1.0, 2 * n_as_rare / n_outcomes)


def sign_flip_test(sums: NDArray[np.int64]) -> float:
    """Returns the exact two-sided p-value of groups' sums `(n_groups,)` of hits of a less hits of b.

    Under the hypothesis each group's sum might as well have had the other sign; p is the share of all choices of signs
    whose total is at least as far from 0. Of groups of one row it is McNemar's exact test, and of very many rows the
    normal limit of it, the test of Durkalski et al., Stat. Med. 22 (2003) 2417.
    """
    sizes = np.abs(sums[sums != 0])
    total = int(sizes.sum())
    seen = abs(int(sums.sum()))
    if total > MAX_EXACT_TOTAL:
        deviation = math.sqrt(float((sizes.astype(np.float64) ** 2).sum()))
        return math.erfc(seen / deviation / math.sqrt(2))

    probabilities = np.ones(1)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        probabilities = np.convolve(probabilities, _toss_coins(int(count), int(size)))

    # The places are the sums of the groups whose sign is positive.
    above = float(probabilities[(total + seen) // 2 :].sum())
    below = float(probabilities[: (total - seen) // 2 + 1].sum())

    return min(1.0, above + below)


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """Returns the mid-p value of McNemar's test, from 0 to 1; Fagerland et al., BMC Med. Res. Methodol. 13 (2013) 91.

    It is less conservative than the exact p-value: what was seen counts with half of its probability.
    """
    n_tosses = only_a + only_b
    if n_tosses > MAX_EXACT_TOTAL:
        rarer = min(only_a, only_b)
        at_most = binomial_cdf(rarer, n_tosses, share=0.5)
        fewer = binomial_cdf(rarer - 1, n_tosses, share=0.5) if rarer else 0.0
        return 1 - (at_most - fewer) / 2 if only_a == only_b else at_most + fewer

    n_as_rare, n_exactly = _count_fair_outcomes(only_a, only_b)
    n_outcomes: int = 2**n_tosses
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


def benjamini_yekutieli(p_values: list[float]) -> list[float]:
    """Returns p-values adjusted for the share of false discoveries, whatever the tests have in common.

    Ann. Stat. 29 (2001) 1165; those of `statsmodels.stats.multitest.multipletests` with the method "fdr_by".
    """
    n_tests = len(p_values)
    harmonic = math.fsum(1 / each for each in range(1, n_tests + 1))
    order = sorted(range(n_tests), key=p_values.__getitem__, reverse=True)
    adjusted = [1.0] * n_tests
    lowest = 1.0

    for place, index in enumerate(order):
        rank = n_tests - place
        lowest = min(lowest, p_values[index] * n_tests * harmonic / rank)
        adjusted[index] = lowest

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
    by_row = hits.sum(axis=1, dtype=np.int64)
    n_discordant = int((by_row * (n_models - by_row)).sum())
    return cochran_of_counts(hits.sum(axis=0, dtype=np.int64), n_discordant)


def cochran_of_counts(by_model: NDArray[np.int64], n_discordant: int) -> dict[str, Any]:
    """Returns Cochran's test for hits of each model `(n_models,)`.

    `n_discordant` sums over the rows how many models are right times how many are wrong.
    """
    n_models = len(by_model)
    if n_models < 2:
        return _undefined("undefined: it takes two models")

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


def _toss_coins(n_coins: int, value: int) -> NDArray[np.float64]:
    """Returns the probabilities of the sums, from 0 on, of fair coins that are worth this each."""
    logs = [
        math.lgamma(n_coins + 1)
        - math.lgamma(each + 1)
        - math.lgamma(n_coins - each + 1)
        for each in range(n_coins + 1)
    ]
    probabilities = np.zeros(n_coins * value + 1)
    probabilities[::value] = np.exp(np.array(logs) - n_coins * math.log(2))

    return probabilities


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
