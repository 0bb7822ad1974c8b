"""A column of numbers or dates with a few cells that are none is read but for these, whose rows are set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from model_card import Feature
from service.judging.labelled_rows import explain_odd_date
from service.models.row_columns import Column
from tables.date_columns import DATE_PARTS, DateColumn
from tables.date_texts import MAX_CHARS

if TYPE_CHECKING:
    import polars as pl

    from tables.reader import Table


def empty_odd(table: Table, features: Sequence[Column]) -> Table:
    """Returns the table with numbers and dates for the columns of features that are such but for a few cells."""
    columns = [
        column for each in features if (column := _find(table, each)) is not None
    ]
    return replace(table, frame=table.frame.with_columns(columns)) if columns else table


def explain_odd(
    table: Table, features: Sequence[Column], locations: Sequence[str]
) -> dict[int, str]:
    """Returns the reason of each row of the table, whose places are `locations`, that has a cell of another kind."""
    reasons: dict[int, str] = {}
    dates = {name for each in features if (name := _name_date(table, each))}
    numbers = {
        each.name
        for each in features
        if not _name_date(table, each) and _find(table, each) is not None
    }
    for name in (*sorted(dates), *sorted(numbers)):
        for text, rows in table.findings.odd.get(name, {}).items():
            for row in rows:
                got, where = text[:MAX_CHARS], locations[row]
                reason = (
                    explain_odd_date(where, name, got)
                    if name in dates
                    else f"{where}: feature {name!r} expects a number, got {got!r}"
                )
                reasons.setdefault(row, reason)

    return reasons


def _name_date(table: Table, feature: Column) -> str:
    """Returns the date with odd cells that a feature is, or is a part of; nothing where it is another."""
    date, _, part = feature.name.rpartition("_")
    for name, is_it in (
        (feature.name, isinstance(feature, DateColumn)),
        (date, part in DATE_PARTS),
    ):
        if is_it and name in table.findings.dates:
            return name

    return ""


def _find(table: Table, feature: Column) -> pl.Series | None:
    """Returns what a feature's column is without its odd cells, None where it has none."""
    if isinstance(feature, DateColumn):
        return table.findings.dates.get(feature.name)
    if not isinstance(feature, Feature):
        return None
    if not feature.values:
        return table.findings.numbers.get(feature.name)

    column = table.frame[feature.name] if feature.name in table.frame.columns else None
    is_date = column is not None and column.dtype.is_temporal()
    # As a category a month has the name 202412, and not that of its first day.
    return table.findings.numbers.get(feature.name) if is_date else None
