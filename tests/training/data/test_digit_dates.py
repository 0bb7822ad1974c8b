"""Digits that are days, weeks or times are told from numbers and codes."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from training.data.digit_dates import find_clock_times, find_digit_dates

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(37 * at) for at in range(40)]


@pytest.mark.parametrize(
    "form", ["%d%m%Y", "%m%d%Y", "%y%m%d", "%d%m%y", "%Y%j", "%G%V"]
)
@pytest.mark.parametrize("is_number", [False, True])
def test_days_and_weeks_of_digits_are_told(form: str, *, is_number: bool) -> None:
    """Days and weeks of digits alone are told, with or without their leading zeros, since as numbers they leap."""
    texts = pl.Series("a", [day.strftime(form) for day in DAYS])
    known = texts.cast(pl.Int64) if is_number else texts
    shown = repr(known[0])
    assert find_digit_dates(known) == (
        f"dates without a mark, as {shown}: write them as 2024-12-31"
    )
    assert find_digit_dates(known.head(10)) == ""


@pytest.mark.parametrize(
    "numbers",
    [
        range(101_000, 101_299, 7),
        range(10_100, 11_299, 31),
        range(10_001, 99_999, 997),
        range(201_900, 202_300, 11),
        [10_001, 20_104, 94_110] * 20,
    ],
)
def test_pressures_and_postcodes_are_no_days(numbers: range | list[int]) -> None:
    """Numbers of a narrow band may all fit a notation, but not with many days."""
    assert find_digit_dates(pl.Series("a", list(numbers))) == ""


def test_times_without_a_colon_are_told() -> None:
    """Codes of four digits of which one could be no time are codes."""
    texts = [f"{at % 24:02}{at * 7 % 60:02}" for at in range(60)]
    assert find_clock_times(pl.Series("a", texts)) == (
        "times without a colon, as '0000': write them as a number, of hours say"
    )
    assert find_clock_times(pl.Series("a", [*texts, "0990"])) == ""
