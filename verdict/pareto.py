"""The Pareto front has the models that none beats in both accuracy and what they cost: latency or bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verdict.predictions import Predictions


def judge_costs(
    predictions: Predictions, hits: NDArray[np.bool_]
) -> dict[str, list[str] | None]:
    """Returns models that none beats in both accuracy and latency, or bytes; None where not all costs are known."""
    accuracy = hits.mean(axis=0).tolist()
    names = [answer.model for answer in predictions.answers]
    sizes = [answer.size_bytes for answer in predictions.answers]
    latencies = [answer.latency_ms for answer in predictions.answers]

    return {
        "latency": _find_known_front(names, latencies, accuracy),
        "bytes": _find_known_front(names, sizes, accuracy),
    }


def _find_known_front(
    names: Sequence[str], costs: Sequence[float | None], values: Sequence[float]
) -> list[str] | None:
    known = [cost for cost in costs if cost is not None]
    return find_front(names, known, values) if len(known) == len(costs) else None


def find_front(
    names: Sequence[str], costs: Sequence[float], values: Sequence[float]
) -> list[str]:
    """Returns the Pareto front: whoever has nobody of at most its cost and at least its value, better in one of
    them.
    """
    points = list(zip(names, costs, values, strict=True))
    return [
        name
        for name, cost, value in points
        if not any(
            c <= cost and v >= value and (c < cost or v > value) for _, c, v in points
        )
    ]
