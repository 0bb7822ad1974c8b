"""One batch of records goes into the journal's file in one transaction, with the counts that follow from it.

The transaction that accepts a true label also counts how often each model was right, and how each challenger fared
against its champion. So it is counted once, whoever else writes, whatever ends the process, and however many of the
rows are deleted later.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from service.errors import VeredictoError
from service.live.journal.feature_counts import write_feature_counts
from service.live.journal.outcomes import Outcomes
from service.live.journal.predictions import Predictions
from service.live.journal.records import (
    Costs,
    FeatureCounts,
    FeedbackRecord,
    LostRows,
    PredictionRecord,
    Record,
    ShadowRecord,
)
from service.live.journal.shadows import MAX_EXAMPLES, Shadows
from service.live.journal.surrogate_keys import SurrogateKeys
from service.live.journal.true_labels import TrueLabels


class Transactions:
    """Writes through one connection; the file keeps the latest `max_rows` predictions, counted by rows.

    With `fsync` a transaction that has feedback waits for the disk, which then also has all that was written before.
    Tests are also by the `costs` of a task.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        max_rows: int,
        fsync: bool = False,
        max_examples: int = MAX_EXAMPLES,
        costs: Mapping[str, Costs] | None = None,
    ) -> None:
        self._connection = connection
        self._fsync = fsync
        self._waits_for_disk = False
        self._execute = connection.execute
        self._max_rows = max_rows
        self._keys = SurrogateKeys(connection)
        self._predictions = Predictions(connection, self._keys)
        self._outcomes = Outcomes(connection, self._keys, costs)
        self._true_labels = TrueLabels(connection, self._keys, self._outcomes)
        self._shadows = Shadows(
            connection,
            self._keys,
            self._predictions,
            self._outcomes,
            max_examples=max_examples,
        )
        self._forget_uncommitted()

    def write(self, records: Sequence[Record]) -> list[VeredictoError | bool]:
        """Writes all records or none; raises sqlite3.Error.

        It returns for each feedback True where its label is new, False where it was known, or the error that refuses
        it: NotFound where the prediction is not there, which may still come.
        """
        if self._fsync:
            self._wait_for_disk(records)

        try:
            with self._transaction():
                results = list(self._write_records(records))
                self._predictions.write_counts()
                self._outcomes.write()
                self._delete_oldest()
        except BaseException:
            self._forget_uncommitted()
            raise

        return results

    def read_outcomes(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Returns how often each model has been right and wrong, by name and version."""
        found = self._execute("SELECT name, version, right, wrong FROM models")
        return {
            (name, version): (right, wrong)
            for name, version, right, wrong in found.fetchall()
        }

    def _wait_for_disk(self, records: Sequence[Record]) -> None:
        """Lets the next transaction wait for the disk where feedback is among its records."""
        has_feedback = any(isinstance(each, FeedbackRecord) for each in records)
        if has_feedback != self._waits_for_disk:
            level = "FULL" if has_feedback else "NORMAL"
            self._execute(f"PRAGMA synchronous = {level}")
            self._waits_for_disk = has_feedback

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _write_records(
        self, records: Sequence[Record]
    ) -> Iterator[VeredictoError | bool]:
        """Writes in three rounds, since a shadow and a feedback belong to a prediction."""
        self._predictions.write(
            [record for record in records if isinstance(record, PredictionRecord)]
        )

        for record in records:
            if isinstance(record, ShadowRecord):
                self._shadows.write(record)
            elif isinstance(record, LostRows):
                self._write_lost_rows(record)
            elif isinstance(record, FeatureCounts):
                task = self._keys.find_task(record.task)
                write_feature_counts(self._connection, task, record)

        for record in records:
            if isinstance(record, FeedbackRecord):
                try:
                    yield self._true_labels.write(record)
                except VeredictoError as error:
                    yield error

    def _write_lost_rows(self, record: LostRows) -> None:
        task = self._keys.find_task(record.task)
        self._execute(
            "UPDATE tasks SET shed = shed + ?, dropped = dropped + ? WHERE number = ?",
            (record.n_shed, record.n_dropped, task),
        )

    def _delete_oldest(self) -> None:
        """Deletes whole predictions, the oldest first and never the newest, until there are not too many rows."""
        (n_kept,) = self._execute("SELECT sum(kept) FROM tasks").fetchone()
        n_excess = (n_kept or 0) - self._max_rows
        if n_excess <= 0:
            return

        (newest,) = self._execute("SELECT max(seq) FROM predictions").fetchone()
        deleted_rows = Counter[int]()
        last = None

        for seq, task, n_rows in self._execute(
            "SELECT seq, task, n_rows FROM predictions ORDER BY seq"
        ):
            if n_excess <= 0 or seq == newest:
                break
            n_excess -= n_rows
            deleted_rows[task] += n_rows
            last = seq

        for table in (
            "predictions",
            "shadows",
            "truths",
            "examples",
            "confidences",
            "probabilities",
        ):
            self._execute(f"DELETE FROM {table} WHERE seq <= ?", (last,))
        if last is not None:
            self._outcomes.delete_oldest(last)

        for task, n_rows in deleted_rows.items():
            self._execute(
                "UPDATE tasks SET kept = kept - ? WHERE number = ?", (n_rows, task)
            )

    def _forget_uncommitted(self) -> None:
        """Forgets keys and counts, as a transaction that fails must: what it added is not in the file."""
        self._keys.forget()
        self._predictions.forget()
        self._outcomes.forget()
