"""This module finds gaps between models in a loss: each kind of loss has the interval that holds for it.

A gap is how much less the first of two models loses a row, on the mean: it is over 0 where the first is the better one.

Axes: losses `(n_rows, n_models)`, hits alike, True where a model is right; groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups, design_effect, sum_by_group
from stats.paired import newcombe

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]
Labels = NDArray[np.int64]

MIN_WRONG = 10
"""A gap of probabilities has an interval where at least so many rows, or groups of them, are wrong for either model."""
FARTHEST = 1.25
"""With 1.25 an over-confident model's log loss is held in 93.7 % of samples of 500 rows and the limits are an eighth
farther apart; with no bound in 94.2 %, a quarter to three quarters farther."""
MIN_STEP = 1e-9
"""A smaller skewness over the root of the number of rows changes nothing."""
MIN_WEIGHT = 10.0
"""It has one where the differences weigh like those of at least so many equal rows."""


class Gaps(Protocol):
    """Gaps are those of all pairs of models in one loss.

    `residuals` `(n_rows, n_models)` are what each row adds to the error of a model's mean loss. `degrees` are those of
    Student's distribution that the statistic of a pair has, None where it is as good as normal.
    """

    residuals: Floats
    groups: Groups | None
    degrees: int | None

    def find_gap(self, first: int, second: int) -> float:
        """Returns how much less the first model loses."""
        ...

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        """Returns the limits of a gap that is as many deviations away as `z` says."""
        ...

    def explain(self, first: int, second: int, /) -> str | None:
        """Returns why a gap has no interval, None where it has one."""
        ...


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
        self.groups = groups
        self.residuals = losses - losses.mean(axis=0)
        self._means = losses.mean(axis=0)
        self._hits = hits
        n_groups = len(losses) if groups is None else len(np.unique(groups))
        self._n_groups = n_groups
        self._found: dict[tuple[int, int], tuple[float, float, float]] = {}
        self.degrees: int | None = n_groups - 1

    def find_gap(self, first: int, second: int) -> float:
        return float(self._means[second] - self._means[first])

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        if (first, second) not in self._found:
            sums = self._sum_apart(first, second)
            found = (
                self.find_gap(first, second),
                self.find_error(first, second),
                find_skewness(sums) / math.sqrt(len(sums)),
            )
            self._found[first, second] = found

        gap, error, step = self._found[first, second]
        farther = (correct_for_skewness(z, step), -correct_for_skewness(-z, step))
        below, above = (min(max(z, each), FARTHEST * z) for each in farther)

        return gap - below * error, gap + above * error

    def find_error(self, first: int, second: int) -> float:
        """Returns the standard error of a gap, by what groups, or rows, show of it."""
        sums = self._sum_apart(first, second)
        variance = float(sums @ sums) / max(1, self._n_groups - 1) * self._n_groups

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


def find_skewness(sums: Floats) -> float:
    """Returns the skewness of independent sums, 0 where they are all equal; as `scipy.stats.skew`."""
    centred = sums - sums.mean()
    variance = float((centred**2).mean())
    return float((centred**3).mean()) / variance**1.5 if variance > 0 else 0.0


def correct_for_skewness(z: float, step: float) -> float:
    """Returns the studentised error of a mean that Hall's transformation takes to z (J. R. Stat. Soc. B 54, 1992, 221).

    Of n independent sums with a skewness of `step` times the root of n it takes t to
    t + step t^2 / 3 + step^2 t^3 / 27 + step / 6.
    """
    if abs(step) < MIN_STEP:
        return z
    return 3 / step * (math.cbrt(1 + step * (z - step / 6)) - 1)


class BalancedGaps:
    """BalancedGaps has gaps in balanced accuracy: Newcombe's limits of each class's recalls, joined.

    They are joined as those of independent estimates are (MOVER; Zou and Donner, Stat. Med. 27, 2008, 1693).
    """

    degrees: int | None = None

    def __init__(self, hits: Hits, truth: Labels, groups: Groups | None) -> None:
        self.groups = groups
        self._hits = hits
        self._inside = [truth == each for each in np.unique(truth)]
        self._n_classes = len(self._inside)
        self.residuals = np.zeros(hits.shape)
        for inside in self._inside:
            misses = ~hits[inside] - (~hits[inside]).mean(axis=0)
            weight = len(truth) / (self._n_classes * int(inside.sum()))
            self.residuals[inside] = weight * misses

    def find_gap(self, first: int, second: int) -> float:
        cells = self._count(first, second)
        return float(((cells[:, 1] - cells[:, 2]) / cells.sum(axis=1)).mean())

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        cells = self._count(first, second)
        gaps = (cells[:, 1] - cells[:, 2]) / cells.sum(axis=1)
        low, high = newcombe(*(cells / self._find_effects(first, second)).T, z=z)
        below = math.sqrt(float(((gaps - low) ** 2).sum())) / self._n_classes
        above = math.sqrt(float(((high - gaps) ** 2).sum())) / self._n_classes
        gap = float(gaps.mean())

        return max(-1.0, gap - below), min(1.0, gap + above)

    def explain(self, *_: int) -> str | None:
        """There always is an interval."""
        return None

    def _count(self, first: int, second: int) -> Floats:
        """Returns for each class the rows on which both are right, the first alone, the second alone, and neither."""
        cells = 2 * ~self._hits[:, first] + ~self._hits[:, second]
        counts = [np.bincount(cells[inside], minlength=4) for inside in self._inside]

        return np.array(counts, dtype=np.float64)

    def _find_effects(self, first: int, second: int) -> Floats:
        """Returns the design effect of each class, `(n_classes, 1)`, at least that of all rows."""
        if self.groups is None:
            return np.ones((self._n_classes, 1))

        apart = self.residuals[:, second] - self.residuals[:, first]
        of_all = design_effect(apart, self.groups)
        found = [
            max(of_all, design_effect(apart[inside], self.groups[inside]))
            for inside in self._inside
        ]

        return np.array(found)[:, None]


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
        self._possible = np.unique(np.round(possible, 9))

    def find_gap(self, first: int, second: int) -> float:
        apart = self._losses[:, second] - self._losses[:, first]
        return float(apart.mean()) + self._find_price(first, second)

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        apart = self._losses[:, second] - self._losses[:, first]
        gap = self.find_gap(first, second)
        effect = design_effect(apart - apart.mean(), self.groups)
        values, counts = self._count(apart)
        n_rows = len(apart) / effect
        low, high = _wilson(counts / effect, n_rows, z)
        shares = counts / len(apart)
        down, up = values * (shares - low), values * (high - shares)
        below = np.where(values > 0, down, up)
        above = np.where(values > 0, up, down)

        return gap - float(np.linalg.norm(below)), gap + float(np.linalg.norm(above))

    def explain(self, *_: int) -> str | None:
        """There always is an interval."""
        return None

    def _find_price(self, first: int, second: int) -> float:
        return float(self._prices[second] - self._prices[first])

    def _count(self, apart: Floats) -> tuple[Floats, Floats]:
        """Returns the differences that rows have, with their counts, and the largest that they lack, with 0."""
        values, counts = np.unique(np.round(apart, 9), return_counts=True)
        missing = np.setdiff1d(self._possible, values)
        unseen = [
            each
            for each in (missing.max(initial=0.0), missing.min(initial=0.0))
            if each != 0
        ]
        is_apart = values != 0

        return (
            np.concatenate([values[is_apart], unseen]),
            np.concatenate([counts[is_apart], np.zeros(len(unseen))]),
        )


def _wilson(counts: Floats, n_rows: float, z: float) -> tuple[Floats, Floats]:
    """Returns Wilson's limits of shares of rows, the lower one corrected for continuity.

    A mistake that one row shows may be far rarer than that. Wilson's own limit then lies at 0.18 of a row, so that of a
    mistake just rarer each sample that shows it, one of six, has an interval above the truth. The corrected limit
    (Newcombe, Stat. Med. 17, 1998, 857, method 4) lies at 0.05 of a row, which one sample of twenty shows.
    """
    shares = counts / n_rows
    centre = shares + z * z / (2 * n_rows)
    half_width = z * np.sqrt(
        shares * (1 - shares) / n_rows + z * z / (4 * n_rows * n_rows)
    )
    scale = 1 + z * z / n_rows
    corrected = z * z - 2 - 1 / n_rows + 4 * shares * (n_rows * (1 - shares) + 1)
    below = 2 * counts + z * z - 1 - z * np.sqrt(np.maximum(0.0, corrected))
    low = np.where(counts == 0, 0.0, below / (2 * n_rows * scale))

    return np.maximum(0.0, low), np.minimum(1.0, (centre + half_width) / scale)
