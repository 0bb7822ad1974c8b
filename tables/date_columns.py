"""A date becomes features, its parts: year, month, weekday and days since 1970, of which a card has those that varied.

The parts of the column `born` are called `born_year`, `born_month`, `born_weekday` and `born_days`, so that their names
say what is needed to make them of a date again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tables.date_texts import Days, count_days

DATE_PARTS = ("year", "month", "weekday", "days")
DAYS = "days"
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_BOUNDS = {"month": (1, 12), "weekday": (1, 7)}


@dataclass(frozen=True)
class DateColumn:
    """A DateColumn is a column of dates, with the position of each of its parts among some features.

    `learnt` are the first and the last of the days since 1970 in the training rows, None where these are not known.
    """

    name: str
    parts: Mapping[str, int]
    learnt: Days | None = None

    @property
    def positions(self) -> list[int]:
        """Returns where its features are."""
        return list(self.parts.values())

    def spread(self, date: dt.date) -> list[float]:
        """Returns the values of its parts, in the order of their positions."""
        values = split_date(date)
        return [float(values[part]) for part in self.parts]


def split_date(date: dt.date) -> dict[str, int]:
    """Returns all parts of a date: Monday is the weekday 1."""
    parts = (date.year, date.month, date.isoweekday(), count_days(date))
    return dict(zip(DATE_PARTS, parts, strict=True))


def find_day(days: float) -> dt.date:
    """Returns the date of so many days since 1970; raises ValueError or OverflowError beyond the calendar."""
    return dt.date.fromordinal(_EPOCH_ORDINAL + int(days))


def find_date_columns(
    ranges: Mapping[str, Days | None], names: Sequence[str]
) -> tuple[DateColumn, ...]:
    """Returns the columns of dates that features of these names come from, in the order of their first parts.

    `ranges` has the features that are numbers with what the training rows had of each. A person's own columns may be
    called as parts are: the days of a date say what its years are.
    """
    found: dict[str, dict[str, int]] = {}
    for position, name in enumerate(names):
        column, _, part = name.rpartition("_")
        if column and part in DATE_PARTS and name in ranges:
            found.setdefault(column, {})[part] = position

    dates = []
    for column, parts in found.items():
        learnt = {part: ranges[f"{column}_{part}"] for part in parts}
        has_days = len(parts) > 1 and DAYS in parts
        if has_days and column not in names and _fit(learnt):
            dates.append(DateColumn(column, parts, learnt[DAYS]))

    return tuple(dates)


def _fit(learnt: Mapping[str, Days | None]) -> bool:
    """Tells whether the ranges of parts are such as dates have; a part that is missing was one for all dates."""
    days = learnt[DAYS]
    if days is None:
        return True
    try:
        first, last = map(find_day, days)
    except (ValueError, OverflowError):
        return False

    years = (first.year, last.year)
    months = (first.month, last.month) if first.year == last.year else None
    weekdays = (first.isoweekday(), last.isoweekday())

    return (
        _fits(learnt, "year", years, years)
        and _fits(learnt, "month", months, (first.month, last.month))
        and _fits(learnt, "weekday", None, weekdays)
    )


def _fits(
    learnt: Mapping[str, Days | None],
    part: str,
    expected: Days | None,
    ends: tuple[int, int],
) -> bool:
    """Tells whether a part's range is the expected one, or within bounds; a missing part has one value at both ends."""
    if part not in learnt:
        return ends[0] == ends[1]

    given = learnt[part]
    if given is None:
        return True
    if expected is not None:
        return given == expected

    low, high = _BOUNDS[part]
    return low <= given[0] and given[1] <= high
