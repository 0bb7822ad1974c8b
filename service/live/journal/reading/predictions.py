"""The latest predictions of a task are tabulated by row: labels of each model, their confidences, what was true."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.live.journal.prediction_ids import ID_CHARACTERS, find_age_s
from service.live.journal.reading.stored_task import StoredTask, check_labels
from service.live.journal.reading.window import UNLABELLED, ModelVersion
from service.live.journal.records import (
    CONFIDENCE_DTYPE,
    GROUP_DTYPE,
    LABEL_DTYPE,
    MAX_CONFIDENCE,
    NO_ANSWER,
    GroupKeys,
    Labels,
)

_READ_PREDICTIONS = (
    "SELECT seq, model, n_rows, predictions.labels, group_keys, lineup, shadows.labels FROM predictions "
    "LEFT JOIN shadows USING (seq) WHERE task = ? ORDER BY seq DESC"
)
_READ_CONFIDENCES = "SELECT seq, lineup, confidences FROM confidences WHERE seq >= ?"


class StoredPrediction(NamedTuple):
    """A row of the query; the last two are None where the prediction has no shadow."""

    seq: int
    model: int
    n_rows: int
    labels: bytes
    group_keys: bytes | None
    challenger_set: int | None
    shadow_labels: bytes | None


class PredictionReader:
    """Reads a task's predictions within the transaction that the connection is in."""

    def __init__(self, connection: sqlite3.Connection, task: StoredTask) -> None:
        self._execute = connection.execute
        self._task = task

    def read_latest(self, max_rows: int) -> list[StoredPrediction]:
        """Returns the latest predictions, as few as have `max_rows` rows together."""
        predictions = []
        n_rows = 0

        for found in self._execute(_READ_PREDICTIONS, (self._task.key,)):
            prediction = StoredPrediction(*found)
            predictions.append(prediction)
            n_rows += prediction.n_rows
            if n_rows >= max_rows:
                break

        return predictions

    def tabulate_labels(self, predictions: list[StoredPrediction]) -> Labels:
        """Returns the labels of all models of the task, `(n_models, n_rows)`."""
        n_rows = sum(each.n_rows for each in predictions)
        table = np.full((len(self._task.models), n_rows), NO_ANSWER, dtype=np.int64)
        places = {key: place for place, key in enumerate(self._task.models)}
        start = 0

        for each in predictions:
            rows = slice(start, start + each.n_rows)
            table[places[each.model], rows] = np.frombuffer(each.labels, LABEL_DTYPE)

            if each.challenger_set is not None:
                challengers = self._task.challenger_sets[each.challenger_set]
                labels = np.frombuffer(each.shadow_labels or b"", LABEL_DTYPE)
                table[[places[key] for key in challengers], rows] = labels.reshape(
                    -1, each.n_rows
                )

            start += each.n_rows

        for key, place in places.items():
            check_labels(table[place], self._task.n_classes[key])

        return table

    def tabulate_confidences(
        self, predictions: list[StoredPrediction], max_rows: int
    ) -> dict[ModelVersion, NDArray[np.float64]]:
        """Returns the confidences of each model `(n_rows,)` from 0 to 1, NaN where the file has none."""
        n_rows = sum(each.n_rows for each in predictions)
        table = np.full((len(self._task.models), n_rows), np.nan)
        places = {key: place for place, key in enumerate(self._task.models)}
        by_seq = {}
        start = 0
        for each in predictions:
            by_seq[each.seq] = each, slice(start, start + each.n_rows)
            start += each.n_rows

        oldest = min(by_seq, default=0)
        for seq, lineup, stored in self._execute(_READ_CONFIDENCES, (oldest,)):
            if seq not in by_seq:  # it is of another task
                continue

            prediction, rows = by_seq[seq]
            keys = self._task.challenger_sets[lineup] if lineup else [prediction.model]
            columns = [places[key] for key in keys]
            values = np.frombuffer(stored, CONFIDENCE_DTYPE) / MAX_CONFIDENCE
            table[columns, rows] = values.reshape(len(keys), -1)

        return {
            model: column[:max_rows]
            for model, column in zip(self._task.models.values(), table, strict=True)
        }

    def read_true_labels(
        self, predictions: list[StoredPrediction]
    ) -> tuple[Labels, GroupKeys]:
        """Returns the true labels and the groups of the rows of these predictions, `(n_rows,)` each."""
        groups = np.concatenate(
            [np.empty(0, np.int64), *(_tabulate_groups(each) for each in predictions)]
        )
        starts: dict[int, int] = {}
        n_rows = 0
        for each in predictions:
            starts[each.seq] = n_rows
            n_rows += each.n_rows

        true_labels = np.full(n_rows, UNLABELLED, dtype=np.int64)
        oldest = min(starts, default=0)

        for seq, row, label, group_key in self._execute(
            "SELECT seq, row, label, group_key FROM truths WHERE seq >= ?", (oldest,)
        ):
            if seq in starts:  # else of another task
                true_labels[starts[seq] + row] = label
                if group_key is not None:
                    groups[starts[seq] + row] = group_key

        check_labels(true_labels, max(self._task.n_classes.values(), default=0))
        return true_labels, groups

    def read_age_s(self, predictions: list[StoredPrediction]) -> int:
        """Returns the age of the oldest of these predictions, 0 without any."""
        if not predictions:
            return 0

        (oldest,) = self._execute(
            "SELECT id FROM predictions WHERE seq = ?", (predictions[-1].seq,)
        ).fetchone()
        return find_age_s(oldest) if len(oldest) == ID_CHARACTERS else 0


def _tabulate_groups(prediction: StoredPrediction) -> GroupKeys:
    """Returns the group of each row of a prediction, `(n_rows,)`."""
    if prediction.group_keys is None:
        return np.full(prediction.n_rows, prediction.seq)

    keys = np.frombuffer(prediction.group_keys, GROUP_DTYPE)
    return np.broadcast_to(keys, prediction.n_rows)
