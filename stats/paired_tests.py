"""Tests of whether classifiers are right equally often on the same rows: McNemar, Cochran, with Holm's correction."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.chi_square import chi_square_tail


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[str, Any]:
    """Exact two-sided test that both are right equally often; McNemar, Psychometrika 12 (1947).

    `only_a` and `only_b` count the rows on which one alone is right; under the hypothesis they are fair
    coin tosses. Without such a row there is no evidence of a difference: p is 1.
    """
    only_a = int((first & ~second).sum())
    only_b = int((second & ~first).sum())
    tail, _ = _fair_tail(only_a, only_b)
    return {
        "only_a": only_a,
        "only_b": only_b,
        "p_value": min(1.0, 2 * tail / 2 ** (only_a + only_b)),
    }


def mcnemar_mid_p(only_a: int, only_b: int) -> float:
    """The same test's mid-p value, less conservative; Fagerland et al., BMC Med. Res. Methodol. 13 (2013)."""
    tail, last = _fair_tail(only_a, only_b)
    ways: int = 2 ** (only_a + only_b)
    return 1 - last / (2 * ways) if only_a == only_b else (2 * tail - last) / ways


def _fair_tail(only_a: int, only_b: int) -> tuple[int, int]:
    """Of so many fair tosses, in how many ways heads fall at most, and exactly, as often as the rarer side did."""
    tosses = only_a + only_b
    ways = tail = 1

    for heads in range(1, min(only_a, only_b) + 1):
        ways = (
            ways * (tosses - heads + 1) // heads
        )  # the binomial coefficient, from the one before it
        tail += ways

    return tail, ways


def holm(p_values: list[float]) -> list[float]:
    """p-values adjusted for their number; Holm, Scand. J. Stat. 6 (1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest

    return adjusted


def cochran_q(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """Test that all models are right equally often; Cochran, Biometrika 37 (1950)."""
    n_models = hits.shape[1]
    if n_models < 2:
        return {
            "statistic": None,
            "p_value": None,
            "reason": "undefined: it takes two models",
        }

    by_model = hits.sum(axis=0, dtype=np.int64)
    by_row = hits.sum(axis=1, dtype=np.int64)
    spread = int((by_row * (n_models - by_row)).sum())
    if spread == 0:
        return {
            "statistic": None,
            "p_value": None,
            "reason": "undefined: the models are right on the same rows",
        }

    total = int(by_model.sum())
    statistic = (
        (n_models - 1) * (n_models * int((by_model**2).sum()) - total**2) / spread
    )

    return {
        "statistic": statistic,
        "p_value": chi_square_tail(statistic, degrees=n_models - 1),
    }
