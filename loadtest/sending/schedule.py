"""This module plans when requests are due: at a fixed or rising rate, evenly or at random, or as they once came.

Every schedule is an array of seconds from the start, in order. A schedule at random has as many requests as an even
one: given their number, the arrivals of a Poisson process are uniform (Kingman, Poisson Processes, 1993, section 2.4),
so that short runs keep the rate that was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from service.errors import LoadTestError

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

POISSON = "poisson"
CONSTANT = "constant"
ARRIVALS = (POISSON, CONSTANT)
MAX_REQUESTS = 50_000_000
"""Each is kept in memory, with when it was due and what came of it."""
TIME_COLUMNS = ("due_s", "time_s", "timestamp", "time")
"""A recording has its times in the first of these columns that is there, or in the only one that it has."""
MAX_SECONDS = 1e10
"""Seconds since 1970 have ten digits until 2286; those with more are milliseconds, microseconds or nanoseconds."""
REPEAT_COLUMN = "repeat"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """These are requests a second at the start and at the end of a run; between them the rate rises along a line."""

    start: float
    end: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Reads `200` or `100:1000`; raises ValueError for what is neither."""
        start, colon, end = text.partition(":")
        rate = cls(start=float(start), end=float(end) if colon else float(start))
        if not (0 <= rate.start < np.inf and 0 < rate.end < np.inf):
            raise ValueError(text)

        return rate

    @property
    def mean(self) -> float:
        return (self.start + self.end) / 2

    def __str__(self) -> str:
        if self.start == self.end:
            return f"{self.start:,.10g}/s"
        return f"{self.start:,.10g} to {self.end:,.10g}/s"


def plan_arrivals(
    rate: Rate, *, duration_s: float, arrivals: str, seed: int | None = 0
) -> Floats:
    """Returns when `rate * duration_s` requests are due; raises LoadTestError for more than memory is there for."""
    if rate.mean * duration_s > MAX_REQUESTS:
        raise LoadTestError(
            f"--rate: expected at most {MAX_REQUESTS:,} requests in all, got {rate} for {duration_s:,.10g} s"
        )

    n_requests = max(1, round(rate.mean * duration_s))
    if arrivals == POISSON:
        shares = np.sort(np.random.default_rng(seed).random(n_requests))
    else:
        shares = np.arange(n_requests) / n_requests

    return duration_s * _invert_ramp(shares, rate)


def _invert_ramp(shares: Floats, rate: Rate) -> Floats:
    """Returns the time, as a share of the run, by which so large a share of the requests has been due."""
    slope = rate.end - rate.start
    if slope == 0:
        return shares

    # start * t + slope * t^2 / 2 = share * mean, of which this is the root without cancellation
    wanted = shares * rate.mean
    root = np.sqrt(rate.start**2 + 2 * slope * wanted)
    times: Floats = 2 * wanted / np.maximum(rate.start + root, np.finfo(float).tiny)

    return times


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
