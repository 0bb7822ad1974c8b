"""Tests ask what is said of a column of a small table before anything is learnt from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from training.data.column_descriptions import describe_columns

N_ROWS = 200
"""Most tables of these tests have so many rows."""


def write(folder: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    """Writes the columns as `my.csv`, and returns its path."""
    path = folder / "my.csv"
    pl.DataFrame(columns, strict=False).write_csv(path)
    return path


def describe(folder: Path, values: Sequence[object], target: Sequence[object]) -> str:
    """Returns what is said of the column `c`, which has these values."""
    path = write(folder, {"c": values, "y": target})
    return describe_columns(path, target="y")[0].removeprefix("c: ")
