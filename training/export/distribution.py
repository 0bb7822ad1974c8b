"""This module counts how the training rows spread over each feature, which the service compares today's rows with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model_card import Distribution

MAX_BINS = 10
"""Each bin holds about a tenth of the rows, where the values allow it."""


def describe_distribution(
    column: NDArray[np.float32], values: tuple[str, ...] | None
) -> Distribution:
    """Returns the distribution of the training rows' values `(n_rows,)`.

    Numbers are counted by bins, a category's codes by `values`; NaN is missing.
    """
    known = column[~np.isnan(column)]
    missing = len(column) - len(known)
    if values is not None:
        counts = np.bincount(known.astype(np.int64), minlength=len(values))
        return Distribution(counts=tuple(counts.tolist()), missing=missing)

    edges = find_edges(known)
    counts = np.bincount(
        np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1
    )
    shortest = tuple(float(str(edge)) for edge in edges)

    return Distribution(edges=shortest, counts=tuple(counts.tolist()), missing=missing)


def find_edges(known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns at most 9 inner edges of bins: for each tenth of the rows the gap between two values that is nearest.

    An edge lies midway between neighbouring values and never on one, so a value that many rows share (the black
    pixels of an image) has a bin of its own, and the last digit of a value does not decide. One value has no edge.
    """
    distinct, counts = np.unique(known, return_counts=True)
    if len(distinct) < 2:
        return distinct[:0]

    below = np.cumsum(counts)[:-1] / len(known)
    tenths = np.arange(1, MAX_BINS) / MAX_BINS
    gaps = np.unique(np.abs(below - tenths[:, None]).argmin(axis=1))
    low, high = distinct[gaps], distinct[gaps + 1]
    middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    edges: NDArray[np.float32] = np.where(middle > low, middle, high)

    return edges
