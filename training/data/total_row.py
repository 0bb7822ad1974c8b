"""Rows that sum up those above them, the last one or some within a table, are no rows to learn from."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.reader import Table

SUM_WORD = r"(?i:(grand |sub-?)?totale?s?|sum|suma|summe|gesamt|insgesamt|somme|soma)"
_SUM = re.compile(SUM_WORD)
_SUBTOTAL = rf"^{SUM_WORD}\b|\b{SUM_WORD}$"
MIN_SUBTOTALS = 2
MIN_SUMMED = 0.8
"""So great a share of the rows that are called so must have the sums of those above them, up to the one before."""
N_PROBED, MAX_NUMBERS = 20, 50
"""So many suspected rows are looked at before all of them, in so many columns of numbers."""
_MEAN = re.compile(
    r"(?i)mean|average|avg\.?|media|promedio|durchschnitt|mittelwert|moyenne|média"
)
MIN_ROWS = 3
MIN_COLUMNS = 2
"""Where no word tells a sum, so many columns have theirs."""
TOLERANCE = 1e-3
"""Sums and means are rounded where they are written."""


def find_totals(table: Table, target: str) -> list[str]:
    """Returns what is wrong with a last row of sums or means, or with sums within; nothing where there is none."""
    return _find_last(table, target) or _find_subtotals(table, target)


def _find_last(table: Table, target: str) -> list[str]:
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


def _find_subtotals(table: Table, target: str) -> list[str]:
    """Returns a fault for rows within the table that have the sums of those above them, up to the one before.

    They are told by a word, or by a gap in a column that has none elsewhere, and are of no harm without a target.
    """
    frame = table.frame
    is_known = frame[target].is_not_null()
    numeric = [each for each in frame if each.dtype.is_numeric()][:MAX_NUMBERS]
    numbers = [each.cast(pl.Float64).fill_null(0).to_numpy() for each in numeric]
    sums = [np.concatenate([[0.0], np.cumsum(values)]) for values in numbers]
    for column in frame:
        for is_sum, least in _suspect_sums(column):
            at = is_sum.arg_true().to_numpy().astype(np.int64)
            if len(at) < MIN_SUBTOTALS or not (is_sum & is_known).any():
                continue

            n_summed = sum(
                _has_sums(values, running, at[:N_PROBED])
                and _has_sums(values, running, at)
                for values, running in zip(numbers, sums, strict=True)
            )
            if n_summed >= least:
                first = table.places[int(at[0])]
                return [
                    f"{len(at)} rows have the sums of the rows above them, {first} the first: remove them"
                ]

    return []


def _suspect_sums(column: pl.Series) -> list[tuple[pl.Series, int]]:
    """Returns which rows of a column may be sums, and how many columns of numbers must have them."""
    suspects = []
    if column.dtype == pl.String:
        is_named = column.str.contains(_SUBTOTAL).fill_null(value=False)
        suspects.append((is_named, 1))
    if 0 < column.null_count() <= len(column) / MIN_ROWS:
        suspects.append((column.is_null(), MIN_COLUMNS))

    return suspects


def _has_sums(
    values: NDArray[np.float64], running: NDArray[np.float64], at: NDArray[np.int64]
) -> bool:
    """Tells whether most of the rows `at` of a column of numbers have the sum of those since the one before.

    `values` are `(n_rows,)`, and their `running` sums `(n_rows + 1,)` begin with 0.
    """
    starts = np.concatenate([[0], at[:-1] + 1])
    sums = running[at] - running[starts]
    is_sum = (np.abs(values[at] - sums) <= TOLERANCE / 10 * np.abs(sums)) & (sums != 0)
    is_sum &= at - starts >= MIN_SUBTOTALS

    return bool(is_sum.sum() >= max(MIN_SUBTOTALS, MIN_SUMMED * len(at)))
