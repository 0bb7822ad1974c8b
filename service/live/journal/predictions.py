"""Predictions go into the journal's file, each with the labels and the confidences of the model that answered."""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Sequence

import numpy as np

from service.live.journal.inserts import insert_rows
from service.live.journal.records import (
    CONFIDENCE_DTYPE,
    GROUP_DTYPE,
    LABEL_DTYPE,
    PredictionRecord,
    Probabilities,
    encode_probabilities,
)
from service.live.journal.surrogate_keys import SurrogateKeys

MAX_RECENT_PREDICTIONS = 20_000
"""So many predictions are remembered by their ids, since their shadows follow soon."""


class Predictions:
    """Writes predictions within the transaction that the connection is in; `write_counts` counts their rows."""

    def __init__(self, connection: sqlite3.Connection, keys: SurrogateKeys) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._keys = keys
        self.forget()

    def forget(self) -> None:
        """Forgets predictions and counts, as a transaction that fails must: what it added is not in the file."""
        self._recent_seqs: OrderedDict[str, int] = OrderedDict()
        self._new_rows = Counter[int]()

    def write(self, records: list[PredictionRecord]) -> None:
        """Takes the next values of `seq`, which nobody else can take before the transaction ends."""
        (last,) = self._execute(
            "SELECT coalesce(max(seq), 0) FROM predictions"
        ).fetchone()
        rows = []

        for seq, record in enumerate(records, last + 1):
            prediction_id, model_key, labels, groups, _ = record
            task = self._keys.find_task(model_key.task)
            model = self._keys.find_model(model_key)
            stored = labels.astype(LABEL_DTYPE).tobytes()
            keys = None if groups is None else groups.astype(GROUP_DTYPE).tobytes()
            rows.append((seq, prediction_id, task, model, len(labels), stored, keys))
            self._recent_seqs[prediction_id] = seq
            self._new_rows[task] += len(labels)

        insert_rows(self._connection, "predictions", rows)
        insert_rows(
            self._connection, "confidences", _tabulate_confidences(records, last + 1)
        )
        while len(self._recent_seqs) > MAX_RECENT_PREDICTIONS:
            self._recent_seqs.popitem(last=False)

    def find_seqs(self, prediction_ids: Sequence[str], oldest: int) -> list[int]:
        """Returns the `seq` of each prediction by its id, -1 of one that is not in the file."""
        found = [self._recent_seqs.pop(each, -1) for each in prediction_ids]
        return [seq if seq >= oldest else -1 for seq in found]

    def write_counts(self) -> None:
        """Adds the rows of this batch to those that each task has in the file."""
        for task, n_rows in self._new_rows.items():
            self._execute(
                "UPDATE tasks SET kept = kept + ? WHERE number = ?", (n_rows, task)
            )

        self._new_rows.clear()


def _tabulate_confidences(
    records: list[PredictionRecord], first_seq: int
) -> list[tuple[int, int, bytes]]:
    """Returns the rows of the table `confidences` for predictions whose numbers begin with `first_seq`.

    Those of as many classes are looked through together, which takes a fifth of the time of one after the other.
    """
    by_classes: dict[int, list[tuple[int, Probabilities]]] = {}
    for seq, each in enumerate(records, first_seq):
        if each.probabilities is not None:
            n_classes = each.probabilities.shape[1]
            by_classes.setdefault(n_classes, []).append((seq, each.probabilities))

    rows = []
    for found in by_classes.values():
        table = np.concatenate([probabilities for _, probabilities in found])
        stored = encode_probabilities(table.max(axis=1)).tobytes()
        start = 0

        for seq, probabilities in found:
            end = start + CONFIDENCE_DTYPE.itemsize * len(probabilities)
            rows.append((seq, 0, stored[start:end]))
            start = end

    return rows
