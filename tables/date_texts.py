"""Texts become dates as people of several countries write them: one by itself, or those of a whole column together."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tables.digits import write_ascii_digits
from tables.notations import MISSING_AMONG_NUMBERS

TIME = (
    r"[T ,:]+[0-9]{1,2}(:[0-9]{2}|\.[0-9]{2}\.[0-9]{2}|:[0-9]{2}:[0-9]{2})([.,][0-9]+)?"
    r"([ \u00a0\u202f]?[AaPp]\.?[ \u00a0]?[Mm]\.?)?"
    r"( ?(Z|UTC|GMT|MSK|[A-Z]{2,4}T))?( ?[+-][0-9]{1,2}(:?[0-9]{2})?)?(\[[A-Za-z]+/[A-Za-z_/]+\])?( \([^()]{2,40}\))?$"
)
"""Google Forms writes `1:05:22 p. m. GMT-5` in Spain, Java `10:00:00+01:00[Europe/Madrid]`, SAS `:10:00:00`, Oracle
`10.00.00.000 AM`, JavaScript `10:00:00 GMT+0100 (CET)`, and others `10:00:00 CEST`.
"""
INNER_TIME = (
    r"( [0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\.[0-9]+)?(?: [AP]M)?(?: [A-Z]{3,4})?(?: ?[+-][0-9]{4})?)"
    r"( [0-9]{4})$"
)
"""C and its like write a time ahead of the year, `Jun 1 10:11:12 2021`; its groups are these two."""
BASIC_TIME = (
    r"^([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9]{2}([0-9]{2}([0-9]{2})?)?([.,][0-9]+)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)$"
)
"""ISO 8601 has times without colons too; the first group is the date before them."""
WEEKDAY = (
    r"^(?i:(?:mon|tues?|wed|wednes|thur?s?|fri|sat|satur|sun)(?:day)?|lun|lunes|martes|mi[eé]|mi[eé]rcoles|jue|jueves|"
    r"vie|viernes|s[aá]b|s[aá]bado|dom|domingo|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|montag|dienstag|"
    r"mittwoch|donnerstag|freitag|samstag|sonntag|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|sabato|"
    r"domenica|(?:segunda|ter[cç]a|quarta|quinta|sexta)(?:-feira)?)\.?,? +"
)
GAP = rf"{MISSING_AMONG_NUMBERS}|^0{{2,4}}[-/.]00[-/.]0{{2,4}}$"
"""MySQL writes 0000-00-00 for a missing date."""
ISO_CHARS = 10
MAX_CHARS, MAX_DATE_CHARS = 64, 80
"""So much of a text is shown, and a longer one is no date."""
MAX_MONTH = 12
MARGIN, MIN_MARGIN_DAYS = 0.05, 7
"""So great a share of the range learnt counts as in it on each side, since the first and the last days are chance."""
PIVOT = 69
"""Years of two digits from this on are of the last century, as POSIX has them."""
MIN_DATE_SHARE, MIN_DIFFERENT_DATES = 0.8, 5
"""A column that is a date in so great a share of its rows, and has so many different ones, is taken for one."""

Days = tuple[float, float]
"""The first and the last of the days since 1970 that models have learnt from."""
_ORDERS = {
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "ymd": "year, month, day",
}
_EPOCH = dt.date(1970, 1, 1)


class _Notation(NamedTuple):
    """The groups of a pattern are year, month and day in one of some orders.

    What fits a pattern that is `sure`, but is no day of the calendar, is a wrong date. What is `doubtful` may be a
    number or a version as well, unless models know the column as dates.
    """

    pattern: re.Pattern[str]
    orders: tuple[str, ...]
    sure: bool = False
    doubtful: bool = False


def _note(
    pattern: str, *orders: str, sure: bool = False, doubtful: bool = False
) -> _Notation:
    return _Notation(re.compile(pattern), orders, sure, doubtful)


_D = "([0-9]{1,2})"
_DD = "([0-9]{2})"
_Y = "([0-9]{4})"
_NAME = r"([^\W\d_]{3,13})\.?"
_SHORT_NAME = r"([^\W\d_]{3,4})\.?"
_DAY = rf"{_D}(?:st|nd|rd|th|er|º|ª|\.)?"
_MONTH = "(0?[1-9]|1[0-2])"
_NOTATIONS = (
    _note(f"{_Y}-{_D}-{_D}", "ymd", sure=True),
    _note(f"{_Y}/{_D}/{_D}", "ymd", sure=True),
    _note(rf"{_Y}\.{_D}\.{_D}\.?", "ymd", sure=True),
    _note("((?:19|20)[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", "ymd"),
    _note(f"{_D}/{_D}/{_Y}", "dmy", "mdy", sure=True),
    _note(f"{_D}-{_D}-{_Y}", "dmy", "mdy", sure=True),
    _note(rf"{_D}\. ?{_D}\. ?{_Y}\.?", "dmy", sure=True),
    _note(f"{_Y}年{_D}月{_D}日", "ymd", sure=True),
    _note(rf"{_Y}\. {_D}\. {_D}\.", "ymd", sure=True),
    _note(f"{_D}/{_D}/{_DD}", "dmy", "mdy", "ymd"),
    _note(f"{_DD}-{_DD}-{_DD}", "dmy", "mdy", "ymd"),
    _note(rf"{_DD}\.{_DD}\.{_DD}", "dmy", "ymd"),
    _note(rf"{_D}\. ?{_D}\. ?{_DD}\.?", "dmy", doubtful=True),
    _note(f"{_Y}[-/]{_MONTH}", "ym"),
    _note(f"{_Y}M(0[1-9]|1[0-2])", "ym"),
    _note(f"{_MONTH}[-/]{_Y}", "my"),
    _note(r"(0[1-9]|1[0-2])\.((?:19|20)[0-9]{2})", "my"),
    _note(r"((?:19|20)[0-9]{2})\.?(0[1-9]|1[0-2])", "ym", doubtful=True),
    _note(f"{_Y}[年년] ?{_MONTH}[月월]", "ym"),
    _note(f"{_Y}년 ?{_D}월 ?{_D}일", "ymd", sure=True),
    _note(
        rf"{_DAY}[ /-]*(?:de |d['’])?{_NAME}[ ,/-]*(?:del? )?{_Y}(?: ?[гр]\.?)?", "dmy"
    ),
    _note(rf"{_NAME}[ -]*{_DAY},?[ -]+{_Y}", "mdy"),
    _note(rf"{_Y}[ /-]?{_NAME}[ /-]?{_DAY}", "ymd"),
    _note(rf"{_DAY}[ /-]*{_SHORT_NAME}[ ,/-]*['’]?{_DD}", "dmy"),
    _note(rf"{_SHORT_NAME}[ -]*{_DAY},?[ -]+['’]?{_DD}", "mdy"),
    _note(rf"{_NAME}[ /-]*(?:de )?{_Y}", "my"),
)
_MONTHS = {
    start: number
    for number, starts in enumerate(
        (
            "jan ene gen sty oca янв січ",
            "feb fev fév lut şub фев лют",
            "mar mär mrz maa mrt мар бер",
            "apr avr abr kwi nis апр кві",
            "may mai mag maj mei май мая тра",
            "jun juin giu cze haz июн чер",
            "jul juil lug lip tem июл лип",
            "aug ago aou aoû ag sie ağu авг сер",
            "sep set wrz eyl сен вер",
            "oct okt out ott paź eki окт жов",
            "nov lis kas ноя лис",
            "dec dic dez déc des gru ara дек гру",
        ),
        start=1,
    )
    for start in starts.split()
}
"""A month's name begins with one of these, in English, Spanish, Catalan, French, German, Italian, Portuguese, Dutch,
Swedish, Danish, Norwegian, Polish, Turkish, Russian and Ukrainian.
"""
_TIME, _BASIC_TIME, _INNER_TIME, _WEEKDAY, _GAP = map(
    re.compile, (TIME, BASIC_TIME, INNER_TIME, WEEKDAY, GAP)
)
_MONTH_DIGITS = re.compile("[0-9]{4}[.]?[0-9]{2}")
_YEARS_APART = re.compile(f"{_D}([-/.]){_D}[-/.](?:{_DD}|{_Y})")


class DateError(ValueError):
    """A text is no date, or may be several; the message goes on after `got`."""


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
    for notation in _NOTATIONS:
        found = notation.pattern.fullmatch(bare)
        if found is None:
            continue

        orders = notation.orders
        if "/" in bare:
            orders = tuple(each for each in orders if each != "ymd") or orders
        days = sorted({day for each in orders if (day := _read(found, each))})
        if len(days) > 1:
            several = " or ".join(map(str, days))
            raise DateError(
                f"got {shown}, which may be {several}: write the one that is meant so"
            )
        if days:
            return days[0]
        is_wrong = True

    raise DateError(
        f"got {shown}" + (", which is no day of the calendar" if is_wrong else "")
    )


def read_column(
    column: Sequence[str | None], learnt: Days | None = None
) -> ColumnDates:
    """Returns the dates of a column that models know as dates, as `read_texts` reads them, or most of them."""
    bare_of = {
        each: cut_time(write_ascii_digits(each.strip()))
        for each in set(column)
        if each is not None
    }
    bare_of = {text: bare for text, bare in bare_of.items() if not is_gap(bare)}
    texts = [bare_of.get(each) if each is not None else None for each in column]
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
    odd = [
        row for row, each in enumerate(texts) if each is not None and each not in dates
    ]
    return ColumnDates(days, read.note, odd=odd)


def read_texts(rows_of: Mapping[str, int], learnt: Days | None = None) -> Reading:
    """Returns the dates of a column's different texts without their times, each with its number of rows.

    Where several orders of day, month and year fit, that is taken whose dates lie in what was learnt in more rows, and
    else the day is first.
    """
    for notation in _NOTATIONS:
        found = {}
        for text in rows_of:
            match = notation.pattern.fullmatch(text)
            if match is None:
                break
            found[text] = match
        else:
            if notation.doubtful and learnt is None and not _are_plainly_dates(found):
                continue

            fitting = _read_orders(found, notation.orders)
            if fitting:
                return _choose(fitting, rows_of, learnt)
            if notation.sure:
                return Reading(fault=_explain_wrong(found, notation.orders))

    if all(map(_YEARS_APART.fullmatch, rows_of)):
        # Some years have two digits, and others four.
        kinds = {len(re.split("[-/.]", text)[-1]) for text in rows_of}
        if len(kinds) > 1:
            return Reading(
                fault="looks like dates, but some years have two digits and others four: write them as 2024-12-31"
            )

    return Reading()


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
    for notation in _NOTATIONS:
        if not (notation.sure or is_known):
            continue

        found = {
            text: match
            for text in rows_of
            if (match := notation.pattern.fullmatch(text)) is not None
            and any(_read(match, order) for order in notation.orders)
        }
        n_rows = sum(rows_of[text] for text in found)
        is_enough = is_known or len(found) >= MIN_DIFFERENT_DATES
        if not found or not is_enough or n_rows <= n_most:
            continue

        n_most = n_rows
        fitting = _read_orders(found, notation.orders)
        most = _choose(fitting, rows_of, learnt) if fitting else Reading()

    return most


def could_be_dates(texts: Sequence[str]) -> bool:
    """Tells whether most texts have one notation of dates, or notations that differ in their years only."""
    patterns = [each.pattern for each in _NOTATIONS] + [_YEARS_APART]
    least = MIN_DATE_SHARE * len(texts)
    return any(sum(map(bool, map(each.fullmatch, texts))) >= least for each in patterns)


def cut_time(text: str) -> str:
    """Returns a text without the time after a date and the weekday before it; a long text is no date, and stays."""
    if len(text) > MAX_DATE_CHARS:
        # A search for times takes quadratic time.
        return text

    without = _INNER_TIME.sub(r"\2", _BASIC_TIME.sub(r"\1", text))
    return _WEEKDAY.sub("", _TIME.sub("", without))


def is_gap(text: str) -> bool:
    """Tells whether a text among dates stands for a missing one."""
    return _GAP.search(text) is not None


def count_days(day: dt.date) -> int:
    """Returns the days since 1970."""
    return (day - _EPOCH).days


def _read(found: re.Match[str], order: str) -> dt.date | None:
    parts = dict(zip(order, found.groups(), strict=True))
    year, month = int(parts["y"]), parts["m"]
    if len(parts["y"]) == 2:
        year += 1900 if year >= PIVOT else 2000
    try:
        return dt.date(year, _number_month(month), int(parts.get("d", 1)))
    except ValueError:
        return None


def _number_month(text: str) -> int:
    """Returns 0 for a word that is no month's name."""
    if text.isdigit():
        return int(text)
    name = text.lower()
    return _MONTHS.get(name[:3]) or _MONTHS.get(name[:4], 0)


def _read_orders(
    found: Mapping[str, re.Match[str]], orders: tuple[str, ...]
) -> dict[str, dict[str, dt.date]]:
    """Returns the dates of the texts in each order in which all of them are some."""
    fitting = {}
    for order in orders:
        dates = {}
        for text, match in found.items():
            day = _read(match, order)
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
    order, dates = next(iter(fitting.items()))
    if "ymd" in fitting and _find_span(fitting["ymd"]) < _find_span(dates):
        order, dates = "ymd", fitting["ymd"]
    different = {each: others for each, others in fitting.items() if others != dates}
    if not different:
        return Reading(dates, _note_years(dates))

    reason, is_guess = "", True
    if learnt is not None:
        inside = {
            each: _count_inside(days, rows_of, learnt)
            for each, days in {order: dates, **different}.items()
        }
        best = max(inside, key=lambda each: inside[each])
        is_guess = list(inside.values()).count(inside[best]) > 1
        reason = ", as many of these dates are in the range learnt either way"
        if not is_guess:
            reason = ", since more of these dates are in the range learnt so"
        order, dates = best, fitting[best]

    other = next(days for days in fitting.values() if days != dates)
    differing = {text: day for text, day in dates.items() if day != other[text]}
    note = _note_years(differing)
    note = note or f"{next(iter(differing))!r} was read as {_ORDERS[order]}"

    return Reading(dates, note + reason, is_guess=is_guess)


def _find_span(dates: Mapping[str, dt.date]) -> dt.timedelta:
    return max(dates.values()) - min(dates.values())


def _count_inside(
    dates: Mapping[str, dt.date], rows_of: Mapping[str, int], learnt: Days
) -> int:
    low, high = learnt
    margin = max(MIN_MARGIN_DAYS, MARGIN * (high - low))
    return sum(
        rows_of[text]
        for text, day in dates.items()
        if low - margin <= count_days(day) <= high + margin
    )


def _note_years(dates: Mapping[str, dt.date]) -> str:
    """Returns how a year of two digits or a month of six was read, nothing where years have four."""
    telling = (text for text, day in dates.items() if day.day != day.month)
    text = next(telling, next(iter(dates)))
    if _MONTH_DIGITS.fullmatch(text):
        return f"{text!r} was read as {dates[text]:%Y-%m}"
    if re.search("[0-9]{4}", text):
        return ""
    return f"{text!r} was read as {dates[text]}, years of two digits as 1969 to 2068"


def _explain_wrong(found: Mapping[str, re.Match[str]], orders: tuple[str, ...]) -> str:
    wrong = next(
        (
            text
            for text, match in found.items()
            if not any(_read(match, order) for order in orders)
        ),
        None,
    )
    if wrong is None:
        return "looks like dates, but some have the day first and others the month: write them as 2024-12-31"
    return f"looks like dates, but {wrong!r} is no day of the calendar: correct or empty it"
