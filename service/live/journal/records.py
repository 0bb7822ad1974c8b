"""What the journal is given to keep."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
STORED = np.dtype("<i4")
COUNTED = np.dtype("<i8")
NO_ANSWER = -1
"""In place of the label of a model that has none for a row."""


class ModelKey(NamedTuple):
    """Who predicted: a classifier of one version."""

    task: str
    name: str
    version: str
    classes: tuple[str, ...]


class Predicted(NamedTuple):
    """Labels `(n_rows,)` that went out under an id."""

    id: str
    source: ModelKey
    labels: Labels


class Shadowed(NamedTuple):
    """What others would have answered to several requests, `(n_challengers, n_rows)`, one request after the other.

    `examples` are ids, rows of their requests, and the values of these as JSON.
    """

    ids: list[str]
    lengths: list[int]
    champion: ModelKey
    challengers: tuple[ModelKey, ...]
    labels: Labels
    examples: list[tuple[str, int, str]]


class Feedback(NamedTuple):
    """The true class of a row; of the only one where none is named."""

    id: str
    row: int | None
    label: str


class Losses(NamedTuple):
    """Rows that the shadow let go, and predictions that could not be kept."""

    task: str
    shed: int
    dropped: int


class FeatureCounts(NamedTuple):
    """Rows counted by cell, `(n_counts,)`; only counts of one basis may be summed."""

    task: str
    basis: str
    n_rows: int
    counts: Labels


Entry = Predicted | Shadowed | Feedback | Losses | FeatureCounts
