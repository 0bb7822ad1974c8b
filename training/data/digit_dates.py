"""Whole numbers and texts of digits alone may be days, weeks or times of the day."""

from __future__ import annotations

import polars as pl

_DAY_DIGITS, _MONTH_DIGITS = r"(0[1-9]|[12]\d|3[01])", r"(0[1-9]|1[0-2])"
_YEAR_DIGITS = r"(19|20)\d{2}"
_DIGIT_DATES = (
    rf"^(0?[1-9]|[12]\d|3[01]){_MONTH_DIGITS}{_YEAR_DIGITS}$",
    rf"^(0?[1-9]|1[0-2]){_DAY_DIGITS}{_YEAR_DIGITS}$",
    rf"^\d?\d(?:0[1-9]|1[0-2]){_DAY_DIGITS}$",
    rf"^(0?[1-9]|[12]\d|3[01]){_MONTH_DIGITS}\d{{2}}$",
    r"^(?:19|20)\d{2}(00[1-9]|0[1-9]\d|[12]\d{2}|3[0-5]\d|36[0-6])$",
    r"^(?:19|20)\d{2}(0[1-9]|[1-4]\d|5[0-3])$",
)
"""Days as 31122024, 12312024, 241231, 311224 and 2024366, and weeks as 202453."""
MIN_DIGIT_DATES, MIN_FIRSTS = 20, 8
"""So many different ones, of so many days or years that come first, are no chance."""
_HOURS_AND_MINUTES = r"^([01]?\d|2[0-4])[0-5]\d$"
MIN_CLOCK_TIMES = 30
"""So many different whole numbers, of which no two last digits are over 59, are times, as 0905 and 2350."""


def find_digit_dates(known: pl.Series) -> str:
    """Returns what whole numbers, or texts of digits, look like that are days or weeks throughout, else nothing."""
    texts = known.unique(maintain_order=True).cast(pl.String)
    if len(texts) < MIN_DIGIT_DATES:
        return ""
    fitting = [each for each in _DIGIT_DATES if texts.str.contains(each).all()]
    firsts = [texts.str.extract(each).n_unique() for each in fitting]
    if max(firsts, default=0) < MIN_FIRSTS:
        return ""
    return f"dates without a mark, as {known[0]!r}: write them as 2024-12-31"


def find_clock_times(known: pl.Series) -> str:
    """Returns what texts of digits look like that are hours and minutes throughout, else nothing."""
    is_clock = known.str.contains(_HOURS_AND_MINUTES).all()
    if not is_clock or known.n_unique() < MIN_CLOCK_TIMES:
        return ""
    return (
        f"times without a colon, as {known[0]!r}: write them as a number, of hours say"
    )
