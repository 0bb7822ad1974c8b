"""The option --by names the metric that matters: one that is known, or a file of costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.contract.cost_table import CostTable, read_cost_table
from service.errors import EvaluationError
from verdict.criterion import ACCURACY, COST, METRICS, Criterion

USAGE = (
    f"{', '.join(METRICS)}, or a CSV of costs with the true class in the first column and a column for each class "
    "that is said"
)


def find_criterion(
    by: str, classes: Sequence[str], *, price_ms: float = 0.0, price_mb: float = 0.0
) -> Criterion | None:
    """Returns the criterion, None for accuracy; raises EvaluationError, which says what would work."""
    is_file = by not in METRICS
    if (price_ms or price_mb) and not is_file:
        raise EvaluationError(
            f"--price-ms and --price-mb: expected --by with a file of costs, in whose unit they are, got --by {by}"
        )
    if by == ACCURACY:
        return None
    if not is_file:
        return Criterion(metric=by)

    costs = _read_costs(Path(by), classes)
    return Criterion(metric=COST, costs=costs, price_ms=price_ms, price_mb=price_mb)


def _read_costs(path: Path, classes: Sequence[str]) -> CostTable:
    """Returns the costs in the order of the classes, by true class and by what is said."""
    if not path.is_file():
        raise EvaluationError(f"--by: expected {USAGE}; got {str(path)!r}")

    try:
        return read_cost_table(path, classes)
    except ValueError as error:
        raise EvaluationError(str(error)) from None
