"""Columns of a table stand for the features of a model: a text for its terms, a date for its parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from model_card import Feature
from service.contract.requests import Row, Value
from service.errors import InvalidRequest, find_like
from service.models import cancellation
from tables.date_columns import DateColumn, find_date_columns
from tables.date_texts import (
    Days,
    SeveralDatesError,
    clear_gaps,
    read_known_date,
    read_proven,
)
from tables.plain_columns import (
    Range,
    TextTable,
    find_doubtful,
    is_other_number,
    read_cells,
    refuse_groups,
)
from tables.spread_columns import SpreadColumn, join_features
from tables.terms import TextColumn, find_text_columns

MAX_SHOWN, MAX_CHARS = 5, 60
"""So many names are shown, and so much of one."""
Column = Feature | SpreadColumn
"""A table has a feature, or a text or a date in the place of several."""


def find_texts(features: Sequence[Feature]) -> tuple[TextColumn, ...]:
    """Returns the columns of texts that features are terms of: numbers by their names, which are 0 or 1.

    The training rows may all lack a rare term, or all have a frequent one, so that its range is one of both.
    """
    names = []
    for each in features:
        is_zero_or_one = set(each.range or ()) <= {0, 1}
        may_be_term = is_zero_or_one and not each.values
        names.append(each.name if may_be_term else "")

    return find_text_columns(names)


def find_dates(features: Sequence[Feature]) -> tuple[DateColumn, ...]:
    """Returns the columns of dates that features are parts of."""
    names = [each.name for each in features]
    ranges = {each.name: each.range for each in features if not each.values}

    return find_date_columns(ranges, names)


def list_learnt_days(features: Sequence[Feature]) -> dict[str, Days]:
    """Returns the range that the training rows had of each date, by which one that may be several is read."""
    return {
        each.name: each.learnt
        for each in find_dates(features)
        if each.learnt is not None
    }


def list_learnt_ranges(features: Sequence[Feature]) -> dict[str, Range]:
    """Returns the range that the training rows had of each number, by which 2.345 is told from 2345."""
    found = {each.name: find_range(each) for each in features}
    return {name: each for name, each in found.items() if each is not None}


def find_range(feature: Feature) -> Range | None:
    """Returns the range of a number's training rows; they were whole where its ends are and halves part its tenths."""
    if feature.range is None:
        return None
    tenths = feature.distribution.edges if feature.distribution else ()
    are_whole = bool(tenths) and all((2 * each) % 1 == 0 for each in tenths)
    low, high = feature.range

    return Range(low, high, are_whole and low % 1 == 0 and high % 1 == 0)


def choose_columns(features: Sequence[Feature], names: Sequence[str]) -> list[Column]:
    """Returns what a table with columns of these names has for the features: a text in the place of its terms.

    A text is chosen unless the table has its terms as columns, and a date unless the table has any of its parts.
    """
    own_names = [each.name for each in features]
    texts = find_texts(features)
    dates = find_dates(features)

    spread: list[SpreadColumn] = []
    for text in texts:
        if text.name in names or not _has_any(text, own_names, names):
            spread.append(text)
    for date in dates:
        if not _has_any(date, own_names, names):
            spread.append(date)

    by_name: dict[str, Column] = dict(zip(own_names, features, strict=True))
    by_name.update((each.name, each) for each in spread)

    return [by_name[name] for name in join_features(own_names, spread)]


def describe_missing(missing: Sequence[str], names: Sequence[str]) -> str:
    """Returns the first columns that a table with columns of these names lacks, and why where that can be seen.

    All may stand in one, which something else parts than is read, or one of another capitalisation.
    """
    shown = ", ".join(map(repr, missing[:MAX_SHOWN]))
    shown += ", ..." if len(missing) > MAX_SHOWN else ""
    if len(names) == 1:
        (whole,) = names
        return f"{shown}; its one column is {whole[:MAX_CHARS]!r}: a comma, semicolon, tab or bar parts values"

    folded = {each.strip().casefold(): each for each in names}
    others = (folded.get(each.strip().casefold()) for each in missing)
    alike = next(filter(None, others), None)
    return f"{shown}; capitals count, and it has {alike!r}" if alike else shown


def describe_others(missing: Sequence[str], others: Sequence[str]) -> str:
    """Returns which columns a table has in place of missing ones, and the likeliest of them."""
    if not others:
        return ""
    shown = ", ".join(repr(each[:MAX_CHARS]) for each in others[:MAX_SHOWN])
    more = ", ..." if len(others) > MAX_SHOWN else ""
    noun = "feature" if len(others) == 1 else "features"
    pairs = ((each, find_like(each, others)) for each in missing[:MAX_SHOWN])
    name, like = next((pair for pair in pairs if pair[1]), ("", ""))
    hint = f" (did you mean {name!r} by {like!r}?)" if like else ""

    return f"; got unknown {noun} {shown}{more}{hint}"


def read_columns(
    table: TextTable, columns: Mapping[str, Column]
) -> dict[str, Sequence[Value]]:
    """Returns the values, as JSON has them, of those of the columns that a table has; raises InvalidRequest."""
    names = [each for each in table.names if each in columns]
    return {
        each: _read_column(table, each, columns[each])
        for each in cancellation.watch(names)
    }


def _read_column(table: TextTable, name: str, column: Column) -> Sequence[Value]:
    if isinstance(column, DateColumn):
        return clear_gaps(table.read(name))
    if not isinstance(column, Feature):
        return table.read(name)
    if column.values:
        return table.name(name, column.values)
    return _read_numbers(table, column)


def _read_numbers(table: TextTable, feature: Feature) -> Sequence[Value]:
    """Returns numbers, None where one is missing; raises InvalidRequest at the first text that is none, or may be two.

    That is one as 2.345 where the model learnt from numbers as 2345, and from none as 2.345.
    """
    learnt = find_range(feature)
    texts = table.read(feature.name)
    mark = table.choose_mark(feature.name, learnt)
    cells = read_cells(texts, mark)
    odd = next((at for at, each in enumerate(cells) if isinstance(each, str)), None)
    if odd is not None:
        shown = str(texts[odd])[:MAX_CHARS]
        hint = _explain_mark(mark) if is_other_number(shown) else ""
        raise InvalidRequest(
            f"inputs[{odd}]: feature {feature.name!r} expects a number, got {shown!r}{hint}"
        )

    at = find_doubtful(texts, mark, learnt) if learnt else None
    if learnt and at is not None:
        raise InvalidRequest(
            f"inputs[{at}]: feature {feature.name!r}: {refuse_groups(str(texts[at]), learnt)}"
        )

    return cells


def _explain_mark(mark: str) -> str:
    name = "a comma" if mark == "," else "a point"
    return f": {name} is before decimals in this table, and no other mark is read"


class RequestDays:
    """The days of a request's rows: a text that may be several by itself is the one that its whole column proves."""

    def __init__(self, rows: Sequence[Row], columns: Sequence[str]) -> None:
        self._rows = rows
        self._columns = columns
        self._proven: dict[str, Mapping[str, dt.date]] = {}

    def read(self, text: str, date: DateColumn) -> dt.date:
        """Returns the day of a text in a column of the rows; raises DateError."""
        try:
            return read_known_date(text, date.learnt)
        except SeveralDatesError:
            # All rows are looked at once, where any needs it.
            column = date.name
            if column not in self._proven:
                self._proven[column] = read_proven(self._list_texts(column))
            day = self._proven[column].get(text)
            if day is None:
                raise
            return day

    def _list_texts(self, column: str) -> list[str]:
        """Returns what the rows have in a column, objects by its name and lists at its place, but what is missing."""
        at = self._columns.index(column)
        n_columns = len(self._columns)
        values = []
        for row in self._rows:
            if isinstance(row, dict):
                values.append(row.get(column))
            elif len(row) == n_columns:
                values.append(row[at])

        return [str(each) for each in values if each is not None]


def _has_any(
    column: SpreadColumn, own_names: Sequence[str], names: Sequence[str]
) -> bool:
    """Returns whether any feature that a text or a date stands for is among these names."""
    return any(own_names[position] in names for position in column.positions)
