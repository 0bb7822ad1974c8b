"""This module reads when recorded requests came, which `--replay` sends again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loadtest.sending.schedule import Floats
from service.errors import LoadTestError

if TYPE_CHECKING:
    import polars as pl

TIME_COLUMNS = ("due_s", "time_s", "timestamp", "time")
"""A recording has its times in the first of these columns that is there, or in the only one that it has."""
MAX_SECONDS = 1e10
"""Seconds since 1970 have ten digits until 2286; those with more are milliseconds, microseconds or nanoseconds."""
REPEAT_COLUMN = "repeat"


def read_arrivals(path: Path) -> Floats:
    """Returns the times of a recording from its first one on; CSV or Parquet, as `--raw` writes it, in seconds.

    Of the repeats that `--raw` has written the first one is taken: all together were another load. It raises
    LoadTestError for a table whose times cannot be told.
    """
    from tables.reader import UnreadableTableError, read_table

    try:
        frame = read_table(path).frame
    except UnreadableTableError as error:
        raise LoadTestError(f"--replay: {error}") from None

    if REPEAT_COLUMN in frame.columns and "due_s" in frame.columns:
        frame = frame.filter(frame[REPEAT_COLUMN] == frame[REPEAT_COLUMN].min())

    column = frame[_find_time_column(frame.columns, path)]
    times: Floats = np.sort(_read_seconds(column, path))
    times -= times[0]

    return times


def _find_time_column(names: Sequence[str], path: Path) -> str:
    known = [name for name in TIME_COLUMNS if name in names]
    if known:
        return known[0]

    if len(names) > 1:
        raise LoadTestError(
            f"--replay: {path.name}: expected a column {', '.join(TIME_COLUMNS[:-1])} or {TIME_COLUMNS[-1]}, or one "
            f"column alone, got {', '.join(names)}"
        )
    if _is_number(names[0]):
        raise LoadTestError(
            f"--replay: {path.name}: expected a name, as {TIME_COLUMNS[0]}, in the line above the times, got "
            f"{names[0]}"
        )

    return names[0]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_seconds(column: pl.Series, path: Path) -> Floats:
    where = f"--replay: {path.name}: expected seconds in the column {column.name!r}, one for each request"
    if column.dtype.is_temporal():
        raise LoadTestError(
            f"{where}, got dates: write seconds, as those since 1970 or since the first request"
        )
    if not column.dtype.is_numeric():
        raise LoadTestError(f"{where}, got {column.dtype}")
    if column.null_count() or not column.is_finite().all():
        raise LoadTestError(f"{where}, got cells without a number")

    seconds: Floats = column.to_numpy().astype(np.float64)
    if np.abs(seconds).max() > MAX_SECONDS:
        raise LoadTestError(
            f"{where}, got {seconds.max():.0f}, of which a second has a thousand or more: divide them"
        )

    return seconds
