"""Rows whose values were kept are read from the journal's file, with what each model answered."""

from __future__ import annotations

import json
import sqlite3

import numpy as np

from service.live.journal.reading.stored_task import StoredTask, check_labels
from service.live.journal.reading.window import UNLABELLED, Example
from service.live.journal.records import LABEL_DTYPE

MAX_EXAMPLES = 20

_READ_EXAMPLES = (
    "SELECT id, row, n_rows, inputs, model, predictions.labels, lineup, shadows.labels, truths.label "
    "FROM examples JOIN predictions USING (seq) JOIN shadows USING (seq) LEFT JOIN truths USING (seq, row) "
    "WHERE examples.task = ? ORDER BY seq DESC, row LIMIT ?"
)
_READ_UNLABELLED = (
    "SELECT id, row, n_rows, inputs, model, predictions.labels, lineup, shadows.labels, NULL "
    "FROM examples JOIN predictions USING (seq) JOIN shadows USING (seq) "
    "WHERE examples.task = ? AND NOT EXISTS "
    "(SELECT 1 FROM truths WHERE truths.seq = examples.seq AND truths.row = examples.row) "
    "ORDER BY seq DESC, row LIMIT ?"
)


class ExampleReader:
    """Reads a task's examples within the transaction that the connection is in."""

    def __init__(self, connection: sqlite3.Connection, task: StoredTask) -> None:
        self._execute = connection.execute
        self._task = task

    def read_latest(self) -> list[Example]:
        """Returns the latest examples, labelled or not."""
        found = self._execute(_READ_EXAMPLES, (self._task.key, MAX_EXAMPLES))
        return [self._make_example(*each) for each in found]

    def read_unlabelled(self, max_rows: int) -> list[Example]:
        """Returns the latest examples that nobody has labelled."""
        found = self._execute(_READ_UNLABELLED, (self._task.key, max_rows))
        return [self._make_example(*each) for each in found]

    def _make_example(
        self,
        prediction_id: str,
        row: int,
        n_rows: int,
        inputs: str,
        model: int,
        stored_labels: bytes,
        challenger_set: int,
        shadow_labels: bytes,
        true_label: int | None,
    ) -> Example:
        champion_label = int(np.frombuffer(stored_labels, LABEL_DTYPE)[row])
        table = np.frombuffer(shadow_labels, LABEL_DTYPE).reshape(-1, n_rows)
        challengers = self._task.challenger_sets[challenger_set]

        labels = {self._task.models[model]: champion_label}
        for key, label in zip(challengers, table[:, row].tolist(), strict=True):
            labels[self._task.models[key]] = label

        n_classes = min(self._task.n_classes[key] for key in (model, *challengers))
        check_labels(np.array([*labels.values(), true_label or 0]), n_classes)

        return Example(
            row_id=prediction_id if n_rows == 1 else f"{prediction_id}/{row}",
            inputs=json.loads(inputs),
            labels=labels,
            true_label=UNLABELLED if true_label is None else true_label,
        )
