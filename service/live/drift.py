"""Input drift: whether rows of today spread over a model's features as its training rows did.

A window counts rows by cell: bins of a number, values of a category, one cell for missing values where they are
imputed. Its counts are one vector of whole numbers: workers' counts of one model are summed, and stored as a list.
Each feature's spread is held against the card's by the population stability index (Siddiqi, Credit Risk
Scorecards, 2006). Without drift the index of n rows against m training rows of B cells is spread like
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

Rows = NDArray[np.float32]
Counts = NDArray[np.int64]
Shares = NDArray[np.float64]

ALPHA = 0.05
"""How often a window without drift has any feature above its critical value, at most: shared among the features."""
SMOOTHING = 0.5
"""Rows added to each cell of training, and as many in all, spread as in training, to those of a window (Krichevsky and
Trofimov, 1981): no cell is empty, and a window of few rows leans towards no drift."""
ROWS_AT_A_TIME = 1024
FEWEST_EXPECTED = 5


class Cells:
    """Where the values of a card's features lie: for each feature its cells, one after another in a vector of counts.

    After the cells the vector has for each feature the rows outside of the training rows' range.
    """

    def __init__(self, features: tuple[Feature, ...]) -> None:
        self.features = features
        self.training = [_training_counts(feature) for feature in features]
        self.n_cells = sum(map(len, self.training))
        self._starts = np.cumsum([0, *map(len, self.training)])[:-1]
        self._categories = np.array(
            [feature.values is not None for feature in features]
        )
        spreads = [
            feature.distribution or Distribution(counts=(1,)) for feature in features
        ]
        self._edges = np.full(
            (max(len(each.edges) for each in spreads), len(features)),
            np.inf,
            dtype=np.float32,
        )
        for column, each in zip(self._edges.T, spreads, strict=True):
            column[: len(each.edges)] = each.edges

        self._missing = np.array([len(each.counts) for each in spreads])
        ranges = [feature.range or (-np.inf, np.inf) for feature in features]
        self._low, self._high = np.array(ranges, dtype=np.float32).T

    @classmethod
    def of(cls, card: Card) -> Cells | None:
        """None where the card does not know how its training rows spread: of images, or of schema 1 or 2."""
        if not isinstance(card.input, FeatureInput) or not all(
            each.distribution for each in card.input.features
        ):
            return None
        return cls(card.input.features)

    @property
    def basis(self) -> str:
        """The same for all cards that count alike."""
        told = [
            (each.name, each.range, each.values, each.distribution)
            for each in self.features
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]

    @property
    def n_counts(self) -> int:
        return self.n_cells + len(self.features)

    def count(self, rows: Rows) -> Counts:
        """Of rows `(n_rows, n_features)` as the graph takes them, `(n_counts,)`."""
        counts = np.zeros(self.n_counts, dtype=np.int64)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            part = rows[start : start + ROWS_AT_A_TIME]
            counts[: self.n_cells] += np.bincount(
                self._place(part).ravel(), minlength=self.n_cells
            )
            counts[self.n_cells :] += ((part < self._low) | (part > self._high)).sum(
                axis=0
            )

        return counts

    def _place(self, rows: Rows) -> NDArray[np.int64]:
        """For each value the number of its cell, `(n_rows, n_features)`."""
        missing = np.isnan(rows)
        cells = np.zeros(rows.shape, dtype=np.int64)
        for edges in self._edges:
            cells += rows >= edges

        codes = np.where(missing, 0, rows)[:, self._categories]
        cells[:, self._categories] = codes.astype(np.int64)
        placed: NDArray[np.int64] = (
            np.where(missing, self._missing, cells) + self._starts
        )

        return placed

    def split(self, counts: Counts) -> list[Counts]:
        """The cells of each feature."""
        return np.split(counts[: self.n_cells], self._starts[1:])


def describe(cells: Cells, counts: Counts) -> Drift:
    """Each feature's drift, the most drifted first: the one whose index is most times its critical value."""
    alpha = ALPHA / len(cells.features)
    outside = counts[cells.n_cells :]
    parts = zip(
        cells.features, cells.training, cells.split(counts), outside, strict=True
    )
    features = [_describe(*part, alpha=alpha) for part in parts if part[2].sum() > 0]
    features.sort(key=lambda each: -each["psi"] / (each["critical_value"] or np.inf))

    return {
        "rows": int(cells.split(counts)[0].sum()),
        "drifted": [each["feature"] for each in features if each["drifted"]],
        "features": features,
    }


def stability_index(training: Counts, window: Counts) -> float:
    """The population stability index of two counts by cell `(n_cells,)`, smoothed; 0 for an empty window."""
    added = SMOOTHING * len(training)
    expected = (training + SMOOTHING) / (training.sum() + added)
    found = (window + added * expected) / (window.sum() + added)
    return float(((found - expected) * np.log(found / expected)).sum())


def join_rare(training: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Both counts with rare cells of training joined, rarest first, until 5 of the window's rows are expected in each.

    Fewer than 10 rows are one cell.
    """
    expected = training * (window.sum() / training.sum())
    if expected.min() >= FEWEST_EXPECTED:
        return training, window

    group = np.empty(len(training), dtype=np.int64)
    number = 0
    gathered = 0.0

    for cell in np.argsort(training, kind="stable"):
        group[cell] = number
        gathered += expected[cell]
        if gathered >= FEWEST_EXPECTED:
            number = number + 1
            gathered = 0.0

    group = np.minimum(group, max(number - 1, 0))
    first, second = (
        np.bincount(group, weights=each).astype(np.int64) for each in (training, window)
    )

    return first, second


def critical_value(
    *, n_cells: int, n_training: int, n_rows: int, alpha: float
) -> float | None:
    """The index that a window without drift exceeds with probability `alpha`; None where there is but one cell."""
    return (
        None
        if n_cells < 2
        else (1 / n_rows + 1 / n_training) * chi_square_quantile(alpha, n_cells - 1)
    )


def _training_counts(feature: Feature) -> Counts:
    assert feature.distribution is not None
    missing = () if feature.imputed is None else (feature.distribution.missing,)
    return np.array([*feature.distribution.counts, *missing], dtype=np.int64)


def _describe(
    feature: Feature, training: Counts, window: Counts, n_outside: int, *, alpha: float
) -> FeatureDrift:
    n_rows = int(window.sum())
    n_training = int(training.sum())
    cells = join_rare(training, window)
    index = stability_index(*cells)
    critical = critical_value(
        n_cells=len(cells[0]), n_training=n_training, n_rows=n_rows, alpha=alpha
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
