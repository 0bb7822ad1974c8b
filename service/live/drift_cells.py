"""The cells by which rows are counted for drift, away from their requests.

A window counts rows by cell: bins of a number, values of a category, one cell for missing values where they are
imputed. Its counts are one vector of whole numbers: workers' counts of one model are summed, and stored as a list.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from model_card import Card, Distribution, Feature, FeatureInput

Features = NDArray[np.float32]
Counts = NDArray[np.int64]

ROWS_AT_A_TIME = 1024
MIN_ORDERED_BINS = 3
"""The order of fewer bins says no more than chi-square does."""


class DriftCells:
    """The cells of a card's features, one feature after another in a vector of counts.

    After the cells the vector has for each feature the rows outside of the training rows' range.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.training = [_count_training(each) for each in features]
        n_cells_each = [len(counts) for counts in self.training]
        self.n_cells = sum(n_cells_each)
        self._starts = np.cumsum([0, *n_cells_each])[:-1]
        self._is_category = np.array([each.values is not None for each in features])

        one_cell = Distribution(counts=(1,))
        distributions = [each.distribution or one_cell for each in features]
        self._missing_cells = np.array([len(each.counts) for each in distributions])
        self._edges = _tabulate_edges(distributions)

        self.is_ordered = np.array([is_ordered(each) for each in features])
        self._ordered_places = self._find_places(distributions)

        is_imputed = np.array([each.imputed is not None for each in features])
        missing_places = np.where(is_imputed, self._starts + self._missing_cells, -1)
        self._missing_places = missing_places[self.is_ordered]

        ranges = [each.range or (-np.inf, np.inf) for each in features]
        self._low, self._high = np.array(ranges, dtype=np.float32).T

    @classmethod
    def of(cls, card: Card) -> DriftCells | None:
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

        of_cells = counts[: self.n_cells]
        outside = counts[self.n_cells :]

        for start in range(0, len(rows), ROWS_AT_A_TIME):
            part = rows[start : start + ROWS_AT_A_TIME]
            cells = self.find_cells(part)
            of_cells += np.bincount(cells.ravel(), minlength=self.n_cells)

            is_outside = (part < self._low) | (part > self._high)
            outside += is_outside.sum(axis=0)

        return counts

    def split(self, counts: Counts) -> list[Counts]:
        """Returns the counts of each feature's cells, `(n_cells_of_feature,)` each."""
        return np.split(counts[: self.n_cells], self._starts[1:])

    def pick_ordered(self, counts: Counts) -> Counts:
        """Returns the counts of ordered features' bins `(n_ordered, max_bins)`, 0 where a feature has fewer bins.

        Missing values have no place in the order.
        """
        with_none = np.append(counts[: self.n_cells], 0)
        return with_none[self._ordered_places]

    def pick_missing(self, counts: Counts) -> Counts:
        """Returns the rows of ordered features that have a value, and those that have none, `(n_ordered, 2)`."""
        known = self.pick_ordered(counts).sum(axis=1)
        with_none = np.append(counts[: self.n_cells], 0)
        missing = with_none[self._missing_places]

        return np.stack([known, missing], axis=1)

    def find_cells(self, rows: Features) -> NDArray[np.int64]:
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

    def _find_places(self, distributions: list[Distribution]) -> Counts:
        """Returns where the bins of ordered features are in the vector, `(n_ordered, max_bins)`; -1 is none."""
        n_bins = np.array([len(each.edges) + 1 for each in distributions])
        number = np.arange(n_bins.max())
        places = self._starts[:, None] + number
        has_bin = number < n_bins[:, None]

        found: Counts = np.where(has_bin, places, -1)[self.is_ordered]
        return found


def is_ordered(feature: Feature) -> bool:
    """Says whether a feature's bins have an order that says more than their counts: a number of three or more bins."""
    if feature.distribution is None:
        return False

    n_bins = len(feature.distribution.edges) + 1

    return n_bins >= MIN_ORDERED_BINS


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
