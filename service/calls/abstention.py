"""Selective prediction gives no answer where the most probable class is not probable enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidRequest
from service.models.graph import Graph


def check_has_probabilities(graph: Graph) -> None:
    """Raises InvalidRequest where the model's kind has no probability to compare with the bound."""
    assert graph.model is not None
    kind = graph.model.card.kind
    if kind != "classifier":
        error = InvalidRequest(
            f"min_probability: {graph.name} is a {kind}, and only classifiers have probabilities: leave it out"
        )
        error.model = graph
        raise error


def withhold(
    classes: tuple[str, ...],
    label: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    min_probability: float,
) -> tuple[list[str | None], list[str | None]]:
    """Returns predictions and reasons, each with one entry a row: exactly where a prediction is None there is a reason.

    Chow's rule for equal costs answers only where the most probable class is probable enough (Chow, IEEE Trans. Inf.
    Theory 16, 1970). `label` is `(n_rows,)`, `probabilities` `(n_rows, n_classes)`. The bound is rounded to float32 as
    they are, so that a row whose probability is written like the bound is not under it.
    """
    predictions: list[str | None] = list(map(classes.__getitem__, label.tolist()))
    reasons: list[str | None] = [None] * len(predictions)
    highest = probabilities[np.arange(len(label)), label]

    for row in np.flatnonzero(highest < np.float32(min_probability)).tolist():
        reasons[row] = (
            f"probability {highest[row]!s} of {predictions[row]!r} is under min_probability {min_probability}"
        )
        predictions[row] = None

    return predictions, reasons
