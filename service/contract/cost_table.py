"""A table of costs is a CSV with the true class in its first column and a column for each class that is said.

Spreadsheets write it with semicolons or tabs, and with commas for decimal points, in some countries.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

CostTable = tuple[tuple[float, ...], ...]
"""Costs `(n_classes, n_classes)` by true class and by what is said, in the order of the classes."""
SEPARATORS = (",", ";", "\t")
UTF16_STARTS = (b"\xff\xfe", b"\xfe\xff")


def read_cost_table(path: Path, classes: Sequence[str]) -> CostTable:
    """Returns the costs that a file has; raises ValueError, which says what is wrong in it, and where."""
    try:
        lines, has_decimal_commas = _read_lines(path)
    except csv.Error as error:
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
                of_said[name],
                f"{path.name}: true class {true!r}, said {name!r}",
                has_decimal_commas=has_decimal_commas,
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


def _read_lines(path: Path) -> tuple[list[list[str]], bool]:
    """Returns the cells of each line, and whether their numbers may have commas, which separate nothing then."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in UTF16_STARTS else "utf-8-sig")
    except UnicodeDecodeError:
        # Names in another encoding are not those of the classes, and are refused with these.
        text = content.decode("cp1252", errors="replace")

    first = text.lstrip().partition("\n")[0]
    separator = max(
        SEPARATORS, key=lambda each: len(next(csv.reader([first], delimiter=each), []))
    )
    cells = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lines = [line for line in cells if any(map(str.strip, line))]

    return lines, separator != SEPARATORS[0]


def _check_classes(names: list[str], classes: Sequence[str], where: str) -> None:
    if sorted(names) != sorted(classes):
        got = ", ".join(map(repr, names)) or "none"
        raise ValueError(
            f"{where}: expected each class once: {', '.join(map(repr, classes))}; got {got}"
        )


def _read_cost(text: str, where: str, *, has_decimal_commas: bool) -> float:
    try:
        cost = float(text.replace(",", ".") if has_decimal_commas else text)
    except ValueError:
        cost = math.nan

    if not math.isfinite(cost):
        raise ValueError(f"{where}: expected a cost, a number, got {text!r}")

    return cost
