"""Columns of a table stand for the features of a model: a text for its terms, a date for its parts."""

from __future__ import annotations

from collections.abc import Sequence

from model_card import Feature
from tables.date_columns import DateColumn, find_date_columns
from tables.date_texts import Days
from tables.plain_columns import Range
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


def _has_any(
    column: SpreadColumn, own_names: Sequence[str], names: Sequence[str]
) -> bool:
    """Returns whether any feature that a text or a date stands for is among these names."""
    return any(own_names[position] in names for position in column.positions)
