"""Input drift: the features of today's rows are compared with the distributions of the training rows.

A window counts rows by cell: bins of a number, values of a category, one cell for missing values where they are
imputed. Its counts are one vector of whole numbers: workers' counts of one model are summed, and stored as a list.
Each feature's counts are compared with the card's by the population stability index (Siddiqi, Credit Risk
Scorecards, 2006). Without drift the index of n rows against m training rows of B cells is distributed like
(1/n + 1/m) times chi-square of B - 1 degrees (Yurdakul and Naranjo, J. Risk Model Validation 14, 2020), which gives
a critical value for each size of window, where fixed thresholds of 0.1 and 0.25 cry wolf over few rows and sleep over
many. As for any chi-square, cells with fewer than 5 expected rows are joined (Cochran, Biometrics 10, 1954).
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from model_card import Card, Distribution, Feature, FeatureInput
from service.contract.answers import Drift, FeatureDrift
from stats.chi_square import chi_square_quantile

Features = NDArray[np.float32]
Counts = NDArray[np.int64]

ALPHA = 0.05
"""A window without drift has any feature above its critical value no oftener; the features share this chance."""
SMOOTHING = 0.5
"""Rows added to each cell of training, and as many in all, distributed as in training, to those of a window
(Krichevsky and Trofimov, 1981): no cell is empty, and a window of few rows leans towards no drift."""
ROWS_AT_A_TIME = 1024
MIN_EXPECTED = 5


class Cells:
    """The cells of a card's features, one feature after another in a vector of counts.

    After the cells the vector has for each feature the rows outside of the training rows' range.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.training = [_count_training(feature) for feature in features]
        n_cells_each = [len(counts) for counts in self.training]
        self.n_cells = sum(n_cells_each)
        self._starts = np.cumsum([0, *n_cells_each])[:-1]
        self._is_category = np.array(
            [feature.values is not None for feature in features]
        )

        distributions = [
            feature.distribution or Distribution(counts=(1,)) for feature in features
        ]
        self._missing_cells = np.array([len(each.counts) for each in distributions])
        self._edges = _tabulate_edges(distributions)

        ranges = [feature.range or (-np.inf, np.inf) for feature in features]
        self._low, self._high = np.array(ranges, dtype=np.float32).T

    @classmethod
    def of(cls, card: Card) -> Cells | None:
        """Returns None where the card has no distributions of its training rows: of images, or of schema 1 or 2."""
        if not isinstance(card.input, FeatureInput):
            return None
        if not all(each.distribution for each in card.input.features):
            return None
        return cls(card.input.features)

    @property
    def basis(self) -> str:
        """A hash that is the same for all cards that count alike: only their counts may be summed."""
        counted = [
            (each.name, each.range, each.values, each.distribution)
            for each in self.features
        ]
        return hashlib.sha256(repr(counted).encode()).hexdigest()[:16]

    @property
    def n_counts(self) -> int:
        """The length of a vector of counts: one for each cell, and one for each feature's rows out of range."""
        return self.n_cells + len(self.features)

    def count(self, rows: Features) -> Counts:
        """Returns the counts `(n_counts,)` of rows `(n_rows, n_features)` as the graph takes them."""
        counts = np.zeros(self.n_counts, dtype=np.int64)

        for start in range(0, len(rows), ROWS_AT_A_TIME):
            part = rows[start : start + ROWS_AT_A_TIME]
            cells = self._find_cells(part)
            is_outside = (part < self._low) | (part > self._high)
            counts[: self.n_cells] += np.bincount(cells.ravel(), minlength=self.n_cells)
            counts[self.n_cells :] += is_outside.sum(axis=0)

        return counts

    def split(self, counts: Counts) -> list[Counts]:
        """Returns the counts of each feature's cells, `(n_cells_of_feature,)` each."""
        return np.split(counts[: self.n_cells], self._starts[1:])

    def _find_cells(self, rows: Features) -> NDArray[np.int64]:
        """Returns for each value the place of its cell in the vector, `(n_rows, n_features)`."""
        is_missing = np.isnan(rows)
        cells = np.zeros(rows.shape, dtype=np.int64)
        for edges in self._edges:
            cells += rows >= edges

        codes = np.where(is_missing, 0, rows)[:, self._is_category]
        cells[:, self._is_category] = codes.astype(np.int64)
        in_feature = np.where(is_missing, self._missing_cells, cells)
        in_vector: NDArray[np.int64] = in_feature + self._starts

        return in_vector


def describe(cells: Cells, counts: Counts) -> Drift:
    """Returns each feature's drift, the most drifted first: that whose index is most times its critical value."""
    alpha = ALPHA / len(cells.features)
    windows = cells.split(counts)
    outside = counts[cells.n_cells :]
    features = []

    for feature, training, window, n_outside in zip(
        cells.features, cells.training, windows, outside, strict=True
    ):
        if window.sum() > 0:
            features.append(
                _describe_feature(feature, training, window, n_outside, alpha=alpha)
            )

    features.sort(key=lambda each: -each["psi"] / (each["critical_value"] or np.inf))

    return {
        "rows": int(windows[0].sum()),
        "drifted": [each["feature"] for each in features if each["drifted"]],
        "features": features,
    }


def stability_index(training: Counts, window: Counts) -> float:
    """Returns the population stability index of two smoothed counts by cell `(n_cells,)`; 0 for an empty window."""
    n_added = SMOOTHING * len(training)
    expected = (training + SMOOTHING) / (training.sum() + n_added)
    found = (window + n_added * expected) / (window.sum() + n_added)
    log_ratio = np.log(found / expected)

    return float(((found - expected) * log_ratio).sum())


def join_rare(training: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Returns both counts with rare cells joined, until 5 of the window's rows are expected in each.

    The rarest cells of training are joined first. Fewer than 10 rows are one cell.
    """
    expected = training * (window.sum() / training.sum())
    if expected.min() >= MIN_EXPECTED:
        return training, window

    group_of_cell = np.empty(len(training), dtype=np.int64)
    group = 0
    n_gathered = 0.0

    for cell in np.argsort(training, kind="stable"):
        group_of_cell[cell] = group
        n_gathered += expected[cell]
        if n_gathered >= MIN_EXPECTED:
            group += 1
            n_gathered = 0.0

    group_of_cell = np.minimum(group_of_cell, max(group - 1, 0))
    joined_training = np.bincount(group_of_cell, weights=training)
    joined_window = np.bincount(group_of_cell, weights=window)

    return joined_training.astype(np.int64), joined_window.astype(np.int64)


def critical_value(
    *, n_cells: int, n_training: int, n_rows: int, alpha: float
) -> float | None:
    """Returns the index that a window without drift exceeds with probability `alpha`; None for a single cell."""
    if n_cells < 2:
        return None

    variance = 1 / n_rows + 1 / n_training
    return variance * chi_square_quantile(alpha, n_cells - 1)


def _describe_feature(
    feature: Feature, training: Counts, window: Counts, n_outside: int, *, alpha: float
) -> FeatureDrift:
    n_rows = int(window.sum())
    joined_training, joined_window = join_rare(training, window)
    index = stability_index(joined_training, joined_window)
    critical = critical_value(
        n_cells=len(joined_training),
        n_training=int(training.sum()),
        n_rows=n_rows,
        alpha=alpha,
    )

    described: FeatureDrift = {
        "feature": feature.name,
        "psi": index,
        "critical_value": critical,
        "drifted": critical is not None and index > critical,
    }
    if feature.range is not None:
        described["out_of_range"] = int(n_outside) / n_rows

    if feature.imputed is not None:
        described["missing"] = int(window[-1]) / n_rows

    return described


def _tabulate_edges(distributions: list[Distribution]) -> Features:
    """Returns the edges of all features' bins, `(max_edges, n_features)`; infinity fills the columns of few."""
    max_edges = max(len(each.edges) for each in distributions)
    table = np.full((max_edges, len(distributions)), np.inf, dtype=np.float32)
    for column, each in zip(table.T, distributions, strict=True):
        column[: len(each.edges)] = each.edges

    return table


def _count_training(feature: Feature) -> Counts:
    """Returns the card's counts of training rows, `(n_cells,)`; missing values are the last where they are imputed."""
    assert feature.distribution is not None
    counts = list(feature.distribution.counts)
    if feature.imputed is not None:
        counts.append(feature.distribution.missing)

    return np.array(counts, dtype=np.int64)
