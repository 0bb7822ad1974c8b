"""Tables that models are asked about are read with the reader of training, and their rows as requests have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.odd_cells import empty_odd, explain_odd
from model_card import Feature
from service.errors import EvaluationError
from service.judging.labelled_rows import Value, note_passed_over, read_value
from service.models.row_columns import (
    Column,
    choose_columns,
    find_dates,
    list_learnt_days,
    list_learnt_ranges,
)
from tables.date_columns import DateColumn
from tables.date_texts import MAX_CHARS
from verdict.grouping import Grouping, find_groups

if TYPE_CHECKING:
    import polars as pl

    from tables.reader import Table


def read_feature_table(
    path: Path, features: Sequence[Feature], classes: Sequence[str] = ()
) -> Table:
    """Reads the table with the reader of training, and makes parts of its dates where those are features.

    Categories, and `classes` in a column that is no feature, stay as they are written where models know them so.
    It raises EvaluationError, also where polars is not installed.
    """
    try:
        from tables.reader import UnreadableTableError, add_date_parts, read_table
    except ImportError:
        raise EvaluationError(
            f"{path.name}: tables need polars: make install in a clone, or pip install 'veredicto[evaluate]'"
        ) from None

    names = {each.name: each.values or () for each in features}
    try:
        table = read_table(
            path,
            learnt=list_learnt_days(features),
            ranges=list_learnt_ranges(features),
            find_names=lambda name: names.get(name, classes),
        )
    except UnreadableTableError as error:
        raise EvaluationError(str(error)) from None

    table = empty_odd(table, choose_columns(features, table.frame.columns))
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


def note_readings(table: Table, features: Sequence[Feature]) -> list[str]:
    """Returns sentences on what was assumed of the file's encoding, and of the dates and numbers of features."""
    notes = table.findings.readings
    names = [each.name for each in find_dates(features)]
    names += [each.name for each in features]
    return [
        *table.notes,
        *(
            f"{name}: {notes[name]}"
            for name in names
            if name in notes and name in table.frame.columns
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """Rows of a table have values in each column of features, labels and places; `kept` are their indices in it."""

    frame: pl.DataFrame
    columns: list[list[Value]]
    labels: list[str]
    places: list[str]
    kept: list[int]

    def take(self, indices: list[int]) -> TableRows:
        """Returns the rows of these indices."""
        return TableRows(
            frame=self.frame[indices],
            columns=[[column[index] for index in indices] for column in self.columns],
            labels=[self.labels[index] for index in indices],
            places=[self.places[index] for index in indices],
            kept=[self.kept[index] for index in indices],
        )

    def find_groups(
        self, members: list[str | None] | None, *, column: str | None, joins_equal: bool
    ) -> Grouping:
        """Returns which rows belong together; `members` are the values of the column of groups in the whole table."""
        return find_groups(
            list(zip(*self.columns, self.labels, strict=True)),
            column=column,
            values=None if members is None else [members[each] for each in self.kept],
            joins_equal=joins_equal,
        )

    def name_values(self, names: list[str]) -> list[dict[str, Value]]:
        """Returns each row as a request has it."""
        return [
            dict(zip(names, values, strict=True))
            for values in zip(*self.columns, strict=True)
        ]


def read_asked(
    table: Table,
    features: Sequence[Column],
    label: str | None,
    others: list[str],
    where: str,
) -> tuple[TableRows, list[str]]:
    """Returns the rows that models can be asked for, and notes of what was passed over.

    Without a column of labels each row has an empty one.
    """
    labels, kept = [""] * table.frame.height, list(range(table.frame.height))
    if label is not None:
        labels, kept = _read_labels(table.frame[label], where)
    frame = table.frame[kept]
    places = [table.places[index] for index in kept]
    every = [f"{where}, {place}" for place in table.places]
    locations = [every[index] for index in kept]
    odd = explain_odd(table, features, every)
    unfit = {at: odd[index] for at, index in enumerate(kept) if index in odd}
    columns = [
        _read_column(frame[each.name], each, locations, unfit) for each in features
    ]
    if len(unfit) == len(locations):
        raise EvaluationError(unfit[min(unfit)])

    rows = TableRows(
        frame=frame, columns=columns, labels=labels, places=places, kept=kept
    )
    notes = note_passed_over(
        others, unfit, n_without_label=table.frame.height - len(kept)
    )
    asked = [index for index in range(len(locations)) if index not in unfit]

    return rows.take(asked), notes


def _read_labels(column: pl.Series, where: str) -> tuple[list[str], list[int]]:
    """Returns the labels as training names classes, and the indices of the rows that have one, which some must."""
    from tables.reader import as_whole, name_values

    names = name_values(as_whole(column))
    kept = [index for index, name in enumerate(names) if name is not None]
    if not kept:
        raise EvaluationError(
            f"{where}: expected labels in the column {column.name!r}, got no value in any row"
        )

    return [name for name in names if name is not None], kept


def _read_column(
    column: pl.Series,
    feature: Column,
    locations: list[str],
    unfit: dict[int, str],
) -> list[Value]:
    """Returns a feature's values as requests have them; numbers stay numbers, all else is named as training does.

    Rows whose value no model takes get the reason in `unfit`, in place, and None.
    """
    from tables.reader import as_whole, name_values

    has_numbers = isinstance(feature, Feature) and not feature.values
    is_number = column.dtype.is_numeric() and has_numbers
    values = column.to_list() if is_number else name_values(as_whole(column))
    read: list[Value] = []

    for index, (value, where) in enumerate(zip(values, locations, strict=True)):
        try:
            read.append(read_value(value, feature, where))
        except EvaluationError as error:
            unfit.setdefault(index, str(error))
            read.append(None)

    return read
