"""Runs are judged here: is one steady, which limits has the median of repeats, and how do two sets compare."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stats.student import t_quantile

Floats = NDArray[np.float64]

MIN_VALUES = 8
"""Of fewer values the normal approximation of Kendall's statistic says little."""
DRAWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Kendall's tau with its two-sided p-value, and the median rise from one value to the next."""

    tau: float
    p_value: float
    slope: float


def find_warm_up(values: Floats) -> int:
    """Returns how many values at the start are better left out: those whose removal makes the mean's error smallest.

    This is the marginal standard error rule of White, Simulation 69 (1997) 323, sought in the first half alone.
    """
    n_values = len(values)
    if n_values < 2:
        return 0

    errors = [
        float(np.square(values[start:] - values[start:].mean()).sum())
        / (n_values - start) ** 2
        for start in range(n_values // 2 + 1)
    ]

    return int(np.argmin(errors))


def find_trend(values: Floats) -> Trend | None:
    """Returns the trend of a series, by Mann's test with Kendall's variance and Sen's slope; None of too few values.

    Mann, Econometrica 13 (1945) 245; Kendall, Rank Correlation Methods (1975), with ties; Sen, JASA 63 (1968) 1379.
    """
    n_values = len(values)
    if n_values < MIN_VALUES:
        return None

    first, second = np.triu_indices(n_values, k=1)
    rises = values[second] - values[first]
    score = float(np.sign(rises).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = _variance(np.array([n_values])) - _variance(ties)
    z = 0.0 if variance <= 0 else (abs(score) - 1) / sqrt(variance)

    return Trend(
        tau=score / len(rises),
        p_value=erfc(max(z, 0.0) / sqrt(2)),
        slope=float(np.median(rises / (second - first))),
    )


def _variance(counts: NDArray[np.int64]) -> float:
    """Returns the variance of the score of so many values in random order."""
    return float((counts * (counts - 1) * (2 * counts + 5)).sum()) / 18


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """New over old, with its interval."""

    value: float
    low: float
    high: float


def median_confidence(n_runs: int) -> float:
    """Returns how probably the median of all possible runs lies between the least and the greatest of so many.

    It does unless all lie on one side of it: David and Nagaraja, Order Statistics (2003), section 7.1.
    """
    return max(0.0, 1 - 0.5 ** (n_runs - 1))


def compare_means(
    old: Floats, new: Floats, *, confidence: float = 0.95, seed: int = 0
) -> Ratio:
    """Returns the ratio of geometric means with a bootstrap interval, both sets of runs drawn anew with replacement.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), sections 8.3 and 13.3; the percentiles lie further
    out than the confidence says, as far as few runs need it: Hesterberg, The American Statistician 69 (2015) 371.
    """
    generator = np.random.default_rng(seed)
    old_logs = np.log(old)
    new_logs = np.log(new)
    differences = _draw_means(new_logs, generator) - _draw_means(old_logs, generator)
    alpha = _expand((1 - confidence) / 2, min(len(old), len(new)))
    low, high = np.exp(np.quantile(differences, [alpha, 1 - alpha]))

    return Ratio(
        value=float(np.exp(new_logs.mean() - old_logs.mean())),
        low=float(low),
        high=float(high),
    )


def _expand(alpha: float, n_runs: int) -> float:
    """Returns the share in each tail whose percentiles make up for so few runs."""
    if n_runs < 2:
        return alpha

    wide = sqrt(n_runs / (n_runs - 1)) * t_quantile(1 - 2 * alpha, n_runs - 1)
    return NormalDist().cdf(-wide)


def _draw_means(values: Floats, generator: np.random.Generator) -> Floats:
    drawn = generator.integers(0, len(values), (DRAWS, len(values)))
    means: Floats = values[drawn].mean(axis=1)

    return means
