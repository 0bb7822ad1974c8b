"""A labelled CSV that came over HTTP becomes rows to judge models on, as the reader of reports makes them of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import Card, Feature, FeatureInput
from service.errors import EvaluationError, TooLarge
from service.judging.csv_columns import Columns
from service.judging.labelled_rows import (
    JudgedRows,
    LabelledData,
    Value,
    find_label,
    index_labels,
    leave_out_learnt,
    note_passed_over,
    read_value,
)
from service.judging.row_hashes import Hashes, fingerprint_rows, hash_feature_rows
from service.models import cancellation
from service.models.row_columns import Column, choose_columns
from tables.csv_text import UnreadableTableError, read_csv_text
from verdict.grouping import Grouping, find_groups
from verdict.slicing import Slicing, slice_columns

NAME_LABEL = "label=COLUMN"
KEEP_LEARNT = "keep_learnt=1"
ROWS_SETTING = "VEREDICTO_MAX_ROWS"


class TableLimits(NamedTuple):
    """A table has at most so many rows, and bytes where it is packed."""

    max_rows: int
    max_bytes: int


def read_labelled_csv(
    content: bytes,
    card: Card,
    *,
    source: str,
    limits: TableLimits,
    label: str | None = None,
    group: str | None = None,
    learnt: Hashes,
    keeps_learnt: bool = False,
) -> LabelledData:
    """Returns the rows of a CSV with their true classes; raises EvaluationError and TooLarge.

    Equal values of the column `group` mean that rows belong together. Those of `learnt` are left out unless kept.
    """
    assert isinstance(card.input, FeatureInput)
    columns = _read_columns(content, source, limits, card.input.features)
    features = choose_columns(card.input.features, columns.names)
    names = [each.name for each in features]
    label, others = _choose_columns(columns, names, label, group)

    asked = _find_asked(columns, features, label)
    truth = _index_truth(columns, asked, label, card)
    rows = asked.name_values(names)
    judged = _leave_out(rows, card, learnt, source, keeps_learnt=keeps_learnt)
    left = asked.take(judged.kept)

    return LabelledData(
        source=source,
        fingerprint=f"sha256:{hashlib.sha256(content).hexdigest()}",
        places=[columns.places[index] for index in left.kept],
        truth=truth[judged.kept],
        rows=[rows[index] for index in judged.kept],
        data_set=fingerprint_rows(rows, truth, card),
        notes=[*columns.notes, *asked.note(others)],
        grouping=_find_groups(columns, left, group),
        slicings=_slice(columns, left, names, others),
        learnt=judged.learnt,
        n_learnt=judged.n_left_out,
    )


def _leave_out(
    rows: list[dict[str, Value]],
    card: Card,
    learnt: Hashes,
    source: str,
    *,
    keeps_learnt: bool,
) -> JudgedRows:
    """Returns which rows are judged; raises EvaluationError where all were learnt from."""
    hashes = hash_feature_rows(rows, card)
    return leave_out_learnt(
        hashes, learnt, source, KEEP_LEARNT, keeps_learnt=keeps_learnt
    )


@dataclass(frozen=True, kw_only=True)
class _AskedRows:
    """`kept` are the numbers of the rows that models are asked for, with their labels and values column by column.

    `unfit` says why other rows with a label are not asked for.
    """

    kept: list[int]
    labels: list[str]
    values: list[list[Value]]
    unfit: dict[int, str]
    n_without_label: int

    def take(self, indices: Sequence[int]) -> _AskedRows:
        """Returns the rows of these indices."""
        return replace(
            self,
            kept=[self.kept[index] for index in indices],
            labels=[self.labels[index] for index in indices],
            values=[[column[index] for index in indices] for column in self.values],
        )

    def note(self, others: list[str]) -> list[str]:
        """Returns what was passed over, with these columns that are no features."""
        return note_passed_over(
            others, self.unfit, n_without_label=self.n_without_label
        )

    def name_values(self, names: Sequence[str]) -> list[dict[str, Value]]:
        """Returns each row as a request has it."""
        rows = zip(*self.values, strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]


def _index_truth(
    columns: Columns, asked: _AskedRows, label: str, card: Card
) -> NDArray[np.int64]:
    locations = [
        f"{columns.where}, {columns.places[index]}: column {label!r}"
        for index in asked.kept
    ]
    return index_labels(asked.labels, card, locations)


def _find_groups(columns: Columns, left: _AskedRows, group: str | None) -> Grouping:
    members = None if group is None else columns.name(group)
    return find_groups(
        list(zip(*left.values, left.labels, strict=True)),
        column=group,
        values=None if members is None else [members[each] for each in left.kept],
    )


def _slice(
    columns: Columns, left: _AskedRows, features: list[str], others: list[str]
) -> list[Slicing]:
    """Returns the parts of the rows by features and by further columns."""
    parted: dict[str, Sequence[Value]] = dict(zip(features, left.values, strict=True))
    for name in cancellation.watch(others):
        values = columns.read_other(name)
        parted[name] = [values[index] for index in left.kept]

    return slice_columns(parted)


def _find_asked(columns: Columns, features: Sequence[Column], label: str) -> _AskedRows:
    """Returns the rows with a label and with values that models take; raises EvaluationError where there is none."""
    labels = columns.name(label)
    with_label = {index: each for index, each in enumerate(labels) if each is not None}
    if not with_label:
        raise EvaluationError(
            f"{columns.where}: expected labels in the column {label!r}, got no value in any row"
        )

    read = [columns.read(each) for each in cancellation.watch(features)]
    values, unfit = _check_values(read, features, columns, list(with_label))
    kept = [index for index in with_label if index not in unfit]
    if not kept:
        raise EvaluationError(unfit[min(unfit)])

    return _AskedRows(
        kept=kept,
        labels=[with_label[index] for index in kept],
        values=[[column[index] for index in kept] for column in values],
        unfit=unfit,
        n_without_label=len(labels) - len(with_label),
    )


def _read_columns(
    content: bytes, source: str, limits: TableLimits, features: Sequence[Feature]
) -> Columns:
    """Returns the columns of a CSV; raises EvaluationError for what is none, and TooLarge for too many rows."""
    try:
        text = read_csv_text(source, content, max_bytes=limits.max_bytes)
    except UnreadableTableError as error:
        raise EvaluationError(str(error)) from None

    n_rows = len(text.rows)
    if n_rows > limits.max_rows:
        raise TooLarge(
            f"{source}: {n_rows} rows are over the limit of {limits.max_rows} rows a request ({ROWS_SETTING}): "
            "judge so many with `veredicto evaluate`"
        )
    if not n_rows:
        raise EvaluationError(
            f"{source}: expected a line of names and at least one row, got no row"
        )

    columns = Columns(text, source)
    columns.spread_dates(features)

    return columns


def _choose_columns(
    columns: Columns, features: list[str], label: str | None, group: str | None
) -> tuple[str, list[str]]:
    """Returns the column of labels, and further ones; raises EvaluationError where one is missing."""
    if group is not None and group not in columns.names:
        known = ", ".join(map(repr, columns.names))
        raise EvaluationError(
            f"{columns.where}: group: expected one of its columns, {known}, got {group!r}"
        )

    kept = {label, *features}
    passed = {group, *columns.dates}
    names = [each for each in columns.names if each not in passed or each in kept]

    return find_label(names, features, label, columns.where, NAME_LABEL)


def _check_values(
    read: Sequence[Sequence[Value]],
    features: Sequence[Column],
    columns: Columns,
    indices: Sequence[int],
) -> tuple[list[list[Value]], dict[int, str]]:
    """Returns the columns' values as models take them, and why rows have one that none takes."""
    unfit = {
        index: columns.faults[index] for index in indices if index in columns.faults
    }
    checked = []
    for feature, values in zip(features, cancellation.watch(read), strict=True):
        column: list[Value] = [None] * len(values)
        for index in indices:
            where = f"{columns.where}, {columns.places[index]}"
            try:
                column[index] = read_value(values[index], feature, where)
            except EvaluationError as error:
                unfit.setdefault(index, str(error))
        checked.append(column)

    return checked, unfit
