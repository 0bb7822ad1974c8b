"""Texts become dates as people of several countries write them: one by itself, or those of a whole column together."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tables.date_notations import (
    MAX_DATE_CHARS,
    MONTH_DIGITS,
    NOTATIONS,
    YEARS_APART,
    Notation,
    cut_time,
    is_gap,
    read_day,
)
from tables.digits import write_ascii_digits

ISO_CHARS = 10
MAX_CHARS = 64
"""So much of a text is shown."""
MAX_MONTH = 12
CENTURY = 2000
MARGIN = 0.05
MIN_MARGIN_DAYS = 7
"""So great a share of the range learnt counts as in it on each side, since the first and the last days are chance."""
MIN_DATE_SHARE = 0.8
MIN_DIFFERENT_DATES = 5
"""A column that is a date in so great a share of its rows, and has so many different ones, is taken for one."""

Days = tuple[float, float]
"""The first and the last of the days since 1970 that models have learnt from."""
_ORDERS = {
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "ymd": "year, month, day",
}
_EPOCH = dt.date(1970, 1, 1)
_SHORT_YEARS = next(
    each
    for each in NOTATIONS
    if "ymd" in each.orders and each.pattern.fullmatch("1/2/03")
).pattern


class DateError(ValueError):
    """A text is no date, or may be several; the message goes on after `got`."""


class SeveralDatesError(DateError):
    """A text may be several dates, of which others beside it may tell the one that is meant."""


class ColumnDates(NamedTuple):
    """A column has a date in each row, None where one is missing; a `note` says what was assumed, or a `fault` what is
    wrong. The rows of `odd` have a text that is no date.
    """

    dates: Sequence[dt.date | None] = ()
    note: str = ""
    fault: str = ""
    odd: Sequence[int] = ()


class Reading(NamedTuple):
    """Texts of a column are these `dates`, of which a `note` says what was assumed, or have a `fault`.

    It is a guess where another order of day, month and year fits as well.
    """

    dates: Mapping[str, dt.date] | None = None
    note: str = ""
    fault: str = ""
    is_guess: bool = False


def read_date(text: str) -> dt.date:
    """Returns the date that one text is in itself, without its time; raises DateError for none, or for several."""
    if len(text) == ISO_CHARS and text[4] == text[7] == "-":
        # What most programs write costs a twentieth so of what the patterns take.
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass

    shown = repr(text[:MAX_CHARS])
    bare = text.strip()
    if len(bare) > MAX_DATE_CHARS:
        raise DateError(f"got {shown}...")

    bare = cut_time(write_ascii_digits(bare))
    is_wrong = False
    for notation in NOTATIONS:
        found = notation.pattern.fullmatch(bare)
        if found is None:
            continue

        days = _list_days(found, notation)
        if len(days) > 1:
            raise _make_doubt(text, days)
        if days:
            return days[0]
        is_wrong = True

    reason = ", which is no day of the calendar" if is_wrong else ""
    raise DateError(f"got {shown}{reason}")


def read_known_date(text: str, learnt: Days | None) -> dt.date:
    """Returns the date that one text is in itself, for models that know its column; raises DateError.

    With slashes and a year of two digits the year may be first after all, which is told where only the days learnt
    would have it so, as 22/07/15 of a summer that was learnt from.
    """
    day = read_date(text)
    if learnt is None or "/" not in text or _is_inside(day, learnt):
        return day

    found = _SHORT_YEARS.fullmatch(cut_time(write_ascii_digits(text.strip())))
    other = found and read_day(found, "ymd")
    if other and other != day and _is_inside(other, learnt):
        raise _make_doubt(text, sorted((day, other)))

    return day


def _make_doubt(text: str, days: Sequence[dt.date]) -> SeveralDatesError:
    several = " or ".join(map(str, days))
    return SeveralDatesError(
        f"got {text[:MAX_CHARS]!r}, which may be {several}: write the one that is meant so"
    )


def _list_days(found: re.Match[str], notation: Notation) -> list[dt.date]:
    """Returns the different days that a text may be in a notation, the earliest first.

    With slashes the year is not first where it may be last.
    """
    orders = notation.orders
    if "/" in found.string:
        orders = tuple(each for each in orders if each != "ymd") or orders
    days = {read_day(found, each) for each in orders}

    return sorted(day for day in days if day is not None)


def read_column(
    column: Sequence[str | None], learnt: Days | None = None
) -> ColumnDates:
    """Returns the dates of a column that models know as dates, as `read_texts` reads them, or most of them."""
    bare_of = _cut_times(column)
    texts = [None if each is None else bare_of.get(each) for each in column]
    counts = Counter(each for each in texts if each is not None)
    if not counts:
        return ColumnDates([None] * len(column))

    read = read_texts(counts, learnt)
    if read.dates is None:
        most = read_most(counts, learnt, is_known=True)
        read = read if most.dates is None else most
    if read.dates is None:
        first = next(each for each in column if each in bare_of)
        expected = (
            f"expects dates throughout, as 2024-12-31, got {first!r:.{MAX_CHARS}}"
        )
        return ColumnDates(fault=read.fault or expected)

    dates = read.dates
    days = [None if each is None else dates.get(each) for each in texts]
    is_odd = [each is not None and each not in dates for each in texts]
    odd = [row for row, is_it in enumerate(is_odd) if is_it]

    return ColumnDates(days, read.note, odd=odd)


def _cut_times(column: Sequence[str | None]) -> dict[str, str]:
    """Returns the different texts that mark no missing date, each without its time and in digits of ASCII."""
    known = {each for each in column if each is not None}
    bare_of = {each: cut_time(write_ascii_digits(each.strip())) for each in known}
    return {text: bare for text, bare in bare_of.items() if not is_gap(bare)}


def clear_gaps(column: Sequence[str | None]) -> list[str | None]:
    """Returns the texts of a column of dates, None for those that mark a missing one."""
    bare_of = _cut_times(column)
    return [each if each in bare_of else None for each in column]


def read_proven(column: Sequence[str | None]) -> Mapping[str, dt.date]:
    """Returns the date of each text of a column that only one order of day, month and year fits, and else none."""
    bare_of = _cut_times(column)
    read = read_texts(Counter(bare_of.values())) if bare_of else Reading()
    if read.dates is None or read.is_guess:
        return {}
    return {text: read.dates[bare] for text, bare in bare_of.items()}


def read_texts(rows_of: Mapping[str, int], learnt: Days | None = None) -> Reading:
    """Returns the dates of a column's different texts without their times, each with its number of rows.

    Where several orders of day, month and year fit, that is taken whose dates lie in what was learnt in more rows, and
    else the day is first.
    """
    for notation in NOTATIONS:
        found = _match_all(notation.pattern, rows_of)
        if found is None:
            continue
        if notation.doubtful and learnt is None and not _are_plainly_dates(found):
            continue

        fitting = _read_orders(found, notation.orders)
        if fitting:
            return _choose(fitting, rows_of, learnt)
        if notation.sure:
            return Reading(fault=_explain_wrong(found, notation.orders))

    if all(map(YEARS_APART.fullmatch, rows_of)):
        lengths_of_years = {len(re.split("[-/.]", text)[-1]) for text in rows_of}
        if len(lengths_of_years) > 1:
            return Reading(
                fault="looks like dates, but some years have two digits and others four: write them as 2024-12-31"
            )

    return Reading()


def _match_all(
    pattern: re.Pattern[str], texts: Iterable[str]
) -> dict[str, re.Match[str]] | None:
    """Returns the match of each text; None at the first that has none."""
    found = {}
    for text in texts:
        match = pattern.fullmatch(text)
        if match is None:
            return None
        found[text] = match

    return found


def _are_plainly_dates(found: Mapping[str, re.Match[str]]) -> bool:
    """Tells whether texts in a doubtful notation are several, and have days of which some are no month.

    A version as 3.11.14 begins with a small number.
    """
    if len(found) < MIN_DIFFERENT_DATES:
        return False
    days = [int(match[1]) for match in found.values() if match.re.groups == len("dmy")]
    return not days or max(days) > MAX_MONTH


def read_most(
    rows_of: Mapping[str, int], learnt: Days | None = None, *, is_known: bool
) -> Reading:
    """Returns the dates of those texts that have one notation, where these are most; others are missing in them.

    Of a column that models know as dates one text is enough, and any notation. There are none where a text that is
    left over has the day and the month the other way round.
    """
    most = Reading()
    n_most = 0 if is_known else MIN_DATE_SHARE * sum(rows_of.values())
    for notation in NOTATIONS:
        if not (notation.sure or is_known):
            continue

        found = _match_some(notation, rows_of)
        n_rows = sum(rows_of[text] for text in found)
        is_enough = is_known or len(found) >= MIN_DIFFERENT_DATES
        if not found or not is_enough or n_rows <= n_most:
            continue

        n_most = n_rows
        fitting = _read_orders(found, notation.orders)
        most = _choose(fitting, rows_of, learnt) if fitting else Reading()

    return most


def _match_some(notation: Notation, texts: Iterable[str]) -> dict[str, re.Match[str]]:
    """Returns the match of each text that is a day in one of the notation's orders."""
    found = {}
    for text in texts:
        match = notation.pattern.fullmatch(text)
        if match is not None and any(read_day(match, each) for each in notation.orders):
            found[text] = match

    return found


def could_be_dates(texts: Sequence[str]) -> bool:
    """Tells whether most texts have one notation of dates, or notations that differ in their years only."""
    least = MIN_DATE_SHARE * len(texts)
    for pattern in (*(each.pattern for each in NOTATIONS), YEARS_APART):
        n_matches = sum(pattern.fullmatch(text) is not None for text in texts)
        if n_matches >= least:
            return True

    return False


def count_days(day: dt.date) -> int:
    """Returns the days since 1970."""
    return (day - _EPOCH).days


def _read_orders(
    found: Mapping[str, re.Match[str]], orders: tuple[str, ...]
) -> dict[str, dict[str, dt.date]]:
    """Returns the dates of the texts in each order in which all of them are some."""
    fitting = {}
    for order in orders:
        dates = {}
        for text, match in found.items():
            day = read_day(match, order)
            if day is None:
                break
            dates[text] = day
        else:
            fitting[order] = dates

    return fitting


def _choose(
    fitting: dict[str, dict[str, dt.date]],
    rows_of: Mapping[str, int],
    learnt: Days | None,
) -> Reading:
    """Returns the reading of one of several orders, and says which where they differ."""
    order = _find_likely_order(fitting)
    rivals = [each for each, dates in fitting.items() if dates != fitting[order]]
    if not rivals:
        return Reading(fitting[order], _note_years(fitting[order]))

    reason = ""
    is_guess = True
    if learnt is not None:
        n_inside = {
            each: _count_inside(fitting[each], rows_of, learnt)
            for each in (order, *rivals)
        }
        most = max(n_inside.values())
        best = [each for each, n_rows in n_inside.items() if n_rows == most]
        order = best[0]
        is_guess = len(best) > 1
        reason = ", since more of these dates are in the range learnt so"
        if is_guess:
            reason = ", as many of these dates are in the range learnt either way"

    return Reading(
        fitting[order], _note_order(order, fitting) + reason, is_guess=is_guess
    )


def _find_likely_order(fitting: Mapping[str, Mapping[str, dt.date]]) -> str:
    """Returns the first order, or that with the year first where its dates lie closer together."""
    first = next(iter(fitting))
    if "ymd" in fitting and _find_span(fitting["ymd"]) < _find_span(fitting[first]):
        return "ymd"
    return first


def _note_order(order: str, fitting: Mapping[str, Mapping[str, dt.date]]) -> str:
    """Returns how the first text was read of those that would be another day in another order."""
    dates = fitting[order]
    other = next(days for days in fitting.values() if days != dates)
    differing = {text: day for text, day in dates.items() if day != other[text]}
    text = next(iter(differing))

    return _note_years(differing) or f"{text!r} was read as {_ORDERS[order]}"


def _find_span(dates: Mapping[str, dt.date]) -> dt.timedelta:
    return max(dates.values()) - min(dates.values())


def _count_inside(
    dates: Mapping[str, dt.date], rows_of: Mapping[str, int], learnt: Days
) -> int:
    return sum(rows_of[text] for text, day in dates.items() if _is_inside(day, learnt))


def _is_inside(day: dt.date, learnt: Days) -> bool:
    low, high = learnt
    margin = max(MIN_MARGIN_DAYS, MARGIN * (high - low))
    return low - margin <= count_days(day) <= high + margin


def _note_years(dates: Mapping[str, dt.date]) -> str:
    """Returns how a year of two digits or a month of six was read, nothing where years have four."""
    telling = (text for text, day in dates.items() if day.day != day.month)
    text = next(telling, next(iter(dates)))
    if MONTH_DIGITS.fullmatch(text):
        return f"{text!r} was read as {dates[text]:%Y-%m}"
    if re.search("[0-9]{4}", text):
        return ""

    read = f"{text!r} was read as {dates[text]}"
    first, last = (end(dates, key=dates.__getitem__) for end in (min, max))
    if dates[first].year < CENTURY <= dates[last].year:
        read = f"{last!r} was read as {dates[last]} and {first!r} as {dates[first]}"
    return f"{read}, years of two digits as 1969 to 2068"


def _explain_wrong(found: Mapping[str, re.Match[str]], orders: tuple[str, ...]) -> str:
    """Returns what is wrong with texts that are dates in none of the orders together."""
    for text, match in found.items():
        if not any(read_day(match, order) for order in orders):
            return f"looks like dates, but {text!r} is no day of the calendar: correct or empty it"

    return "looks like dates, but some have the day first and others the month: write them as 2024-12-31"
