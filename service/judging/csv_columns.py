"""Columns of a CSV are texts, which become numbers, names or parts of dates as features want them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from model_card import Feature
from service.errors import EvaluationError
from service.judging.labelled_rows import Value, explain_odd_date
from service.models import cancellation
from service.models.row_columns import Column, find_dates, find_range
from tables.csv_text import CSVText
from tables.date_columns import DateColumn
from tables.date_texts import MAX_CHARS, read_column
from tables.plain_columns import (
    Texts,
    TextTable,
    UnclearNumber,
    choose_learnt_mark,
    is_group,
    proves_mark,
    read_numbers,
    refuse_groups,
)


class Columns:
    """The columns of a table are texts, which become numbers or names as a feature wants them."""

    def __init__(self, text: CSVText, where: str) -> None:
        self.names = list(text.names)
        self.dates: set[str] = set()
        self.notes = list(text.notes)
        self.faults: dict[int, str] = {}
        self._parts: dict[str, list[Value]] = {}
        self.places = text.places
        self.where = where
        self._table = TextTable(text.names, text.rows, text.separator)
        for name in cancellation.watch(text.names):
            self._table.read(name)

    def name(self, column: str, known: Collection[str] = ()) -> Texts:
        """Returns the names of a column's values, as they are written where more of them are `known` so."""
        return self._table.name(column, known)

    def spread_dates(self, features: Sequence[Feature]) -> None:
        """Makes of each date the parts that are features, unless the table has any; raises EvaluationError.

        Its name is then no further column's any more.
        """
        for date in find_dates(features):
            names = [features[position].name for position in date.positions]
            if date.name not in self.names or any(each in self.names for each in names):
                continue

            read = read_column(self._table.read(date.name), date.learnt)
            if read.fault:
                raise EvaluationError(
                    f"{self.where}: column {date.name!r} {read.fault}"
                )
            if read.note:
                self.notes.append(f"{date.name}: {read.note}")
            self._explain(date.name, read.odd)
            self._parts |= _spread(date, names, read.dates)
            self.names += names
            self.dates.add(date.name)

    def _explain(self, date: str, rows: Sequence[int]) -> None:
        """Keeps of each of these rows that its text is no date."""
        for row in rows:
            where = f"{self.where}, {self.places[row]}"
            got = str(self._table.read(date)[row])[:MAX_CHARS]
            self.faults.setdefault(row, explain_odd_date(where, date, got))

    def read(self, feature: Column) -> Sequence[Value]:
        """Returns numbers where the feature is one; raises EvaluationError for a notation that is not read here."""
        if not isinstance(feature, Feature):
            return self._table.read(feature.name)
        if feature.name in self._parts:
            return self._parts[feature.name]
        if feature.values:
            return self.name(feature.name, feature.values)
        mark = self._table.choose_mark(feature.name, find_range(feature))
        self._check_groups(feature, mark)
        try:
            return read_numbers(self._table.read(feature.name), mark)
        except UnclearNumber as error:
            raise EvaluationError(
                f"{self.where}: column {feature.name!r}: {error}; `veredicto evaluate` reads more notations"
            ) from None

    def _check_groups(self, feature: Feature, mark: str) -> None:
        """Raises EvaluationError where numbers as 2.345 are rather 2345, by those that models learnt from."""
        learnt = find_range(feature)
        known = [each for each in self._table.read(feature.name) if each is not None]
        if learnt is None or proves_mark(known, mark):
            return
        if choose_learnt_mark(known, learnt) in ("", mark):
            return

        text = next(each for each in known if is_group(each))
        raise EvaluationError(
            f"{self.where}: column {feature.name!r}: {refuse_groups(text, learnt)}; "
            "`veredicto evaluate` reads such columns"
        )

    def read_other(self, column: str) -> Sequence[Value]:
        """Returns numbers where all values are some, else names."""
        try:
            values = read_numbers(self._table.read(column), self._table.mark)
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
