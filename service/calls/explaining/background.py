"""Background rows stand for what a model usually sees: held-out rows that lie beside it, or draws from its card."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import Distribution, Feature, FeatureInput
from service.calls.explaining.shapley import MAX_BACKGROUND, MIN_BACKGROUND
from service.contract.requests import Row
from service.models.model import Model

SEED = 0
Rows = NDArray[np.float32]


class Background(NamedTuple):
    """A background has at most 64 rows `(n_rows, n_features)`, and says where they come from."""

    rows: Rows
    source: str


def make_background(model: Model, held_out: list[Row]) -> Background:
    """Returns the same rows each time: of the held-out ones where there are enough, else drawn feature by feature."""
    generator = np.random.default_rng(SEED)
    if len(held_out) >= MIN_BACKGROUND:
        order = generator.permutation(len(held_out))
        chosen = [held_out[index] for index in order[:MAX_BACKGROUND]]
        return Background(model.encode(chosen), "held-out rows")

    given = model.card.input
    assert isinstance(given, FeatureInput)
    stored = model.self_check_inputs()
    columns = [
        _draw(feature, stored[:, index], generator)
        for index, feature in enumerate(given.features)
    ]
    rows = np.stack(columns, axis=1).astype(np.float32)

    return Background(rows, "training distribution of each feature")


def _draw(
    feature: Feature, stored: NDArray[np.float32], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Returns 64 values of a feature, `(n_rows,)`; where the card says nothing of it, those of its self-check."""
    size = MAX_BACKGROUND
    if feature.distribution is not None:
        return _draw_cells(feature, feature.distribution, generator)
    if feature.values:
        indices = generator.integers(0, len(feature.values), size)
        return indices.astype(np.float64)
    if feature.range is not None:
        low, high = feature.range
        return generator.uniform(low, high, size)

    return generator.choice(stored, size).astype(np.float64)


def _draw_cells(
    feature: Feature, distribution: Distribution, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Returns values from the cells of a distribution, spread evenly within a bin."""
    counts = np.array([*distribution.counts, distribution.missing], dtype=np.float64)
    shares = counts / counts.sum()
    cells = generator.choice(len(counts), MAX_BACKGROUND, p=shares)
    is_missing = cells == len(distribution.counts)
    if feature.values:
        return np.where(is_missing, np.nan, cells)

    ends = _find_ends(feature, distribution)
    cells = np.minimum(cells, len(distribution.counts) - 1)
    values = generator.uniform(ends[cells], ends[cells + 1])

    return np.where(is_missing, np.nan, values)


def _find_ends(feature: Feature, distribution: Distribution) -> NDArray[np.float64]:
    """Returns where the bins of a number begin and end, `(n_bins + 1,)`: its range has the outer ends."""
    edges = distribution.edges
    if not edges:
        return np.zeros(2)

    low, high = feature.range or (edges[0], edges[-1])
    lowest = min(low, edges[0])
    highest = max(high, edges[-1])

    return np.array([lowest, *edges, highest])
