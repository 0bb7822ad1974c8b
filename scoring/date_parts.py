"""Dates in a column become their parts; a text that is no date is a fault of its rows."""

from __future__ import annotations

import datetime as dt

import polars as pl

from tables.columns import convert_columns, strip_texts
from tables.date_notations import is_gap
from tables.date_texts import DateError, Days, read_date
from tables.dates import expand_date
from tables.notations import MISSING
from tables.reader import as_whole, name_values

Faults = dict[int, str]
"""What is wrong with a row stands at its place within the block."""
EPOCH = dt.date(1970, 1, 1)
"""This stands for a wrong date, whose row is set aside."""


def read_texts(column: pl.Series) -> list[str | None]:
    """Returns texts as the reader of whole tables has them, None where one is missing."""
    whole = strip_texts(column) if column.dtype == pl.String else as_whole(column)
    texts = name_values(whole)
    return [None if each is None or each in MISSING else each for each in texts]


def read_date_parts(
    frame: pl.DataFrame, name: str, learnt: Days | None, faults: Faults
) -> dict[str, pl.Series]:
    """Returns the parts of a date by their names; where the block as a whole is none, each text is read by itself."""
    days = {} if learnt is None else {name: learnt}
    (column,), findings = convert_columns([frame[name]], learnt=days)
    if column.dtype not in (pl.Date, pl.Datetime) or name in findings.guesses:
        column = _read_each_date(frame[name], faults)

    return expand_date(column)


def _read_each_date(column: pl.Series, faults: Faults) -> pl.Series:
    """Returns dates, null where one is missing; a text that is none, or may be several, is a fault of its rows."""
    texts = read_texts(column)
    dates: dict[str | None, dt.date | None] = {None: None}
    reasons = {}
    for text in dict.fromkeys(texts):
        if text is None or is_gap(text):
            dates[text] = None
            continue
        try:
            dates[text] = read_date(text)
        except DateError as error:
            dates[text] = EPOCH
            reasons[text] = (
                f"feature {column.name!r} expects a date, as '2024-12-31', {error}"
            )

    for row, text in enumerate(texts):
        if text in reasons:
            faults.setdefault(row, reasons[text])

    return pl.Series(column.name, [dates[text] for text in texts], dtype=pl.Date)
