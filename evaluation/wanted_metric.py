"""The metric that matters, as --by names it: one that is known, or a file of costs."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from service.errors import EvaluationError
from verdict.wanted import ACCURACY, COST, METRICS, Wanted

USAGE = (
    f"{', '.join(METRICS)}, or a CSV of costs with the true class in the first column and a column for each class "
    "that is said"
)


def find_wanted(
    by: str, classes: Sequence[str], *, price_ms: float = 0.0, price_mb: float = 0.0
) -> Wanted | None:
    """Returns what is wanted, None for accuracy; raises EvaluationError, which says what would work."""
    is_file = by not in METRICS
    if (price_ms or price_mb) and not is_file:
        raise EvaluationError(
            f"--price-ms and --price-mb: expected --by with a file of costs, in whose unit they are, got --by {by}"
        )
    if by == ACCURACY:
        return None
    if not is_file:
        return Wanted(metric=by)

    costs = _read_costs(Path(by), classes)
    return Wanted(metric=COST, costs=costs, price_ms=price_ms, price_mb=price_mb)


def _read_costs(path: Path, classes: Sequence[str]) -> tuple[tuple[float, ...], ...]:
    """Returns the costs in the order of the classes, by true class and by what is said."""
    if not path.is_file():
        raise EvaluationError(f"--by: expected {USAGE}; got {str(path)!r}")

    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(map(str.strip, line))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path.name}: expected a CSV file: {error}") from None

    said = [name.strip() for name in lines[0][1:]] if lines else []
    _check_classes(said, classes, f"{path.name}: the first line")
    rows: dict[str, tuple[float, ...]] = {}
    for line in lines[1:]:
        true = line[0].strip()
        if len(line) != len(said) + 1 or true in rows:
            raise EvaluationError(
                f"{path.name}: expected one line of {len(said)} costs for each true class, got {','.join(line)!r}"
            )
        of_said = dict(zip(said, line[1:], strict=True))
        rows[true] = tuple(
            _read_cost(
                of_said[name], f"{path.name}: true class {true!r}, said {name!r}"
            )
            for name in classes
        )

    _check_classes(list(rows), classes, f"{path.name}: the first column")

    return tuple(rows[name] for name in classes)


def _check_classes(names: list[str], classes: Sequence[str], where: str) -> None:
    if sorted(names) != sorted(classes):
        got = ", ".join(map(repr, names)) or "none"
        raise EvaluationError(
            f"{where}: expected each class once: {', '.join(map(repr, classes))}; got {got}"
        )


def _read_cost(text: str, where: str) -> float:
    try:
        cost = float(text)
    except ValueError:
        cost = math.nan

    if not math.isfinite(cost):
        raise EvaluationError(f"{where}: expected a cost, a number, got {text!r}")

    return cost
