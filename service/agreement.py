"""How alike classifiers are: agreement, kappa, and paired tests of their errors. Standard library and numpy.

Axes: labels `(n_rows, n_models)` class indices; hits `(n_rows, n_models)`, True where a model is right.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Shares = NDArray[np.float64]


def agreements(labels: Labels) -> Shares:
    """For each pair of models the share of rows with the same label, `(n_models, n_models)`."""
    shares: Shares = (labels[:, :, None] == labels[:, None, :]).sum(axis=0) / len(labels)
    return shares


def kappas(agreed: Shares, labels: Labels, *, n_classes: int) -> Shares:
    """For each pair of models their agreement beyond chance; Cohen, Educ. Psychol. Meas. 20 (1960).

    `agreed` is what `agreements` says. NaN where both give one and the same label throughout: chance alone would agree
    on every row.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_models)
    shares = np.bincount(places.ravel(), minlength=n_classes * n_models).reshape(n_models, n_classes) / n_rows
    by_chance = shares @ shares.T
    by_chance[by_chance > 1 - 1e-9] = np.nan
    kappas: Shares = (agreed - by_chance) / (1 - by_chance)
    return kappas


def fleiss_kappa(labels: Labels, *, n_classes: int) -> float | None:
    """Agreement of all models beyond chance; Fleiss, Psychol. Bull. 76 (1971).

    None for a single model, and where all give one and the same label throughout.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_rows)[:, None]
    votes = np.bincount(places.ravel(), minlength=n_rows * n_classes).reshape(n_rows, n_classes)
    by_chance = float(((votes.sum(axis=0) / labels.size) ** 2).sum())
    if n_models < 2 or by_chance > 1 - 1e-9:
        return None
    agreed = float(((votes**2).sum(axis=1) - n_models).mean()) / (n_models * (n_models - 1))
    kappa: float = (agreed - by_chance) / (1 - by_chance)
    return kappa


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[str, Any]:
    """Exact two-sided test that both are right equally often; McNemar, Psychometrika 12 (1947).

    `only_a` and `only_b` count the rows on which one alone is right; under the hypothesis they are fair
    coin tosses. Without such a row there is no evidence of a difference: p is 1.
    """
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    tail, _ = _fair_tail(only_a, only_b)
    return {"only_a": only_a, "only_b": only_b, "p_value": min(1.0, 2 * tail / 2 ** (only_a + only_b))}


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
        ways = ways * (tosses - heads + 1) // heads  # the binomial coefficient, from the one before it
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
        return {"statistic": None, "p_value": None, "reason": "undefined: it takes two models"}
    by_model = hits.sum(axis=0, dtype=np.int64)
    by_row = hits.sum(axis=1, dtype=np.int64)
    spread = int((by_row * (n_models - by_row)).sum())
    if spread == 0:
        return {"statistic": None, "p_value": None, "reason": "undefined: the models are right on the same rows"}
    total = int(by_model.sum())
    statistic = (n_models - 1) * (n_models * int((by_model**2).sum()) - total**2) / spread
    return {"statistic": statistic, "p_value": chi_square_tail(statistic, degrees=n_models - 1)}


def chi_square_tail(statistic: float, *, degrees: int) -> float:
    """P(chi-square with that many degrees of freedom >= statistic).

    Closed forms for whole degrees: Abramowitz and Stegun, 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if degrees % 2:
        terms = [half ** (i - 0.5) / math.gamma(i + 0.5) for i in range(1, (degrees + 1) // 2)]
        return math.erfc(math.sqrt(half)) + math.exp(-half) * math.fsum(terms)
    return math.exp(-half) * math.fsum(half**i / math.factorial(i) for i in range(degrees // 2))
