"""Rows of a request become the float32 matrix that a graph takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import Feature, FeatureInput
from service.contract.arrays import Rows
from service.contract.requests import Row, Value
from service.errors import InvalidRequest, hint_at
from service.models.row_columns import (
    Column,
    RequestDays,
    describe_others,
    find_dates,
    find_texts,
    read_columns,
)
from service.models.value_hints import hint_at_category, hint_at_number
from tables.date_columns import DAYS, DateColumn, find_day
from tables.date_texts import DateError
from tables.plain_columns import TextTable, find_spelling
from tables.spread_columns import SpreadColumn, join_features

MAX_FLOAT32 = 3.4028235e38
"""This is the largest float32, as it is written in decimal."""
MIN_DATE, MAX_DATE = 10_000_000, 99_999_999
MIN_MONTH, MAX_MONTH = 190_001, 209_912
"""A date of eight digits, or a month of six, may come as a number between these."""


class RowEncoder:
    """An encoder knows a card's features: their order, and the code of each value of a category.

    Features that are terms of a text, or parts of a date, may be given as that text or date, under the name of its
    column.
    """

    def __init__(self, card_input: FeatureInput) -> None:
        self._features = card_input.features
        self._names = [feature.name for feature in self._features]
        self._codes = [_codes(feature) for feature in self._features]
        self._all_numbers = not any(self._codes)
        self._categories = [
            (column, codes) for column, codes in enumerate(self._codes) if codes
        ]
        self._imputed = np.array(
            [feature.imputed is not None for feature in self._features]
        )
        self._known = frozenset(self._names)
        self._n_features = len(self._names)
        self._texts = find_texts(self._features)
        self._dates = find_dates(self._features)
        self._spread: list[SpreadColumn] = [*self._texts, *self._dates]
        self._columns = join_features(self._names, self._spread)
        self._column_of: dict[str, Column] = {
            each.name: each for each in (*self._features, *self._spread)
        }

    def encode(self, rows: Rows | TextTable) -> NDArray[np.float32]:
        """Returns `rows` as `(n_rows, n_features)`; raises InvalidRequest, which names row and feature.

        A matrix needs one look. Other rows are looked at value by value; numpy is never left to find their type, since
        its arrays of texts are as wide as the longest one. A table may have more columns than the features.
        """
        if not len(rows):
            raise InvalidRequest("inputs: expected at least one row, got none")

        if (
            isinstance(rows, np.ndarray)
            and self._all_numbers
            and rows.shape[1] == self._n_features
        ):
            values = rows
        else:
            values = self._encode_each(rows)

        # If the sum of squares is small, so is each of them.
        if not np.vdot(values, values) <= MAX_FLOAT32**2:
            self._check_magnitudes(values)

        return values.astype(np.float32)

    def decode(self, row: NDArray[np.float32]) -> Row:
        """Returns the values `(n_features,)` with names of categories for their codes, and None for what is missing."""
        decoded: list[Value] = []
        for value, codes in zip(row, self._codes, strict=True):
            if math.isnan(value):
                decoded.append(None)
            elif codes:
                decoded.append(list(codes)[int(value)])
            else:
                decoded.append(value)

        return decoded

    def join_dates(self, row: Sequence[Value]) -> Row:
        """Returns values of all features as a person reads them: a date in the place of its parts, None where missing.

        A row of another width, which an earlier version of a model had, stays as it is.
        """
        if len(row) != self._n_features:
            return list(row)

        values = dict(zip(self._names, row, strict=True))
        values |= {each.name: _find_date(each, row) for each in self._dates}

        return [values[each] for each in join_features(self._names, self._dates)]

    def check(self, features: NDArray[np.float32]) -> None:
        """Raises InvalidRequest for a matrix `(n_rows, n_features)` that no rows can become."""
        if not np.vdot(features, features) < np.inf:
            self._check_magnitudes(features.astype(np.float64))

        for column, codes in self._categories:
            given = features[:, column]
            is_known = np.isin(given, list(codes.values()))
            is_missing = np.isnan(given) & self._imputed[column]
            bad = ~(is_known | is_missing)
            if bad.any():
                index = int(bad.argmax())
                raise InvalidRequest(
                    f"row {index}: feature {self._names[column]!r} expects a whole number "
                    f"from 0 to {len(codes) - 1}, which stand for {', '.join(codes)}; got {given[index]:g}"
                )

    def _encode_each(self, rows: Rows | TextTable) -> NDArray[np.float64]:
        """Returns rows that are looked at value by value, and a table column by column, `(n_rows, n_features)`."""
        if isinstance(rows, TextTable):
            columns = self._read_columns(rows)
            matrix = self._join_columns(columns)
            if matrix is not None:
                return matrix
            lists: list[Row] = [
                dict(zip(columns, row, strict=True))
                for row in zip(*columns.values(), strict=True)
            ]
        else:
            lists = rows.tolist() if isinstance(rows, np.ndarray) else rows

        days = RequestDays(lists, self._columns)
        return np.array(
            [self._encode_row(row, index, days) for index, row in enumerate(lists)]
        )

    def _read_columns(self, table: TextTable) -> dict[str, Sequence[Value]]:
        """Returns columns as JSON has their values; those that are no features are passed over, since none is missing.

        It raises InvalidRequest where one is.
        """
        given = set(table.names)
        for column in self._spread:
            if column.name in given:
                given.update(self._names[each] for each in column.positions)
        if not self._known <= given:
            missing = self._join([each for each in self._names if each not in given])
            others = [each for each in table.names if each not in self._column_of]
            raise InvalidRequest(
                f"inputs[0]: missing {_quoted(missing)}{describe_others(missing, others)}"
            )

        return read_columns(table, self._column_of)

    def _join_columns(
        self, columns: dict[str, Sequence[Value]]
    ) -> NDArray[np.float64] | None:
        """Returns columns as `(n_rows, n_features)`; None where some are no numbers, or miss one that is needed."""
        if not (self._all_numbers and columns.keys() == self._known):
            return None

        numbers: list[Any] = [columns[name] for name in self._names]
        matrix = np.array(numbers, dtype=np.float64).T
        is_missing = np.isnan(matrix) & ~self._imputed

        return None if is_missing.any() else np.ascontiguousarray(matrix)

    def _encode_row(self, row: Row, index: int, days: RequestDays) -> list[float]:
        where = f"inputs[{index}]"
        if self._spread and isinstance(row, list) and len(row) == len(self._columns):
            row = dict(zip(self._columns, row, strict=True))
        if isinstance(row, dict):
            for date in self._dates:
                row = self._spread_date(row, date, where, days)
            row = self._order(self._spread_texts(row, where), where)
        elif len(row) != len(self._names):
            raise InvalidRequest(
                f"{where}: expected {len(self._columns)} values, one for each feature, got {len(row)}; "
                f"features: {self._list_columns()}"
            )

        return [
            _encode_value(value, feature, codes, where)
            for value, feature, codes in zip(
                row, self._features, self._codes, strict=True
            )
        ]

    def _spread_texts(self, row: dict[str, Value], where: str) -> dict[str, Value]:
        """Returns a row with the terms of each text that it has in the text's place."""
        for text in self._texts:
            if text.name not in row:
                continue

            value = row[text.name]
            if value is not None and not isinstance(value, str):
                raise InvalidRequest(
                    f"{where}: feature {text.name!r} expects a text, got {_show(value)}"
                )
            terms = [self._names[position] for position in text.terms.values()]
            found = set(text.find(value or ""))
            row = {name: each for name, each in row.items() if name != text.name}
            row.update(dict.fromkeys(terms, 0.0))
            row.update((self._names[position], 1.0) for position in found)

        return row

    def _spread_date(
        self, row: dict[str, Value], date: DateColumn, where: str, days: RequestDays
    ) -> dict[str, Value]:
        """Returns a row with the parts of a date that it has in the date's place."""
        if date.name not in row:
            return row

        names = [self._names[position] for position in date.positions]
        twice = [name for name in names if name in row]
        if twice:
            raise InvalidRequest(
                f"{where}: feature {date.name!r} is there, and {_quoted(twice)} too: leave out the date or all of its "
                "parts"
            )

        value = row[date.name]
        row = {name: each for name, each in row.items() if name != date.name}
        if value is None and self._imputed[date.positions].all():
            return row | dict.fromkeys(names)

        try:
            day = days.read(_name_date(value), date)
        except DateError as error:
            raise InvalidRequest(
                f"{where}: feature {date.name!r} expects a date, as '2024-12-31', {error}"
            ) from None

        return row | dict(zip(names, date.spread(day), strict=True))

    def _order(self, row: dict[str, Value], where: str) -> list[Value]:
        if row.keys() == self._known:
            return [row[name] for name in self._names]

        missing = self._join([name for name in self._names if name not in row])
        unknown = sorted(row.keys() - set(self._names))
        hint = hint_at(unknown[0], missing or self._columns) if unknown else ""
        if missing:
            beside = f"; got unknown {_quoted(unknown)}" if unknown else ""
            raise InvalidRequest(f"{where}: missing {_quoted(missing)}{beside}{hint}")

        raise InvalidRequest(
            f"{where}: unknown {_quoted(unknown)}{hint}; features: {self._list_columns()}"
        )

    def _join(self, missing: Sequence[str]) -> list[str]:
        """Returns the columns that these features come from: a date where all of its parts are missing."""
        column_of = {
            self._names[position]: text.name
            for text in self._texts
            for position in text.positions
        }
        for date in self._dates:
            names = [self._names[position] for position in date.positions]
            if set(names) <= set(missing):
                column_of |= dict.fromkeys(names, date.name)

        return list(dict.fromkeys(column_of.get(name, name) for name in missing))

    def _list_columns(self) -> str:
        dates = {each.name for each in self._dates}
        return ", ".join(
            f"{each} (a date, as 2024-12-31)" if each in dates else each
            for each in self._columns
        )

    def _check_magnitudes(self, values: NDArray[np.float64]) -> None:
        is_missing = np.isnan(values) & self._imputed
        fits = np.abs(values) <= MAX_FLOAT32
        for row, column in np.argwhere(~(fits | is_missing)):
            raise InvalidRequest(
                f"inputs[{row}]: feature {self._names[column]!r} expects a finite number that fits 32 bits "
                f"(at most {MAX_FLOAT32:.1e}), got {values[row, column]:g}"
            )


def _codes(feature: Feature) -> dict[str, float] | None:
    if not feature.values:
        return None
    return {value: float(code) for code, value in enumerate(feature.values)}


def _encode_value(
    value: Value,
    feature: Feature,
    codes: dict[str, float] | None,
    where: str,
) -> float:
    """Returns the number that a value becomes; raises InvalidRequest.

    It is NaN for a missing value that the graph imputes; true and false mean the categories of those names.
    """
    if value is None and feature.imputed is not None:
        return math.nan

    if codes is None:
        if value is None or isinstance(value, str | bool):
            hint = hint_at_number(value, feature)
            raise InvalidRequest(
                f"{where}: feature {feature.name!r} expects a number, got {_show(value)}{hint}"
            )
        return value

    name = _name_category(value, codes)
    if not isinstance(name, str) or name not in codes:
        known = ", ".join(codes)
        hint = hint_at_category(name, codes)
        raise InvalidRequest(
            f"{where}: feature {feature.name!r} expects one of {known}, got {_show(value)}{hint}"
        )

    return codes[name]


def _name_category(value: Value, codes: Collection[str]) -> Value:
    """Returns the name that a value is of a category: yes and true in any capitals."""
    if isinstance(value, bool):
        return _show(value)
    return find_spelling(value, codes) if isinstance(value, str) else value


def _find_date(date: DateColumn, row: Sequence[Value]) -> str | None:
    """Returns the date of a row's parts as a client sends it, None where it is missing or is none of the calendar."""
    days = row[date.parts[DAYS]]
    if isinstance(days, str | bool) or days is None:
        return None
    try:
        return str(find_day(float(days)))
    except (ValueError, OverflowError):
        return None


def _name_date(value: Value) -> str:
    """Returns the text of a date, which may be a number of eight or six digits; raises DateError for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, float | int) and not isinstance(value, bool):
        is_whole = float(value).is_integer()
        if is_whole and (
            MIN_DATE <= value <= MAX_DATE or MIN_MONTH <= value <= MAX_MONTH
        ):
            return f"{value:.0f}"

    raise DateError(f"got {_show(value)}")


def _show(value: Value) -> str:
    """Returns the value as JSON names it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _quoted(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names)
    return f"feature {shown}" if len(names) == 1 else f"features {shown}"
