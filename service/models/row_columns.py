"""Columns of a table stand for the features of a model: a text for its terms, a date for its parts."""

from __future__ import annotations

from collections.abc import Sequence

from model_card import Feature
from tables.date_columns import DateColumn, find_date_columns
from tables.date_texts import Days
from tables.spread_columns import SpreadColumn, join_features
from tables.terms import TextColumn, find_text_columns

Column = Feature | SpreadColumn
"""A table has a feature, or a text or a date in the place of several."""


def find_texts(features: Sequence[Feature]) -> tuple[TextColumn, ...]:
    """Returns the columns of texts that features are terms of: numbers by their names, which are 0 or 1.

    The training rows may all lack a rare term, or all have a frequent one, so that its range is one of both.
    """
    names = [
        each.name if set(each.range or ()) <= {0, 1} and not each.values else ""
        for each in features
    ]
    return find_text_columns(names)


def find_dates(features: Sequence[Feature]) -> tuple[DateColumn, ...]:
    """Returns the columns of dates that features are parts of."""
    ranges = {each.name: each.range for each in features if not each.values}
    return find_date_columns(ranges, [each.name for each in features])


def list_learnt_days(features: Sequence[Feature]) -> dict[str, Days]:
    """Returns the range that the training rows had of each date, by which one that may be several is read."""
    return {
        each.name: each.learnt
        for each in find_dates(features)
        if each.learnt is not None
    }


def choose_columns(features: Sequence[Feature], names: Sequence[str]) -> list[Column]:
    """Returns what a table with columns of these names has for the features: a text in the place of its terms.

    A text is chosen unless the table has its terms as columns, and a date unless the table has any of its parts.
    """
    own = [each.name for each in features]
    texts, dates = find_texts(features), find_dates(features)
    every: list[SpreadColumn] = [*texts, *dates]
    has_features = {
        each.name: any(own[position] in names for position in each.positions)
        for each in every
    }
    spread: list[SpreadColumn] = [
        *(each for each in texts if each.name in names or not has_features[each.name]),
        *(each for each in dates if not has_features[each.name]),
    ]
    of_spread = {each.name: each for each in spread}
    of_name = dict(zip(own, features, strict=True))
    return [of_spread.get(name) or of_name[name] for name in join_features(own, spread)]
