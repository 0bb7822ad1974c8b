"""A table of costs is a CSV with the true class in its first column and a column for each class that is said."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

CostTable = tuple[tuple[float, ...], ...]
"""Costs `(n_classes, n_classes)` by true class and by what is said, in the order of the classes."""


def read_cost_table(path: Path, classes: Sequence[str]) -> CostTable:
    """Returns the costs that a file has; raises ValueError, which says what is wrong in it, and where."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(map(str.strip, line))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name}: expected a CSV file: {error}") from None

    said = [name.strip() for name in lines[0][1:]] if lines else []
    _check_classes(said, classes, f"{path.name}: the first line")
    rows: dict[str, tuple[float, ...]] = {}
    for line in lines[1:]:
        true = line[0].strip()
        if len(line) != len(said) + 1 or true in rows:
            raise ValueError(
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

    if all(len(set(costs)) == 1 for costs in rows.values()):
        raise ValueError(
            f"{path.name}: expected costs that depend on what is said, got the same ones for each true class whatever "
            "is said: by them all models are equal"
        )

    return tuple(rows[name] for name in classes)


def _check_classes(names: list[str], classes: Sequence[str], where: str) -> None:
    if sorted(names) != sorted(classes):
        got = ", ".join(map(repr, names)) or "none"
        raise ValueError(
            f"{where}: expected each class once: {', '.join(map(repr, classes))}; got {got}"
        )


def _read_cost(text: str, where: str) -> float:
    try:
        cost = float(text)
    except ValueError:
        cost = math.nan

    if not math.isfinite(cost):
        raise ValueError(f"{where}: expected a cost, a number, got {text!r}")

    return cost
