"""This module computes the figures of each class from a confusion matrix.

Axes: confusion `(n_classes, n_classes)` counts rows; its rows are true classes, its columns predicted ones, as in
scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.binomial import wilson

Counts = NDArray[np.int64]


def per_class(confusion: Counts, *, effect: float = 1.0) -> list[dict[str, Any]]:
    """Returns the rows, precision, recall and F1 of each class; van Rijsbergen, Information Retrieval (1979).

    Precision and recall are from 0 to 1 with Wilson's intervals. What divides by zero is None: the precision of a
    class that is never predicted, the recall of one that has no row, the F1 of one that has neither. So many rows as
    `effect` says are worth an independent one.
    """
    n_hits = np.diagonal(confusion).tolist()
    n_true = confusion.sum(axis=1).tolist()
    n_predicted = confusion.sum(axis=0).tolist()

    return [
        _describe_class(*counts, effect)
        for counts in zip(n_hits, n_true, n_predicted, strict=True)
    ]


def most_confused(confusion: Counts, *, most: int) -> list[tuple[int, int, int]]:
    """Returns true class, predicted class and number of rows of the most frequent confusions, at most so many.

    The most frequent comes first; of equal ones, the first in the matrix.
    """
    n_hits = np.diagonal(confusion)
    wrong = confusion - np.diag(n_hits)
    places = np.argsort(-wrong, axis=None, kind="stable")[:most]
    found = []

    for place in places.tolist():
        true, predicted = divmod(place, len(confusion))
        n_rows = int(wrong[true, predicted])
        if n_rows:
            found.append((true, predicted, n_rows))

    return found


def _describe_class(
    n_hits: int, n_true: int, n_predicted: int, effect: float
) -> dict[str, Any]:
    n_either = n_true + n_predicted
    return {
        "rows": n_true,
        "precision": _describe_share(n_hits, n_predicted, effect),
        "recall": _describe_share(n_hits, n_true, effect),
        "f1": 2 * n_hits / n_either if n_either else None,
    }


def _describe_share(n_hits: int, n_rows: int, effect: float) -> dict[str, Any]:
    if n_rows == 0:
        return {"value": None, "interval": None}
    interval = wilson(n_hits / effect, n_rows / effect)
    return {"value": n_hits / n_rows, "interval": interval}
