"""Columns of texts become dates where all of their texts are some, as people of several countries write them."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from tables.notations import MISSING_AMONG_NUMBERS

DATE_PARTS = ("year", "month", "weekday", "days")

_TIME = r"[T ,]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?( ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?))?$"
_WEEKDAY = r"^(?i:mon|tues?|wed|wednes|thur?s?|fri|sat|satur|sun)(?i:day)?\.?,? +"
_NO_DATE = r"^0{2,4}[-/.]00[-/.]0{2,4}$"
"""MySQL writes 0000-00-00 for a missing date."""
_FORMATS = {
    r"^\d{4}-\d{1,2}-\d{1,2}$": ("%Y-%m-%d",),
    r"^\d{4}/\d{1,2}/\d{1,2}$": ("%Y/%m/%d",),
    r"^\d{4}\.\d{1,2}\.\d{1,2}$": ("%Y.%m.%d",),
    r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$": ("%Y%m%d",),
    r"^\d{1,2}/\d{1,2}/\d{4}$": ("%d/%m/%Y", "%m/%d/%Y"),
    r"^\d{1,2}-\d{1,2}-\d{4}$": ("%d-%m-%Y", "%m-%d-%Y"),
    r"^\d{1,2}\.\d{1,2}\.\d{4}$": ("%d.%m.%Y",),
    r"^\d{4}年\d{1,2}月\d{1,2}日$": ("%Y年%m月%d日",),
    r"^\d{4}\. \d{1,2}\. \d{1,2}\.$": ("%Y. %m. %d.",),
}
_MONTHS_ALONE = {
    r"^(\d{4})[-/](0?[1-9]|1[0-2])$": "${1}-${2}-01",
    r"^(0?[1-9]|1[0-2])[-/](\d{4})$": "${2}-${1}-01",
}
_MONTHS = {
    1: "jan ene gen",
    2: "feb fev",
    3: "mar mär",
    4: "apr avr abr",
    5: "may mai mag maj",
    6: "jun juin giu",
    7: "jul juil lug",
    8: "aug ago aou aoû",
    9: "sep set",
    10: "oct okt out ott",
    11: "nov",
    12: "dec dic dez déc",
}
"""A month's name in English, Spanish, French, German, Italian and Portuguese begins with one of these."""
_NAME = r"(?P<month>[^\W\d_]{3,12})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|º|\.)?"
_YEAR = r"(?P<year>\d{4})"
_BY_NAME = (
    rf"^{_DAY}[ /-]*(?:de )?{_NAME}[ ,/-]*(?:del? )?{_YEAR}$",
    rf"^{_NAME}[ -]*{_DAY},?[ -]+{_YEAR}$",
    rf"^{_YEAR}[ /-]?{_NAME}[ /-]?{_DAY}$",
)
"""Each has the day, the name of the month and the year."""
_NAME_AND_YEAR = rf"^{_NAME}[ /-]*(?:de )?{_YEAR}$"


class Dates(NamedTuple):
    """A column that looks like dates is `dates`, of which a `note` says what was assumed, or has a `fault`."""

    dates: pl.Series | None = None
    note: str = ""
    fault: str = ""


def read_dates(column: pl.Series) -> Dates:
    """Returns dates where all known texts are some, of which the day's place is found out; times are left out."""
    known = column.drop_nulls()
    if not known.head(100).str.contains(r"\d").all():
        known = _drop_gaps(known)
        if not len(known) or not known.head(100).str.contains(r"\d").all():
            return Dates()

    texts = column.str.replace(_TIME, "").str.replace(_WEEKDAY, "")
    different = _drop_gaps(texts.unique().drop_nulls())
    if not len(different):
        return Dates()

    for pattern, formats in _FORMATS.items():
        if different.str.contains(pattern).all():
            return _read_as(column, _empty_gaps(texts), different, formats)

    texts = _empty_gaps(texts)
    for plain in (_read_month(texts, different), _read_names(texts, different)):
        if plain is not None:
            return Dates(plain)

    return Dates()


def expand_date(column: pl.Series) -> dict[str, pl.Series]:
    """Returns year, month, weekday (1 is Monday) and days since 1970 of a column of dates, by their columns' names."""
    dates = column.cast(pl.Date)
    parts = (
        dates.dt.year().cast(pl.Int64),
        dates.dt.month().cast(pl.Int64),
        dates.dt.weekday().cast(pl.Int64),
        dates.to_physical().cast(pl.Int64),
    )
    return {
        f"{column.name}_{part}": values.alias(f"{column.name}_{part}")
        for part, values in zip(DATE_PARTS, parts, strict=True)
    }


def _is_gap(texts: pl.Series) -> pl.Series:
    return texts.str.contains(MISSING_AMONG_NUMBERS) | texts.str.contains(_NO_DATE)


def _drop_gaps(known: pl.Series) -> pl.Series:
    return known.filter(~_is_gap(known))


def _empty_gaps(texts: pl.Series) -> pl.Series:
    return texts.set(_is_gap(texts).fill_null(value=False), None)


def _read_as(
    column: pl.Series, texts: pl.Series, different: pl.Series, formats: tuple[str, ...]
) -> Dates:
    """Returns dates in the first of the formats that all texts fit, else what is wrong with one of them."""
    read = [texts.str.to_date(each, strict=False) for each in formats]
    fitting = [each for each in read if each.null_count() == texts.null_count()]
    if not fitting:
        return Dates(fault=_explain_wrong(column, texts, formats))

    note = ""
    if len(fitting) > 1 and not (fitting[0] == fitting[1]).all():
        note = f"{different[0]!r} was read as day, month, year"

    return Dates(fitting[0], note)


def _explain_wrong(
    column: pl.Series, texts: pl.Series, formats: tuple[str, ...]
) -> str:
    """Returns what is wrong with dates, but of whole numbers, which may be just those."""
    if formats == ("%Y%m%d",):
        return ""

    is_date = pl.Series([False] * len(texts))
    for each in formats:
        is_date |= texts.str.to_date(each, strict=False).is_not_null()
    wrong = column.filter(~is_date & texts.is_not_null())
    if len(wrong):
        example = f"{wrong[0]!r} is no day of the calendar: correct or empty it"
    else:
        example = (
            "some have the day first and others the month: write them as 2024-12-31"
        )

    return f"looks like dates, but {example}"


def _read_month(texts: pl.Series, different: pl.Series) -> pl.Series | None:
    """Returns the first day of each month where the texts are a year and a month."""
    for pattern, date in _MONTHS_ALONE.items():
        if different.str.contains(pattern).all():
            return texts.str.replace(pattern, date).str.to_date("%Y-%m-%d")

    return None


def _read_names(texts: pl.Series, different: pl.Series) -> pl.Series | None:
    """Returns dates with the name of the month, None where one of the texts is none."""
    for pattern in (*_BY_NAME, _NAME_AND_YEAR):
        if not different.head(100).str.contains(pattern).all():
            continue

        found = texts.str.extract_groups(pattern).struct
        names = found.field("month").str.to_lowercase()
        months = pl.select(
            pl.coalesce(
                pl.when(names.str.contains(f"^({'|'.join(starts.split())})")).then(
                    pl.lit(f"{number:02d}")
                )
                for number, starts in _MONTHS.items()
            )
        ).to_series()
        is_month_alone = pattern == _NAME_AND_YEAR
        days = pl.Series(["01"]) if is_month_alone else found.field("day").str.zfill(2)
        dates = (found.field("year") + "-" + months + "-" + days).str.to_date(
            "%Y-%m-%d", strict=False
        )
        if dates.null_count() == texts.null_count():
            return dates.alias(texts.name)

    return None
