"""A criterion is the metric by which a person wants models judged, and a report is then also one of that metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ACCURACY = "accuracy"
METRICS = (ACCURACY, "brier", "log_loss", "balanced_accuracy")
COST = "cost"
NAMES = {
    "brier": "Brier score",
    "log_loss": "log loss",
    "balanced_accuracy": "balanced accuracy",
    COST: "cost",
}


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """`metric` is one of METRICS or COST; `costs` `(n_classes, n_classes)` are by true class and by what is said.

    A millisecond of a model's answer and a megabyte of its file cost `price_ms` and `price_mb` a row, in the unit of
    `costs`.
    """

    metric: str
    costs: tuple[tuple[float, ...], ...] | None = None
    price_ms: float = 0.0
    price_mb: float = 0.0

    @property
    def name(self) -> str:
        return NAMES[self.metric]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Returns the costs; there must be some."""
        return np.array(self.costs, dtype=np.float64)

    @property
    def is_of_probabilities(self) -> bool:
        """Returns whether models are judged by their probabilities, which one that votes has not."""
        return self.metric in ("brier", "log_loss")

    @property
    def has_price(self) -> bool:
        return self.price_ms != 0 or self.price_mb != 0


def write_criterion(criterion: Criterion | None) -> dict[str, Any] | None:
    """Returns the criterion as evidence keeps it, None where it is accuracy."""
    if criterion is None:
        return None
    return {
        "metric": criterion.metric,
        "costs": criterion.costs,
        "price_ms": criterion.price_ms,
        "price_mb": criterion.price_mb,
    }


def read_criterion(written: dict[str, Any] | None, n_classes: int) -> Criterion | None:
    """Returns what evidence keeps; raises KeyError, TypeError or ValueError for what is none."""
    if written is None:
        return None

    metric = written["metric"]
    costs = written["costs"]
    if metric not in NAMES or (metric == COST) != (costs is not None):
        raise ValueError(f"expected a metric, got {metric!r}")
    if costs is not None:
        costs = tuple(tuple(float(each) for each in row) for row in costs)
        if np.array(costs).shape != (n_classes, n_classes):
            raise ValueError(f"expected costs of {n_classes} classes")

    return Criterion(
        metric=metric,
        costs=costs,
        price_ms=float(written["price_ms"]),
        price_mb=float(written["price_mb"]),
    )
