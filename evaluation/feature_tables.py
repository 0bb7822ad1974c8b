"""A table of features is read with the reader of training, parts of its dates included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model_card import Feature
from service.errors import EvaluationError
from service.models.rows import choose_columns, find_dates, list_learnt_days
from tables.date_columns import DateColumn
from tables.date_texts import MAX_CHARS

if TYPE_CHECKING:
    from tables.reader import Table


def read_feature_table(path: Path, features: Sequence[Feature]) -> Table:
    """Reads the table with the reader of training, and makes parts of its dates where those are features.

    It raises EvaluationError, also where polars is not installed.
    """
    try:
        from tables.reader import UnreadableTableError, add_date_parts, read_table
    except ImportError:
        raise EvaluationError(
            f"{path.name}: tables need polars: pip install 'veredicto[evaluate]'"
        ) from None

    try:
        table = read_table(path, learnt=list_learnt_days(features))
    except UnreadableTableError as error:
        raise EvaluationError(str(error)) from None

    table = add_date_parts(table, [each.name for each in features])
    _check_dates(table, features, path.name)
    return table


def _check_dates(table: Table, features: Sequence[Feature], where: str) -> None:
    """Raises EvaluationError for a column that models know as dates, and whose texts are none."""
    for each in choose_columns(features, table.frame.columns):
        if not isinstance(each, DateColumn) or each.name not in table.frame.columns:
            continue

        fault = table.findings.faults.get(each.name)
        if fault is None:
            known = table.frame[each.name].drop_nulls()
            got = repr(str(known[0]))[:MAX_CHARS] if len(known) else "no value"
            fault = f"expects dates throughout, as 2024-12-31, got {got}"
        raise EvaluationError(f"{where}: column {each.name!r} {fault}")


def note_dates(table: Table, features: Sequence[Feature]) -> list[str]:
    """Returns sentences on what was assumed of the dates that features are made of."""
    notes = table.findings.readings
    return [
        f"{each.name}: {notes[each.name]}"
        for each in find_dates(features)
        if each.name in notes and each.name in table.frame.columns
    ]
