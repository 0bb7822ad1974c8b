"""Columns of texts and of dates are spread over several features each, which are joined to them again."""

from __future__ import annotations

from collections.abc import Sequence

from tables.date_columns import DateColumn
from tables.terms import TextColumn

SpreadColumn = TextColumn | DateColumn


def join_features(features: Sequence[str], spread: Sequence[SpreadColumn]) -> list[str]:
    """Returns the columns that the features come from: each text or date once, at the place of its first feature."""
    column_of = {position: each.name for each in spread for position in each.positions}
    names = [column_of.get(position, name) for position, name in enumerate(features)]
    return list(dict.fromkeys(names))
