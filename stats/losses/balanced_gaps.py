"""Gaps in balanced accuracy have limits that join those of each class's recalls.

Axes: hits `(n_rows, n_models)` are True where a model is right; groups `(n_rows,)` as in `stats.groups`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stats.groups import Groups, design_effect
from stats.paired_differences import newcombe

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]
Labels = NDArray[np.int64]


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
            is_miss = ~hits[inside]
            misses = is_miss - is_miss.mean(axis=0)
            weight = len(truth) / (self._n_classes * int(inside.sum()))
            self.residuals[inside] = weight * misses

    def find_gap(self, first: int, second: int) -> float:
        cells = self._count(first, second)
        return float(_find_gaps(cells).mean())

    def bound(self, first: int, second: int, z: float) -> tuple[float, float]:
        cells = self._count(first, second)
        gaps = _find_gaps(cells)
        gap = float(gaps.mean())

        independent = cells / self._find_effects(first, second)
        low, high = newcombe(*independent.T, z=z)
        below = _join(gaps - low)
        above = _join(high - gaps)

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


def _find_gaps(cells: Floats) -> Floats:
    """Returns the gap of each class's recalls, `(n_classes,)`, of its counts of rows `(n_classes, 4)`."""
    only_first = cells[:, 1]
    only_second = cells[:, 2]
    gaps: Floats = (only_first - only_second) / cells.sum(axis=1)

    return gaps


def _join(half_widths: Floats) -> float:
    """Returns the half width of the mean of independent estimates with these `(n_classes,)`."""
    squares = float((half_widths**2).sum())
    return math.sqrt(squares) / len(half_widths)
