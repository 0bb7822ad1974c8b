"""Labelled rows are read from a table with a column of labels, or from a folder of images for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.image_folders import ENDINGS, list_images
from evaluation.image_hashes import hash_images
from evaluation.odd_cells import empty_odd, explain_odd
from model_card import Card, Feature, FeatureInput
from service.errors import EvaluationError
from service.judging.labelled_rows import (
    JudgedRows,
    LabelledData,
    Value,
    find_label,
    fingerprint_images,
    index_labels,
    leave_out_learnt,
    note_passed_over,
    read_value,
)
from service.judging.row_hashes import (
    NOTHING,
    Hashes,
    fingerprint_rows,
    hash_feature_rows,
)
from service.models.rows import (
    Column,
    choose_columns,
    find_dates,
    list_learnt_days,
)
from tables.date_columns import DateColumn
from tables.date_texts import MAX_CHARS
from verdict.grouping import Grouping, find_groups
from verdict.slicing import slice_columns

if TYPE_CHECKING:
    import polars as pl

    from tables.reader import Table

LearntRowFilter = Callable[[Hashes], JudgedRows]


def read_labelled(
    path: Path,
    card: Card,
    *,
    label: str | None,
    group: str | None = None,
    joins_equal: bool = True,
    learnt: Hashes = NOTHING,
    keeps_learnt: bool = False,
) -> LabelledData:
    """Returns what models with such a card can be judged on; raises EvaluationError, which says what would work.

    `group` is the column whose equal values mean that rows belong together; equal rows do so unless it is said. Rows
    whose hash is among those of `learnt` are left out unless they are kept.
    """
    takes_rows = isinstance(card.input, FeatureInput)
    _check_kind(path, card, takes_rows=takes_rows)
    keep_unlearnt = partial(
        leave_out_learnt, learnt=learnt, where=path.name, keeps_learnt=keeps_learnt
    )
    if takes_rows:
        return _read_rows(
            path,
            card,
            label,
            group,
            joins_equal=joins_equal,
            keep_unlearnt=keep_unlearnt,
        )
    if group is not None:
        raise EvaluationError(
            f"--group: expected a table with a column {group!r}, got a folder of images"
        )

    return _read_folder(
        path,
        card,
        joins_equal=joins_equal,
        keep_unlearnt=keep_unlearnt if len(learnt) else None,
    )


def _check_kind(path: Path, card: Card, *, takes_rows: bool) -> None:
    """Raises EvaluationError unless there is a file for models that take rows, or a folder for those of images."""
    if not path.exists():
        raise EvaluationError(f"{path}: there is no such file or folder")

    if path.is_dir() == takes_rows:
        expected = (
            "a table, CSV or Parquet"
            if takes_rows
            else "a folder with a folder of images for each class"
        )
        raise EvaluationError(
            f"{path.name}: {card.task} takes {expected}, got a {'folder' if takes_rows else 'file'}"
        )


def _read_rows(
    path: Path,
    card: Card,
    label: str | None,
    group: str | None,
    *,
    joins_equal: bool,
    keep_unlearnt: LearntRowFilter,
) -> LabelledData:
    assert isinstance(card.input, FeatureInput)
    table = read_feature_table(path, card.input.features)
    features = choose_columns(card.input.features, table.frame.columns)
    feature_names = [each.name for each in features]
    members = _read_members(table, group, path.name)
    dates = [each.name for each in find_dates(card.input.features)]
    names = _leave_out(table.frame.columns, {group, *dates}, {label, *feature_names})
    label, others = find_label(names, feature_names, label, path.name)
    rows, notes = read_asked(table, features, label, others, path.name)
    locations = [f"{path.name}, {place}: column {label!r}" for place in rows.places]
    truth = index_labels(rows.labels, card, locations)
    asked = rows.name_values(feature_names)
    judged = keep_unlearnt(hash_feature_rows(asked, card))
    left = rows.take(judged.kept)

    return LabelledData(
        source=path.name,
        fingerprint=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        places=left.places,
        truth=truth[judged.kept],
        rows=[asked[index] for index in judged.kept],
        data_set=fingerprint_rows(asked, truth, card),
        notes=[*note_dates(table, card.input.features), *notes],
        grouping=left.find_groups(members, column=group, joins_equal=joins_equal),
        slicings=slice_columns(
            dict(zip(feature_names, left.columns, strict=True))
            | _read_others(left.frame, others)
        ),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )


def _leave_out(
    names: list[str], passed: set[str | None], kept: set[str | None]
) -> list[str]:
    return [each for each in names if each not in passed or each in kept]


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of a table have values in each column of features, labels and places; `kept` are their indices in it."""

    frame: pl.DataFrame
    columns: list[list[Value]]
    labels: list[str]
    places: list[str]
    kept: list[int]

    def take(self, indices: list[int]) -> _Rows:
        """Returns the rows of these indices."""
        return _Rows(
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
) -> tuple[_Rows, list[str]]:
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

    rows = _Rows(frame=frame, columns=columns, labels=labels, places=places, kept=kept)
    notes = note_passed_over(
        others, unfit, n_without_label=table.frame.height - len(kept)
    )
    asked = [index for index in range(len(locations)) if index not in unfit]

    return rows.take(asked), notes


def _read_members(
    table: Table, group: str | None, where: str
) -> list[str | None] | None:
    """Returns the value of the column of groups in each row, None without such a column."""
    from tables.reader import name_values

    if group is None:
        return None
    if group not in table.frame.columns:
        known = ", ".join(repr(name) for name in table.frame.columns)
        raise EvaluationError(
            f"{where}: --group: expected one of its columns, {known}, got {group!r}"
        )

    return name_values(table.frame[group])


def _read_others(frame: pl.DataFrame, names: list[str]) -> dict[str, list[Any]]:
    """Returns columns that are no features: numbers as numbers, all else by name."""
    from tables.reader import name_values

    return {
        name: frame[name].to_list()
        if frame[name].dtype.is_numeric()
        else name_values(frame[name])
        for name in names
    }


def read_feature_table(path: Path, features: Sequence[Feature]) -> Table:
    """Reads the table with the reader of training, and makes parts of its dates where those are features.

    It raises EvaluationError, also where polars is not installed.
    """
    try:
        from tables.reader import UnreadableTableError, add_date_parts, read_table
    except ImportError:
        raise EvaluationError(
            f"{path.name}: tables need polars: make install in a clone, or pip install 'veredicto[evaluate]'"
        ) from None

    try:
        table = read_table(path, learnt=list_learnt_days(features))
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


def note_dates(table: Table, features: Sequence[Feature]) -> list[str]:
    """Returns sentences on what was assumed of the dates that features are made of."""
    notes = table.findings.readings
    return [
        f"{each.name}: {notes[each.name]}"
        for each in find_dates(features)
        if each.name in notes and each.name in table.frame.columns
    ]


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


def _read_folder(
    path: Path, card: Card, *, joins_equal: bool, keep_unlearnt: LearntRowFilter | None
) -> LabelledData:
    """`path/<class>/<image>`; what is hidden, and files that are no images by their ending, are passed over."""
    assert card.classes is not None
    found = list_images(path, card.classes)
    if not found.files:
        raise EvaluationError(
            f"{path.name}: expected a folder of images for each class of {card.task}, got no image"
        )

    judged = JudgedRows(list(range(len(found.files))), NOTHING, 0)
    if keep_unlearnt is not None:
        judged = keep_unlearnt(hash_images(found.files))
    files = [found.files[index] for index in judged.kept]
    classes = [found.classes[index] for index in judged.kept]
    places = [each.relative_to(path).as_posix() for each in files]
    hashes = [hashlib.sha256(each.read_bytes()).hexdigest() for each in files]
    notes = [
        f"{found.n_passed} files whose ending is none of {', '.join(ENDINGS)} are passed over"
    ]

    return LabelledData(
        source=path.name,
        fingerprint=fingerprint_images(places, hashes),
        places=places,
        truth=index_labels(classes, card, [f"{path.name}: the folder"] * len(files)),
        files=files,
        notes=notes if found.n_passed else [],
        grouping=find_groups(
            list(zip(classes, hashes, strict=True)), joins_equal=joins_equal
        ),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )
