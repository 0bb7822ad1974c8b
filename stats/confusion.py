"""What a confusion matrix says of each class. Pure numpy.

Axes: confusion `(n_classes, n_classes)`, rows are true classes, columns predicted ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.scores import wilson

Counts = NDArray[np.int64]


def per_class(confusion: Counts) -> list[dict[str, Any]]:
    """For each class its rows, precision and recall with Wilson's intervals, and F1 (van Rijsbergen, 1979).

    A share of nothing is None: precision of a class that is never predicted, recall of one that has no row.
    """
    hits = np.diagonal(confusion).tolist()
    rows = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    return [
        {
            "rows": of_class,
            "precision": _share(hit, named),
            "recall": _share(hit, of_class),
            "f1": 2 * hit / (of_class + named) if of_class + named else None,
        }
        for hit, of_class, named in zip(
            hits, rows.tolist(), predicted.tolist(), strict=True
        )
    ]


def most_confused(confusion: Counts, *, most: int) -> list[tuple[int, int, int]]:
    """True class, predicted class and number of rows of the most frequent confusions, most frequent first."""
    wrong = confusion - np.diag(np.diagonal(confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [np.unravel_index(each, wrong.shape) for each in order.tolist()]

    return [
        (int(true), int(named), int(wrong[true, named]))
        for true, named in places
        if wrong[true, named]
    ]


def _share(hits: int, n_rows: int) -> dict[str, Any]:
    return (
        {"value": hits / n_rows, "interval": wilson(hits, n_rows)}
        if n_rows
        else {"value": None, "interval": None}
    )
