"""Correlations have changed where features go together in another way than in training, while each alone may not.

A value counts as the normal score of its cell in the training distribution, which has mean 0 and variance 1 there, so
that the mean product of two features' scores is their correlation, of ranks, whatever their units. Sums of the
products and of their squares are whole numbers, which workers and windows add up as they do counts of cells. For each
pair of features Welch's t compares the window with the held-out rows that lie beside the models, and so does Fisher's z
(Metron 1, 1921): a change is one that both show. With few held-out rows t errs where a correlation is strong, since
products are skewed there, and z where features are extreme together, since it takes them for normal. Pairs and parts of
the rows share 5 % by Bonferroni, beside the 5 % of the features by themselves.

Axes: rows `(n_rows, n_features)` as the graph takes them; products `(n_rows, n_pairs)`; sums `(2 n_pairs,)`, those of
products first, in parts of 1/4096.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from service.contract.live_answers import CorrelationDrift, PairDrift
from service.live.drift import MIN_ROWS, find_growth, share_level
from service.live.drift_cells import ROWS_AT_A_TIME, Counts, DriftCells, Features
from stats.chi_square import path_quantile
from stats.student import t_tail

Floats = NDArray[np.float64]

MAX_PAIRS = 512
"""All pairs of 32 features; of more features so many pairs are drawn, the same each time."""
SCALE = 4096
MAX_SHOWN = 5
MAX_R = 1 - 1e-9
SMALLEST = 1e-9
EDGE = 1e-3
"""Scores are those of ranks at most so near to the ends, which are 3.1 standard deviations from the middle."""
NO_HELD_OUT = (
    "not compared: no held-out rows of the task lie beside its models (TASK.held_out.csv), and cards have features one "
    "by one"
)


class Correlations:
    """Correlations sum the products of a card's features by pairs."""

    def __init__(self, cells: DriftCells) -> None:
        self._cells = cells
        self._names = [each.name for each in cells.features]
        self._scores = np.concatenate([_score(each) for each in cells.training])
        first, second = np.triu_indices(len(cells.features), 1)
        if len(first) > MAX_PAIRS:
            order = np.random.default_rng(0).permutation(len(first))
            drawn = np.sort(order[:MAX_PAIRS])
            first = first[drawn]
            second = second[drawn]

        self._first = first
        self._second = second

    @property
    def n_counts(self) -> int:
        """The length of a vector of sums."""
        return 2 * len(self._first)

    def count(self, rows: Features) -> Counts:
        """Returns the sums over rows."""
        sums = np.zeros(self.n_counts, dtype=np.int64)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            products = self.multiply(rows[start : start + ROWS_AT_A_TIME])
            both = np.concatenate([products, products**2], axis=1)
            sums += np.rint(both * SCALE).astype(np.int64).sum(axis=0)

        return sums

    def multiply(self, rows: Features) -> Floats:
        """Returns the products of each row's scores."""
        scores = self._scores[self._cells.find_cells(rows)]
        products: Floats = scores[:, self._first] * scores[:, self._second]
        return products

    def describe(
        self,
        sums: Counts,
        counts: Counts,
        held_out: Features | None,
        *,
        look: int | None = None,
    ) -> CorrelationDrift:
        """Returns the pairs whose correlations have changed most; `look` is as features one by one have it.

        `counts` are those of the cells of the same rows, as `DriftCells.count` has them.
        """
        n_rows = int(self._cells.split(counts)[0].sum())
        described: CorrelationDrift = {
            "held_out": 0 if held_out is None else len(held_out),
            "alpha": share_level(look),
            "changed": 0,
            "pairs": [],
        }
        if held_out is None:
            described["reason"] = NO_HELD_OUT
        elif min(len(held_out), n_rows) < MIN_ROWS:
            described["reason"] = (
                f"not compared: {MIN_ROWS} rows in the window and held-out ones are needed"
            )
        if held_out is None or "reason" in described or not self.n_counts:
            return described

        pairs = self._compare(sums, counts, held_out, look)
        described["changed"] = sum(each["changed"] for each in pairs)
        described["pairs"] = pairs[:MAX_SHOWN]
        return described

    def _compare(
        self, sums: Counts, counts: Counts, held_out: Features, look: int | None
    ) -> list[PairDrift]:
        """Returns all pairs, those that have changed most first; rows of both kinds are taken to be independent."""
        n_rows = int(self._cells.split(counts)[0].sum())
        window, squares = np.split(sums / (SCALE * n_rows), 2)
        products = self.multiply(held_out)
        expected = products.mean(axis=0)

        variance = products.var(axis=0, ddof=1) / len(held_out)
        variance += np.maximum(squares - window**2, 0) / (n_rows - 1)
        error = np.sqrt(np.maximum(variance, 1e-12))
        t = (window - expected) / error
        degrees = min(len(held_out), n_rows) - 1
        alpha = _share(look, len(t), n_rows=n_rows, n_held_out=len(held_out))
        z = self._find_z(window, counts, expected, self._cells.count(held_out))

        pairs: list[PairDrift] = []
        is_large = True
        for pair in np.argsort(-abs(t), kind="stable"):
            # Once a smaller t is no change, none after it is.
            is_large = is_large and t_tail(abs(float(t[pair])), degrees) < alpha
            is_changed = is_large and math.erfc(abs(z[pair]) / math.sqrt(2)) < alpha
            names = self._names[self._first[pair]], self._names[self._second[pair]]
            pairs.append(
                {
                    "features": names,
                    "held_out": float(expected[pair]),
                    "window": float(window[pair]),
                    "t": float(t[pair]),
                    "changed": is_changed,
                }
            )

        pairs.sort(key=lambda each: not each["changed"])
        return pairs

    def _find_z(
        self, window: Floats, counts: Counts, held_out: Floats, held_counts: Counts
    ) -> Floats:
        """Returns Fisher's z of each pair from mean products and counts of cells, 0 where a feature has one value."""
        first = self._transform(window, counts)
        second = self._transform(held_out, held_counts)
        variance = self._vary(counts) + self._vary(held_counts)
        z: Floats = (first - second) / math.sqrt(variance)

        return z

    def _transform(self, products: Floats, counts: Counts) -> Floats:
        """Returns Fisher's transform of the correlations, which is about normal."""
        correlations = self._correlate(products, counts)
        return np.arctanh(np.clip(correlations, -MAX_R, MAX_R))

    def _vary(self, counts: Counts) -> float:
        """Returns the variance of a transformed correlation of so many rows."""
        n_rows = self._cells.split(counts)[0].sum()
        return float(1 / (n_rows - 3))

    def _correlate(self, products: Floats, counts: Counts) -> Floats:
        """Returns the correlations `(n_pairs,)` of scores whose mean products and counts of cells these are."""
        n_cells_each = [len(each) for each in self._cells.training]
        starts = np.cumsum([0, *n_cells_each])[:-1]
        n_rows = self._cells.split(counts)[0].sum()
        shares = counts[: self._cells.n_cells] / n_rows

        means = np.add.reduceat(shares * self._scores, starts)
        mean_squares = np.add.reduceat(shares * self._scores**2, starts)
        variances = mean_squares - means**2
        spreads = np.sqrt(np.maximum(variances, 0))

        covariances = products - means[self._first] * means[self._second]
        scale = spreads[self._first] * spreads[self._second]
        is_known = scale > SMALLEST
        divisors = np.where(is_known, scale, 1)
        found: Floats = np.where(is_known, covariances / divisors, 0)

        return found


def _share(look: int | None, n_pairs: int, *, n_rows: int, n_held_out: int) -> float:
    """Returns the level of one pair at one look of a part, in which one may look after each row."""
    growth = find_growth(n_rows, n_held_out, look)
    squared_z = path_quantile(share_level(look) / n_pairs, 1, growth)
    return math.erfc(math.sqrt(squared_z / 2))


def _score(training: Counts) -> Floats:
    """Returns the normal scores of a feature's cells, with mean 0 and variance 1 over its training rows."""
    n_rows = training.sum()
    ranks = (training.cumsum() - training / 2) / n_rows
    inner_ranks = np.clip(ranks, EDGE, 1 - EDGE)
    quantile = NormalDist().inv_cdf
    scores = np.array([quantile(each) for each in inner_ranks])

    mean = float(scores @ training) / n_rows
    deviations = scores - mean
    variance = float(deviations**2 @ training) / n_rows
    if variance <= 0:
        return np.zeros(len(scores))

    standardised: Floats = deviations / math.sqrt(variance)

    return standardised
