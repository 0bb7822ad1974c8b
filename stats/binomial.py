"""Exact binomial tails, and the limits of a share that they give. Standard library and numpy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

HALVINGS = 100
"""Of the interval in which a limit is sought: more than a float64 has digits."""


def at_most(hits: int, n_rows: int, *, share: float) -> float:
    """P(X <= hits), where each of `n_rows` rows is a hit with the probability `share`."""
    return _tail(_log_ways(hits, n_rows), n_rows, share)


def clopper_pearson(
    hits: int, n_rows: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The exact interval of a share; Clopper and Pearson, Biometrika 26 (1934). From 0 to 1 without a row."""
    alpha = (1 - confidence) / 2
    return 1 - upper_limit(n_rows - hits, n_rows, alpha=alpha), upper_limit(
        hits, n_rows, alpha=alpha
    )


def upper_limit(hits: int, n_rows: int, *, alpha: float) -> float:
    """The share at which so few hits have the probability `alpha`: the exact one-sided limit, found by halving."""
    if hits >= n_rows:
        return 1.0

    ways = _log_ways(hits, n_rows)
    low = hits / n_rows
    high = 1.0

    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break

        low, high = (
            (middle, high) if _tail(ways, n_rows, middle) > alpha else (low, middle)
        )

    return (low + high) / 2


def _tail(log_ways: NDArray[np.float64], n_rows: int, share: float) -> float:
    if len(log_ways) > n_rows or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0

    counts = np.arange(len(log_ways))

    return float(
        np.exp(
            log_ways + counts * math.log(share) + (n_rows - counts) * math.log1p(-share)
        ).sum()
    )


def _log_ways(hits: int, n_rows: int) -> NDArray[np.float64]:
    """ln of the binomial coefficients of `n_rows` up to that of `hits`, `(hits + 1,)`."""
    counts = np.arange(hits)
    ways: NDArray[np.float64] = np.concatenate(
        [[0.0], np.cumsum(np.log(n_rows - counts) - np.log(counts + 1))]
    )
    return ways
