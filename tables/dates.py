"""Columns of texts become dates where all of their texts are some, as people of several countries write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from tables.date_columns import DATE_PARTS
from tables.date_notations import BASIC_TIME, GAP, INNER_TIME, TIME, WEEKDAY
from tables.date_texts import (
    MIN_DATE_SHARE,
    Days,
    could_be_dates,
    read_most,
    read_texts,
)
from tables.digits import ASCII_OF, OTHER_DIGIT

TIMES_NOTE = "times are left out: to learn from hours, give them a column of their own"
_N_LOOKED_AT = 100


class Dates(NamedTuple):
    """A column that looks like dates is `dates`, of which a `note` says what was assumed, or has a `fault`.

    It is a guess where another order of day, month and year fits as well. `times` says that there are some. The rows
    of `odd` have a text that is no date, and no date.
    """

    dates: pl.Series | None = None
    note: str = ""
    fault: str = ""
    is_guess: bool = False
    times: str = ""
    odd: Sequence[int] = ()


def read_dates(column: pl.Series, learnt: Days | None = None) -> Dates:
    """Returns dates where all known texts are some, or most, of which the day's place is found out; times are left out.

    Where that leaves several, those are taken that lie in the range learnt. A column with such a range is known to be
    of dates.
    """
    known = column.drop_nulls()
    is_known = learnt is not None
    if not (is_known or _have_digits(known)):
        known = _drop_gaps(known)
        if not len(known) or not _have_digits(known):
            return Dates()

    column = write_ascii_column(column)
    texts = _cut_times(column)
    texts = texts.set(_is_gap(texts).fill_null(value=False), None)
    known = texts.drop_nulls()
    different = known.unique(maintain_order=True)
    first = different.head(_N_LOOKED_AT).to_list()
    if not first or not (is_known or could_be_dates(first)):
        return Dates()

    counted = known.value_counts(name="rows")
    rows_of = dict(zip(counted[texts.name], counted["rows"], strict=True))
    rows_of = {each: rows_of[each] for each in different}
    read = read_texts(rows_of, learnt)
    if read.dates is None and (is_known or not read.fault):
        most = read_most(rows_of, learnt, is_known=is_known)
        read = read if most.dates is None else most
    if read.dates is None:
        return Dates(fault=read.fault)

    dates = texts.replace_strict(
        list(read.dates), list(read.dates.values()), return_dtype=pl.Date, default=None
    )
    times = TIMES_NOTE if _have_times(column) else ""
    odd = (texts.is_not_null() & dates.is_null()).arg_true().to_list()

    return Dates(dates, read.note, is_guess=read.is_guess, times=times, odd=odd)


def write_ascii_column(column: pl.Series) -> pl.Series:
    """Returns texts of which those that have digits of another script have those of ASCII."""
    is_other = column.str.contains(OTHER_DIGIT).fill_null(value=False)
    if not is_other.any():
        return column

    plain = column.str.replace_many(list(ASCII_OF), list(ASCII_OF.values()))
    return plain.zip_with(is_other, column)


def _have_digits(known: pl.Series) -> bool:
    """Tells whether most of the first texts have a digit, as dates have."""
    share = known.head(_N_LOOKED_AT).str.contains(r"\d").mean()
    return share is not None and float(share) >= MIN_DATE_SHARE  # type: ignore[arg-type]  # of truth values


def note_times(column: pl.Series) -> str:
    """Returns what is said of a column of dates with times, nothing where its times are all the same."""
    times = column.dt.time().drop_nulls()
    return TIMES_NOTE if times.n_unique() > 1 else ""


def expand_date(column: pl.Series) -> dict[str, pl.Series]:
    """Returns year, month, weekday (1 is Monday) and days since 1970 of a column of dates, by their columns' names."""
    dates = column.cast(pl.Date)
    parts = (
        dates.dt.year().cast(pl.Int64),
        dates.dt.month().cast(pl.Int64),
        dates.dt.weekday().cast(pl.Int64),
        dates.to_physical().cast(pl.Int64),
    )
    return {
        f"{column.name}_{part}": values.alias(f"{column.name}_{part}")
        for part, values in zip(DATE_PARTS, parts, strict=True)
    }


def _cut_times(column: pl.Series) -> pl.Series:
    plain = column.str.replace(BASIC_TIME, "${1}").str.replace(INNER_TIME, "${2}")
    without = plain.str.replace(TIME, "")
    return without.str.replace(WEEKDAY, "")


def _have_times(column: pl.Series) -> bool:
    """Returns whether the texts have times that differ, some of which may be left out."""
    known = _drop_gaps(column.drop_nulls())
    return any(
        known.str.extract(pattern, group).n_unique() > 1
        for pattern, group in ((TIME, 0), (BASIC_TIME, 2), (INNER_TIME, 1))
    )


def _is_gap(texts: pl.Series) -> pl.Series:
    return texts.str.contains(GAP)


def _drop_gaps(known: pl.Series) -> pl.Series:
    return known.filter(~_is_gap(known))
