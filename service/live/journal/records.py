"""Records are what the journal is given to keep: predictions, what challengers say in the shadow, feedback, counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
GroupKeys = NDArray[np.int64]
Probabilities = NDArray[np.float32]
StoredProbabilities = NDArray[np.uint16]
LABEL_DTYPE = np.dtype("<i4")
"""Labels are stored in the file as little-endian int32."""
COUNT_DTYPE = np.dtype("<i8")
"""Counts are stored in the file as little-endian int64."""
GROUP_DTYPE = np.dtype("<i8")
"""Keys of groups are stored in the file as little-endian int64."""
CONFIDENCE_DTYPE = np.dtype("<u2")
MAX_CONFIDENCE = 65535
"""Confidences and probabilities are stored in the file as little-endian uint16, in parts of this."""
MAX_CLASSES = 64
"""The probabilities of all classes are kept for tasks with no more of them."""
NO_ANSWER = -1
"""This stands in place of the label where a model has none for a row."""


class ModelKey(NamedTuple):
    """One version of a classifier, as the journal tells it from others; `classes` are the names of its labels."""

    task: str
    name: str
    version: str
    classes: tuple[str, ...]


class Costs(NamedTuple):
    """Costs of answers by true class and by what is said, `(n_classes, n_classes)`, under a name in the file.

    `largest` is the most that two answers to one row may differ by.
    """

    metric: str
    classes: tuple[str, ...]
    matrix: NDArray[np.float64]
    largest: float


class PredictionRecord(NamedTuple):
    """A PredictionRecord has the labels `(n_rows,)` that a model answered a request with, and the id that went out.

    `group_keys` are of each row, `(n_rows,)`, or `(1,)` of all; None where the request is a group of its own. The
    highest of a row's `probabilities`, `(n_rows, n_classes)`, is its confidence; None where there are none.
    """

    prediction_id: str
    model_key: ModelKey
    labels: Labels
    group_keys: GroupKeys | None = None
    probabilities: Probabilities | None = None


class ShadowExample(NamedTuple):
    """A ShadowExample is a row on which models disagree: `row` counts within its request, `inputs` are JSON."""

    prediction_id: str
    row: int
    inputs: str


class ShadowRecord(NamedTuple):
    """A ShadowRecord has the labels `(n_challengers, n_rows)` of challengers for several requests, one after the other.

    `row_counts` has the number of rows of each request; `confidences` are shaped as the labels. `probabilities` are of
    the champion and of its challengers, `(1 + n_challengers, n_rows, n_classes)`, as the file has them; None where they
    are not kept.
    """

    prediction_ids: list[str]
    row_counts: list[int]
    champion: ModelKey
    challengers: tuple[ModelKey, ...]
    labels: Labels
    examples: list[ShadowExample]
    confidences: Probabilities | None = None
    probabilities: StoredProbabilities | None = None


class FeedbackRecord(NamedTuple):
    """The true class of a row; `row` may be None where the prediction had one row only.

    `group` is the name of the row's group, None where that of the request stands.
    """

    prediction_id: str
    row: int | None
    label: str
    group: str | None = None


class LostRows(NamedTuple):
    """LostRows counts rows: the shadow did not run the shed ones, the journal could not keep the dropped ones."""

    task: str
    n_shed: int
    n_dropped: int


class FeatureCounts(NamedTuple):
    """Rows counted by cell, `(n_counts,)`, as `drift.Cells` counts them; only counts of one basis may be summed."""

    task: str
    basis: str
    n_rows: int
    counts: Labels


def encode_probabilities(probabilities: Probabilities) -> StoredProbabilities:
    """Returns probabilities, or confidences, from 0 to 1 as the file has them; rounding adds 1/131070 at most."""
    parts = np.rint(np.clip(np.nan_to_num(probabilities), 0, 1) * MAX_CONFIDENCE)
    return parts.astype(CONFIDENCE_DTYPE)


Record = PredictionRecord | ShadowRecord | FeedbackRecord | LostRows | FeatureCounts
