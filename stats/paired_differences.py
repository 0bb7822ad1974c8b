"""This module says how far the accuracies of two classifiers are apart on the same rows.

All of it follows from the four counts of `Pair`; only the discordant rows, on which one alone is right, say anything
of a difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import clopper_pearson
from stats.groups import Groups, design_effect

Cells = Any
"""Counts of rows, or shares of them: numbers, or arrays of float64."""

ALPHA = 0.05

_normal_quantile = NormalDist().inv_cdf


@dataclass(frozen=True)
class Pair:
    """Counts of rows on which both are right, a alone, b alone, and neither; together they are at least one."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @classmethod
    def of(cls, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Pair:
        """Counts hits `(n_rows,)` of a and of b, True where one is right."""
        cells = 2 * ~first + ~second
        counts = np.bincount(cells, minlength=4).tolist()
        return cls(*counts)

    @property
    def n_rows(self) -> int:
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def hits_a(self) -> int:
        return self.both + self.only_a

    @property
    def hits_b(self) -> int:
        return self.both + self.only_b

    @property
    def discordant(self) -> int:
        return self.only_a + self.only_b

    @property
    def difference(self) -> float:
        """Returns the accuracy of a less that of b, from -1 to 1."""
        return (self.only_a - self.only_b) / self.n_rows


def find_effect(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: Groups | None
) -> float:
    """Returns the design effect of the difference of two models' hits `(n_rows,)`: 1 where each row is by itself."""
    apart = first.astype(np.float64) - second
    return design_effect(apart - apart.mean(), groups)


def difference_interval(
    pair: Pair,
    *,
    confidence: float = 0.95,
    z: float | None = None,
    effect: float = 1.0,
) -> tuple[float, float]:
    """Returns the interval of the difference, within -1 and 1; Newcombe, Stat. Med. 17 (1998) 2635, method 10.

    The Wilson limits of both accuracies are joined by the correlation of the hits, which is corrected for continuity.
    `z` is a critical value in place of a confidence. So many rows as `effect` says are worth an independent one.
    """
    if z is None:
        z = _normal_quantile((1 + confidence) / 2)

    counts = (pair.both, pair.only_a, pair.only_b, pair.neither)
    cells = np.array(counts, dtype=np.float64) / effect
    lower, upper = newcombe(*cells, z=z)

    return min(float(lower), pair.difference), max(float(upper), pair.difference)


def newcombe(
    both: Cells, only_a: Cells, only_b: Cells, neither: Cells, *, z: float
) -> tuple[Cells, Cells]:
    """Returns the lower and upper limits `(...)` of the differences of tables `(...)`, which need not be whole."""
    n_rows = both + only_a + only_b + neither
    share_a = (both + only_a) / n_rows
    share_b = (both + only_b) / n_rows
    low_a, high_a = _wilson(share_a, n_rows, z)
    low_b, high_b = _wilson(share_b, n_rows, z)

    phi = _correlate_hits(both, only_a, only_b, neither)
    below = _join_half_widths(share_a - low_a, high_b - share_b, phi)
    above = _join_half_widths(high_a - share_a, share_b - low_b, phi)
    difference = share_a - share_b

    return np.maximum(-1.0, difference - below), np.minimum(1.0, difference + above)


def lower_limit(pair: Pair, *, effect: float = 1.0) -> float:
    """Returns the one-sided 95 % limit under the difference: the lower end of its 90 % interval."""
    lower, _ = difference_interval(pair, confidence=1 - 2 * ALPHA, effect=effect)
    return lower


def odds_ratio(pair: Pair) -> dict[str, Any]:
    """Returns how much more often a alone is right than b alone, with the exact interval given the discordant rows.

    The interval is Clopper and Pearson's of the share of a among them; Breslow and Day, 1980, section 5.2. The value
    is None where b alone is right on no row, and the interval's upper end where there is none.
    """
    if pair.discordant == 0:
        return {
            "value": None,
            "interval": None,
            "reason": "undefined: the models are right on the same rows",
        }

    low, high = clopper_pearson(pair.only_a, pair.discordant)
    lower = low / (1 - low)
    upper = high / (1 - high) if high < 1 else None
    if pair.only_b == 0:
        return {
            "value": None,
            "interval": (lower, upper),
            "reason": "without an upper end: b alone is right on no row",
        }

    value = pair.only_a / pair.only_b
    # Rounding may leave out the value of so many rows that both ends meet it.
    if upper is not None:
        upper = max(upper, value)

    return {"value": value, "interval": (min(lower, value), upper)}


def _wilson(shares: Cells, n_rows: Cells, z: float) -> tuple[Cells, Cells]:
    """Returns Wilson's limits of shares `(...)`; those of 0 and 1 are met within rounding."""
    centre = shares + z * z / (2 * n_rows)
    spread = shares * (1 - shares) / n_rows + z * z / (4 * n_rows * n_rows)
    half_width = z * np.sqrt(spread)
    scale = 1 + z * z / n_rows

    return (centre - half_width) / scale, (centre + half_width) / scale


def _correlate_hits(both: Cells, only_a: Cells, only_b: Cells, neither: Cells) -> Cells:
    """Returns Newcombe's phi, from -1 to 1; 0 where a model is right or wrong throughout."""
    n_rows = both + only_a + only_b + neither
    hits_a = both + only_a
    hits_b = both + only_b
    product = hits_a * (n_rows - hits_a) * hits_b * (n_rows - hits_b)

    plain = both * neither - only_a * only_b
    corrected = np.maximum(plain - n_rows / 2, 0)  # for continuity
    covariance = np.where(plain > 0, corrected, plain)
    is_defined = product > 0
    root = np.sqrt(np.where(is_defined, product, 1.0))

    return np.where(is_defined, covariance / root, 0.0)


def _join_half_widths(first: Cells, second: Cells, phi: Cells) -> Cells:
    """Returns the half width of a difference from those of two shares whose hits are correlated by `phi`."""
    squared = first**2 - 2 * phi * first * second + second**2
    return np.sqrt(np.maximum(0.0, squared))
