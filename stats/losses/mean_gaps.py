"""Gaps in a mean of losses, Brier's or the logarithmic one, have limits that allow for skewed losses.

Axes: losses `(n_rows, n_models)`, hits alike, True where a model is right; groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups, count_groups, sum_by_group
from stats.losses.skewness import correct_for_skewness, find_skewness

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

MIN_WRONG = 10
"""A gap of probabilities has an interval where at least so many rows, or groups of them, are wrong for either model."""
FARTHEST = 1.25
"""With 1.25 an over-confident model's log loss is held in 93.7 % of samples of 500 rows and the limits are an eighth
farther apart; with no bound in 94.2 %, a quarter to three quarters farther."""
MIN_WEIGHT = 10.0
"""It has one where the differences weigh like those of at least so many equal rows."""


class MeanGaps:
    """MeanGaps has gaps in Brier's or the logarithmic loss: Student's limits or Hall's, the farther ones.

    Losses of an over-confident model are so skewed that Student's interval ends too soon on the side of its rare large
    ones. Hall's corrects for the skewness that the rows show: it reaches farther there and less far on the other side,
    where few rows know their skewness too badly to be believed. So each side has the limit that is farther out. None is
    farther than FARTHEST of Student's, beyond which Hall's says nothing (a cubic far from its middle).
    Groups count, not rows: the mean is a ratio of their sums. Loss is mostly that of mistakes, so that with few of them
    there is no interval. `uneven` says what rows are that are no hits.
    """

    def __init__(
        self,
        losses: Floats,
        hits: Hits,
        groups: Groups | None,
        *,
        uneven: str = "wrong",
    ) -> None:
        self._uneven = uneven
        self._hits = hits
        self._means = losses.mean(axis=0)
        self._n_groups = count_groups(groups, len(losses))
        self._found: dict[tuple[int, int], tuple[float, float, float]] = {}
        self.groups = groups
        self.residuals = losses - self._means
        self.degrees: int | None = self._n_groups - 1

    def find_gap(self, first: int, second: int) -> float:
        return float(self._means[second] - self._means[first])

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        if (first, second) not in self._found:
            sums = self._sum_apart(first, second)
            gap = self.find_gap(first, second)
            error = self.find_error(first, second)
            step = find_skewness(sums) / math.sqrt(len(sums))
            self._found[first, second] = gap, error, step

        gap, error, step = self._found[first, second]
        farthest = FARTHEST * z
        below = min(max(z, correct_for_skewness(z, step)), farthest)
        above = min(max(z, -correct_for_skewness(-z, step)), farthest)

        return gap - below * error, gap + above * error

    def find_error(self, first: int, second: int) -> float:
        """Returns the standard error of a gap, by what groups, or rows, show of it."""
        sums = self._sum_apart(first, second)
        squares = float(sums @ sums)
        variance = squares / max(1, self._n_groups - 1) * self._n_groups

        return math.sqrt(variance) / len(self.residuals)

    def explain(self, first: int, second: int) -> str | None:
        unit = "row" if self.groups is None else "group"
        is_wrong = ~self._hits[:, first] | ~self._hits[:, second]
        n_wrong = int((sum_by_group(is_wrong, self.groups) > 0).sum())
        what = self._uneven
        if n_wrong == 0:
            return f"no interval: no {unit} is {what} for either, and such ones have most of a difference"
        if n_wrong < MIN_WRONG:
            are, have = (" is", "it has") if n_wrong == 1 else ("s are", "they have")
            count = f"{n_wrong} {unit}{are}"
            return f"no interval: {count} {what} for either, and {have} most of the difference"

        sums = self._sum_apart(first, second)
        squares = float(sums @ sums)
        if squares <= 1e-18 * len(sums):
            return "no interval: the losses differ by too little"
        if float(np.abs(sums).sum()) ** 2 / squares < MIN_WEIGHT:
            return f"no interval: a few {unit}s have most of the difference"

        return None

    def _sum_apart(self, first: int, second: int) -> Floats:
        apart = self.residuals[:, second] - self.residuals[:, first]
        return sum_by_group(apart, self.groups)
