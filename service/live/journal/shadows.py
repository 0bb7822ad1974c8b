"""Answers that challengers would have given go into the journal's file, beside the predictions of their champion."""

from __future__ import annotations

import sqlite3
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.live.journal import group_keys
from service.live.journal.inserts import insert_rows
from service.live.journal.outcomes import Outcomes
from service.live.journal.predictions import Predictions
from service.live.journal.records import (
    LABEL_DTYPE,
    Labels,
    ModelKey,
    ShadowRecord,
    StoredProbabilities,
    encode_probabilities,
)
from service.live.journal.surrogate_keys import SurrogateKeys

MAX_EXAMPLES = 100
"""The values of so many rows of a task, on which models disagree, are kept where nobody says otherwise."""

_READ_EARLIER_FEEDBACK = (
    "SELECT seq, row, label, group_key, n_rows, labels, group_keys FROM truths "
    "JOIN predictions USING (seq) WHERE truths.seq BETWEEN ? AND ?"
)
_DELETE_OLD_EXAMPLES = (
    "DELETE FROM examples WHERE task = ? AND seq < "
    "(SELECT seq FROM examples WHERE task = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)"
)


class Shadows:
    """Writes shadows within the transaction that the connection is in, and counts them where their truth is known."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        keys: SurrogateKeys,
        predictions: Predictions,
        outcomes: Outcomes,
        *,
        max_examples: int = MAX_EXAMPLES,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._keys = keys
        self._predictions = predictions
        self._outcomes = outcomes
        self._max_examples = max_examples

    def write(self, record: ShadowRecord) -> None:
        """Writes the shadows of the predictions that were kept and are not deleted yet."""
        (oldest,) = self._execute(
            "SELECT coalesce(min(seq), 0) FROM predictions"
        ).fetchone()
        challengers = [self._keys.find_model(each) for each in record.challengers]
        challenger_set = self._keys.find_challenger_set(challengers)
        seqs = self._predictions.find_seqs(record.prediction_ids, oldest)
        labels_by_seq = _split_by_prediction(record.labels, record, seqs)

        rows = [
            (seq, challenger_set, labels.astype(LABEL_DTYPE).tobytes())
            for seq, labels in labels_by_seq.items()
        ]
        insert_rows(self._connection, "shadows", rows)
        if record.confidences is not None:
            stored = encode_probabilities(record.confidences)
            by_seq = _split_by_prediction(stored, record, seqs)
            insert_rows(
                self._connection,
                "confidences",
                [(seq, challenger_set, part.tobytes()) for seq, part in by_seq.items()],
            )
        kept: dict[int, StoredProbabilities] = {}
        if record.probabilities is not None:
            kept = _split_by_prediction(record.probabilities, record, seqs)
            insert_rows(
                self._connection,
                "probabilities",
                [(seq, each.tobytes()) for seq, each in kept.items()],
            )
        self._write_examples(record, oldest)
        self._count_earlier_feedback(record.champion, challengers, labels_by_seq, kept)

    def _count_earlier_feedback(
        self,
        champion: ModelKey,
        challengers: list[int],
        labels_by_seq: dict[int, Labels],
        probabilities_by_seq: dict[int, StoredProbabilities],
    ) -> None:
        """Counts true labels that came before the shadows of their predictions."""
        first_seq = min(labels_by_seq, default=0)
        last_seq = max(labels_by_seq, default=-1)
        found = self._execute(_READ_EARLIER_FEEDBACK, (first_seq, last_seq))

        for seq, row, true_label, told, n_rows, labels, stored in found.fetchall():
            if seq in labels_by_seq:
                kept = probabilities_by_seq.get(seq)
                named = group_keys.read_named(stored, row) if told is None else told
                self._outcomes.count_shadows(
                    seq=seq,
                    group_key=group_keys.find_key(seq, n_rows=n_rows, named=named),
                    champion=self._keys.find_model(champion),
                    champion_label=int(np.frombuffer(labels, LABEL_DTYPE)[row]),
                    challengers=challengers,
                    challenger_labels=labels_by_seq[seq][:, row].tolist(),
                    probabilities=None if kept is None else kept[:, row],
                    true_label=true_label,
                )

    def _write_examples(self, record: ShadowRecord, oldest: int) -> None:
        if not self._max_examples:
            return

        task = self._keys.find_task(record.champion.task)
        for prediction_id, row, inputs in record.examples:
            found = self._execute(
                "SELECT seq FROM predictions WHERE id = ?", (prediction_id,)
            ).fetchone()
            if found is not None and found[0] >= oldest:
                self._execute(
                    "INSERT INTO examples VALUES (?, ?, ?, ?)",
                    (found[0], row, task, inputs),
                )

        if record.examples:
            self._execute(_DELETE_OLD_EXAMPLES, (task, task, self._max_examples - 1))


def _split_by_prediction(
    values: NDArray[Any], record: ShadowRecord, seqs: list[int]
) -> dict[int, NDArray[Any]]:
    """Returns the values `(n_models, n_rows, ...)` of each prediction in the file, by its `seq`."""
    by_seq = {}
    start = 0

    for seq, n_rows in zip(seqs, record.row_counts, strict=True):
        if seq >= 0:
            by_seq[seq] = values[:, start : start + n_rows]
        start += n_rows

    return by_seq
