"""People of several countries write dates in these notations, with what may stand around a date: a time, a weekday."""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

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
MAX_DATE_CHARS = 80
"""A longer text is no date."""
PIVOT = 69
"""Years of two digits from this on are of the last century, as POSIX has them."""


class Notation(NamedTuple):
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
) -> Notation:
    return Notation(re.compile(pattern), orders, sure, doubtful)


_D = "([0-9]{1,2})"
_DD = "([0-9]{2})"
_Y = "([0-9]{4})"
_NAME = r"([^\W\d_]{3,13})\.?"
_SHORT_NAME = r"([^\W\d_]{3,4})\.?"
_DAY = rf"{_D}(?:st|nd|rd|th|er|º|ª|\.)?"
_MONTH = "(0?[1-9]|1[0-2])"
NOTATIONS = (
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
_TIME = re.compile(TIME)
_BASIC_TIME = re.compile(BASIC_TIME)
_INNER_TIME = re.compile(INNER_TIME)
_WEEKDAY = re.compile(WEEKDAY)
_GAP = re.compile(GAP)
MONTH_DIGITS = re.compile("[0-9]{4}[.]?[0-9]{2}")
"""A month may be written as 202412 or 2024.12."""
YEARS_APART = re.compile(f"{_D}([-/.]){_D}[-/.](?:{_DD}|{_Y})")
"""Notations that differ in their years only, of two or four digits, have this one in common."""


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


def read_day(found: re.Match[str], order: str) -> dt.date | None:
    """Returns the day that the groups of a match are in this order of `d`, `m` and `y`; None for none.

    A month without a day is its first.
    """
    parts = dict(zip(order, found.groups(), strict=True))
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year += 1900 if year >= PIVOT else 2000

    try:
        return dt.date(year, _number_month(parts["m"]), int(parts.get("d", 1)))
    except ValueError:
        return None


def _number_month(text: str) -> int:
    """Returns 0 for a word that is no month's name."""
    if text.isdigit():
        return int(text)
    name = text.lower()
    return _MONTHS.get(name[:3]) or _MONTHS.get(name[:4], 0)
