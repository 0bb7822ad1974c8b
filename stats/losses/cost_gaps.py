"""Gaps in cost have limits that join those of each difference's share of the rows.

Axes: losses `(n_rows, n_models)`; groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups, design_effect

Floats = NDArray[np.float64]

DIGITS = 9
"""Differences that are equal when they are rounded so count as one."""


class CostGaps:
    """Gaps in cost have few values: Wilson's limits of the share of rows with each difference are joined (MOVER).

    `possible` are differences that two answers to one row may have. Those that no row shows count as one that none of
    so many rows shows, of the largest of them: a dear mistake that was not seen is not one that cannot be. `prices`
    `(n_models,)` are what each row costs besides, whatever the answer.
    """

    degrees: int | None = None

    def __init__(
        self,
        losses: Floats,
        possible: Floats,
        groups: Groups | None,
        prices: Floats | None = None,
    ) -> None:
        self.groups = groups
        self.residuals = losses - losses.mean(axis=0)
        self._losses = losses
        self._prices = np.zeros(losses.shape[1]) if prices is None else prices
        self._possible = np.unique(np.round(possible, DIGITS))

    def find_gap(self, first: int, second: int) -> float:
        apart = self._losses[:, second] - self._losses[:, first]
        return float(apart.mean()) + self._find_price(first, second)

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        apart = self._losses[:, second] - self._losses[:, first]
        gap = self.find_gap(first, second)
        effect = design_effect(apart - apart.mean(), self.groups)
        values, counts = self._count(apart)

        n_rows = len(apart)
        shares = counts / n_rows
        low, high = _wilson(counts / effect, n_rows / effect, z)

        if_rarer = values * (shares - low)
        if_more_frequent = values * (high - shares)
        is_gain = values > 0
        below = np.where(is_gain, if_rarer, if_more_frequent)
        above = np.where(is_gain, if_more_frequent, if_rarer)

        low_gap = gap - float(np.linalg.norm(below))
        high_gap = gap + float(np.linalg.norm(above))

        return low_gap, high_gap

    def explain(self, *_: int) -> str | None:
        """There always is an interval."""
        return None

    def _find_price(self, first: int, second: int) -> float:
        return float(self._prices[second] - self._prices[first])

    def _count(self, apart: Floats) -> tuple[Floats, Floats]:
        """Returns the differences that rows have, with their counts, and the largest that they lack, with 0."""
        values, counts = np.unique(np.round(apart, DIGITS), return_counts=True)
        missing = np.setdiff1d(self._possible, values)
        largest = missing.max(initial=0.0)
        smallest = missing.min(initial=0.0)
        unseen = [each for each in (largest, smallest) if each != 0]

        is_apart = values != 0
        all_values = np.concatenate([values[is_apart], unseen])
        all_counts = np.concatenate([counts[is_apart], np.zeros(len(unseen))])

        return all_values, all_counts


def _wilson(counts: Floats, n_rows: float, z: float) -> tuple[Floats, Floats]:
    """Returns Wilson's limits of shares of rows, the lower one corrected for continuity.

    A mistake that one row shows may be far rarer than that. Wilson's own limit then lies at 0.18 of a row, so that of a
    mistake just rarer each sample that shows it, one of six, has an interval above the truth. The corrected limit
    (Newcombe, Stat. Med. 17, 1998, 857, method 4) lies at 0.05 of a row, which one sample of twenty shows.
    """
    shares = counts / n_rows
    squared_z = z * z
    scale = 1 + squared_z / n_rows

    centre = shares + squared_z / (2 * n_rows)
    variance = shares * (1 - shares) / n_rows + squared_z / (4 * n_rows * n_rows)
    half_width = z * np.sqrt(variance)
    high = (centre + half_width) / scale

    spread = 4 * shares * (n_rows * (1 - shares) + 1)
    corrected = squared_z - 2 - 1 / n_rows + spread
    root = np.sqrt(np.maximum(0.0, corrected))
    below = 2 * counts + squared_z - 1 - z * root
    low = np.where(counts == 0, 0.0, below / (2 * n_rows * scale))

    return np.maximum(0.0, low), np.minimum(1.0, high)
