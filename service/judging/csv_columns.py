"""The columns of a CSV that came over HTTP are read as numbers, names and dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from model_card import Feature
from service.errors import EvaluationError, TooLarge
from service.judging.labelled_rows import Value
from service.models import cancellation
from service.models.rows import Column, find_dates
from tables.csv_text import CSVText, UnreadableTableError, read_csv_text
from tables.date_columns import DateColumn
from tables.date_texts import read_column
from tables.plain_columns import (
    UnclearNumber,
    find_decimal_mark,
    name_texts,
    read_numbers,
    strip_texts,
)

ROWS_SETTING = "VEREDICTO_MAX_ROWS"
Texts = Sequence[str | None]


class TableLimits(NamedTuple):
    """A table has at most so many rows, and bytes where it is packed."""

    max_rows: int
    max_bytes: int


class Columns:
    """The columns of a table are texts, which become numbers or names as a feature wants them."""

    def __init__(self, text: CSVText, where: str) -> None:
        self.names = list(text.names)
        self.dates: set[str] = set()
        self.notes: list[str] = []
        self._parts: dict[str, list[Value]] = {}
        self.places = text.places
        self.where = where
        self._texts: dict[str, Texts] = {
            name: strip_texts(row[at] for row in text.rows)
            for at, name in enumerate(cancellation.watch(text.names))
        }
        every = (each for column in self._texts.values() for each in column)
        self._mark = find_decimal_mark(every, text.separator)

    def name(self, column: str) -> Texts:
        """Returns the names of a column's values."""
        return name_texts(self._texts[column], self._mark)

    def spread_dates(self, features: Sequence[Feature]) -> None:
        """Makes of each date the parts that are features, unless the table has any; raises EvaluationError.

        Its name is then no further column's any more.
        """
        for date in find_dates(features):
            names = [features[position].name for position in date.positions]
            if date.name not in self.names or any(each in self.names for each in names):
                continue

            read = read_column(self._texts[date.name], date.learnt)
            if read.fault:
                raise EvaluationError(
                    f"{self.where}: column {date.name!r} {read.fault}"
                )
            if read.note:
                self.notes.append(f"{date.name}: {read.note}")
            self._parts |= _spread(date, names, read.dates)
            self.names += names
            self.dates.add(date.name)

    def read(self, feature: Column) -> Sequence[Value]:
        """Returns numbers where the feature is one; raises EvaluationError for a notation that is not read here."""
        if not isinstance(feature, Feature):
            return self._texts[feature.name]
        if feature.name in self._parts:
            return self._parts[feature.name]
        if feature.values:
            return self.name(feature.name)
        try:
            return read_numbers(self._texts[feature.name], self._mark)
        except UnclearNumber as error:
            raise EvaluationError(
                f"{self.where}: column {feature.name!r}: {error}; `veredicto evaluate` reads more notations"
            ) from None

    def read_other(self, column: str) -> Sequence[Value]:
        """Returns numbers where all values are some, else names."""
        try:
            values = read_numbers(self._texts[column], self._mark)
        except UnclearNumber:
            return self.name(column)
        return (
            self.name(column)
            if any(isinstance(each, str) for each in values)
            else values
        )


def _spread(
    date: DateColumn, names: Sequence[str], days: Sequence[dt.date | None]
) -> dict[str, list[Value]]:
    """Returns the columns of a date's parts, which have None where the date is missing."""
    missing: list[Value] = [None] * len(names)
    rows = [missing if each is None else date.spread(each) for each in days]
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def read_columns(
    content: bytes, source: str, limits: TableLimits, features: Sequence[Feature]
) -> Columns:
    """Returns the columns of a CSV; raises EvaluationError for what is none, and TooLarge for too many rows."""
    try:
        text = read_csv_text(source, content, max_bytes=limits.max_bytes)
    except UnreadableTableError as error:
        raise EvaluationError(str(error)) from None

    n_rows = len(text.rows)
    if n_rows > limits.max_rows:
        raise TooLarge(
            f"{source}: {n_rows} rows are over the limit of {limits.max_rows} rows a request ({ROWS_SETTING}): "
            "judge so many with `veredicto evaluate`"
        )
    if not n_rows:
        raise EvaluationError(
            f"{source}: expected a line of names and at least one row, got no row"
        )

    columns = Columns(text, source)
    columns.spread_dates(features)

    return columns
