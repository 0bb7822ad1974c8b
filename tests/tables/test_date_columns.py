"""Features are parts of a date by their names and by what the training rows had of them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from tables.date_columns import DateColumn, find_date_columns
from tables.date_texts import Days
from tables.dates import expand_date
from tables.spread_columns import SpreadColumn, join_features
from tables.terms import TextColumn

START, END = dt.date(2021, 3, 1), dt.date(2022, 11, 30)


def find(**ranges: Days | None) -> list[str]:
    return [each.name for each in find_date_columns(ranges, list(ranges))]


def days(*dates: dt.date) -> Days:
    first, last = ((each - dt.date(1970, 1, 1)).days for each in dates)
    return first, last


def test_parts_are_joined_to_their_date() -> None:
    """Parts that say the same of the days are those of a date, which stands where the first of them is."""
    ranges: dict[str, Days | None] = {
        "x": (0, 1),
        "day_year": (2021, 2022),
        "day_month": (1, 12),
        "day_weekday": (1, 7),
        "day_days": days(START, END),
        "y": None,
    }
    found = find_date_columns(ranges, list(ranges))
    parts = {"year": 1, "month": 2, "weekday": 3, "days": 4}
    assert found == (DateColumn("day", parts, days(START, END)),)
    assert join_features(list(ranges), found) == ["x", "day", "y"]


@pytest.mark.parametrize(
    "day", [START, END, dt.date(1969, 12, 31), dt.date(2024, 2, 29)]
)
def test_a_date_has_the_parts_of_training(day: dt.date) -> None:
    """The parts of a row are those that polars makes of a column."""
    names = [f"day_{part}" for part in ("days", "month", "weekday", "year")]
    (column,) = find_date_columns(dict.fromkeys(names), names)
    expanded = expand_date(pl.Series("day", [day]))
    assert column.spread(day) == [expanded[name][0] for name in names]


def test_a_part_that_did_not_vary_may_be_left_out() -> None:
    """Dates of one year have no feature for it."""
    in_a_year = days(dt.date(2022, 2, 1), dt.date(2022, 5, 3))
    assert find(day_month=(2, 5), day_weekday=(1, 7), day_days=in_a_year) == ["day"]
    in_a_month = days(dt.date(2022, 2, 1), dt.date(2022, 2, 25))
    assert find(day_weekday=(1, 7), day_days=in_a_month) == ["day"]


@pytest.mark.parametrize(
    "ranges",
    [
        {"x_year": (1990, 2020)},
        {"x_days": (1, 30)},
        {"x_year": (1990, 2020), "x_month": (1, 12)},
        {"x_year": (1990, 2020), "x_days": (1, 30)},
        {"x_month": (1, 12), "x_days": (0, 300)},
        {"x_month": (1, 12), "x_days": (0, 3000)},
        {"x_year": (2021, 2022), "x_month": (0, 12), "x_days": days(START, END)},
        {"x_year": (2021, 2022), "x_weekday": (0, 6), "x_days": days(START, END)},
        {"x": (0, 1), "x_year": (2021, 2022), "x_days": days(START, END)},
        {"x_year": (1, 2), "x_days": (1e30, 2e30)},
        {"_year": (2021, 2022), "_days": days(START, END)},
    ],
)
def test_columns_that_are_called_so_by_chance_are_no_parts(
    ranges: dict[str, Days],
) -> None:
    """Names alone make no date of a person's own columns."""
    assert find(**ranges) == []


def test_a_category_is_no_part() -> None:
    """A feature without a range of numbers, as one with values, is none."""
    ranges: dict[str, Days | None] = {"x_days": days(START, END)}
    assert not find_date_columns(ranges, ["x_year", "x_days"])


def test_texts_and_dates_are_joined_together() -> None:
    """Each column stands once, in the order of the first of its features."""
    names = ["t: a", "d_year", "x", "d_days", "t: b"]
    spread: list[SpreadColumn] = [
        TextColumn("t", {"a": 0, "b": 4}),
        DateColumn("d", {"year": 1, "days": 3}),
    ]
    assert join_features(names, spread) == ["t", "d", "x"]
