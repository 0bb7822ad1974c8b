"""A last row that sums up those above it is no row to learn from."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from tables.reader import Table

_SUM = re.compile(
    r"(?i)(grand |sub)?total(es)?|sum|suma|summe|gesamt|insgesamt|somme|totale|soma"
)
_MEAN = re.compile(
    r"(?i)mean|average|avg\.?|media|promedio|durchschnitt|mittelwert|moyenne|média"
)
MIN_ROWS = 3
MIN_COLUMNS = 2
"""Where no word tells a sum, so many columns have theirs."""
TOLERANCE = 1e-3
"""Sums and means are rounded where they are written."""


def find_totals(table: Table, target: str) -> list[str]:
    """Returns what is wrong with a last row of sums or means, nothing where there is none."""
    frame = table.frame
    if frame.height <= MIN_ROWS or frame[target][-1] is None:
        return []

    words = [
        str(frame[name][-1]).strip(" :.")
        for name in frame.columns
        if frame[name].dtype == pl.String and frame[name][-1] is not None
    ]
    has_sums, has_means = (
        any(each.fullmatch(word) for word in words) for each in (_SUM, _MEAN)
    )
    n_sums, n_means = _count(frame)
    for n_columns, is_told, what in (
        (n_sums, has_sums, "sums"),
        (n_means, has_means, "means"),
    ):
        if n_columns >= (1 if is_told else MIN_COLUMNS) and (is_told or what == "sums"):
            return [
                f"{table.places[-1]} has the {what} of the rows above it: remove it"
            ]

    return []


def _count(frame: pl.DataFrame) -> tuple[int, int]:
    """Returns in how many columns of numbers the last one is the sum, and the mean, of those above it."""
    n_sums = n_means = 0
    for column in frame:
        last = column[-1]
        if not column.dtype.is_numeric() or last is None:
            continue

        above = column[:-1].drop_nulls().cast(pl.Float64).to_numpy()
        if np.count_nonzero(above) < MIN_ROWS:
            continue
        total = float(above.sum())
        if not np.isfinite(total) or total == 0:
            continue
        n_sums += abs(float(last) - total) <= TOLERANCE * abs(total) / 10
        n_means += abs(float(last) - total / len(above)) <= TOLERANCE * abs(
            total / len(above)
        )

    return n_sums, n_means
