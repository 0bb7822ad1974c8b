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
    points = list(zip(costs, values, strict=True))
    return [
        name
        for name, point in zip(names, points, strict=True)
        if not any(_dominates(other, point) for other in points)
    ]


def _dominates(other: tuple[float, float], point: tuple[float, float]) -> bool:
    """Returns whether another (cost, value) is as good in both and better in one."""
    other_cost, other_value = other
    cost, value = point
    is_as_good = other_cost <= cost and other_value >= value

    return is_as_good and other != point
