"""This module compares several classifiers on the same rows: who may be the best, and intervals that all hold together.

Axes: hits `(n_rows, n_models)` are True where a model is right; groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats.binomial import Z
from stats.groups import Groups, sum_by_group
from stats.paired_differences import Pair, find_effect, newcombe

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

CONFIDENCE = 0.95
ROUNDING = 1e-12
"""A variance of a difference that is less than this share of the models' own is 0."""
DRAWS = 10_000
SEED = 0
"""The draws are seeded: the same rows have the same critical values."""


class ErrorDraws(NamedTuple):
    """Draws of the errors of all accuracies together, `(DRAWS, n_models)`, and the deviations of their differences,
    `(n_models, n_models)`, 0 where two models are right on the same rows.
    """

    errors: Floats
    deviations: Floats


def draw_errors(hits: Hits, groups: Groups | None = None) -> ErrorDraws:
    """Returns draws from the normal distribution with the covariance that rows, or groups of them, show."""
    residuals = hits - hits.mean(axis=0)
    return draw_mean_errors(residuals, groups)


def draw_mean_errors(residuals: Floats, groups: Groups | None = None) -> ErrorDraws:
    """Returns draws of the errors of means whose rows add these residuals `(n_rows, n_models)` to them."""
    sums = np.stack([sum_by_group(each, groups) for each in residuals.T], axis=1)
    covariance = sums.T @ sums / len(residuals) ** 2

    return draw_from_covariance(covariance)


def draw_from_covariance(covariance: Floats) -> ErrorDraws:
    """Returns draws of errors with this covariance `(n_models, n_models)`."""
    variances = np.diagonal(covariance)
    squares = variances[:, None] + variances[None, :] - 2 * covariance
    least = ROUNDING * float(variances.max())
    deviations = np.sqrt(np.where(squares > least, squares, 0.0))

    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    generator = np.random.default_rng(SEED)
    standard = generator.standard_normal((DRAWS, len(values)))
    errors: Floats = standard @ root.T

    return ErrorDraws(errors, deviations)


def critical_value(draws: ErrorDraws) -> float:
    """Returns how many deviations all differences of pairs stay within at once, in 95 % of samples.

    It is the quantile of the largest studentised difference, and at least that of a single one (max-T; Hothorn, Bretz
    and Westfall, Biom. J. 50, 2008, 346).
    """
    n_draws, n_models = draws.errors.shape
    largest = np.zeros(n_draws)

    for model in range(n_models):
        differences = np.abs(studentise(draws, model))
        np.maximum(largest, differences.max(axis=1), out=largest)

    return max(Z, float(np.quantile(largest, CONFIDENCE)))


def find_best(hits: Hits, groups: Groups | None = None) -> list[int]:
    """Returns the models that may be the best: with 95 % confidence the one that truly is best is among them.

    A model is thrown out where another one's difference to it has a lower limit over 0; the limits hold for all others
    at once. Multiple comparisons with the best: Hsu, Ann. Stat. 12 (1984) 1136. The limits are Newcombe's.
    """

    def limit(first: int, second: int, z: float) -> float:
        return difference_limit(hits[:, first], hits[:, second], groups, z=z)

    return find_best_of(draw_errors(hits, groups), limit)


def find_best_of(
    draws: ErrorDraws, limit: Callable[[int, int, float], float]
) -> list[int]:
    """Returns the same for draws of errors; `limit` is the lower limit of a difference of two models, for a z."""
    n_models = len(draws.deviations)
    kept = []

    for model in range(n_models):
        highest = studentise(draws, model).max(axis=1)
        z = float(np.quantile(highest, CONFIDENCE))
        others = [each for each in range(n_models) if each != model]
        if not any(limit(other, model, z) > 0 for other in others):
            kept.append(model)

    return kept


def difference_limit(
    first: NDArray[np.bool_],
    second: NDArray[np.bool_],
    groups: Groups | None,
    *,
    z: float,
) -> float:
    """Returns the lower limit of a difference of accuracies, by Newcombe."""
    pair = Pair.of(first, second)
    return pair_limit(pair, z=z, effect=find_effect(first, second, groups))


def pair_limit(pair: Pair, *, z: float, effect: float = 1.0) -> float:
    """Returns the same for the counts of a pair."""
    counts = [pair.both, pair.only_a, pair.only_b, pair.neither]
    cells = np.array(counts, dtype=np.float64)
    lower, _ = newcombe(*(cells / effect), z=z)

    return float(lower)


def studentise(draws: ErrorDraws, model: int) -> Floats:
    """Returns the errors of all models less that of one, in deviations, `(DRAWS, n_models)`."""
    deviations = draws.deviations[model]
    apart = draws.errors - draws.errors[:, [model]]
    found: Floats = apart / np.where(deviations > 0, deviations, np.inf)

    return found
