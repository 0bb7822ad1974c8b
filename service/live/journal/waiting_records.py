"""Records wait for the journal here, bounded in bytes of memory however long the file cannot be written."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from typing import NamedTuple

from service.errors import Overloaded
from service.live.journal.records import (
    FeatureCounts,
    FeedbackRecord,
    LostRows,
    PredictionRecord,
    Record,
    ShadowRecord,
)

MAX_WAITING_BYTES = 16 * 1024 * 1024
"""Predictions, shadows and counts that wait or are being written take no more: 30,000 predictions of one row."""
MAX_SHARED_BYTES = 1024 * 1024
"""Of more than this labels are copied: those of a run hold what onnxruntime made of it, 2 kB for a row."""
MAX_WAITING_FEEDBACK = 10_000
MAX_LABEL_BYTES = 4 * 1024 * 1024
"""The texts of labels that wait take no more."""
_RECORD_BYTES = 500
"""A record takes so much beside its arrays."""

Writable = PredictionRecord | ShadowRecord | FeatureCounts


class WaitingFeedback(NamedTuple):
    """Feedback whose future is not done; after `give_up_s` (monotonic) its prediction is not waited for."""

    record: FeedbackRecord
    future: Future[None]
    give_up_s: float


class WaitingRecords:
    """Takes records from any thread, for the one thread that writes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Writable] = []
        self._n_bytes = 0
        self._n_bytes_being_written = 0
        self._feedback: list[WaitingFeedback] = []
        self._n_label_bytes = 0
        self._n_feedback_being_written = 0
        self._shed_rows = Counter[str]()
        self._dropped_rows = Counter[str]()
        self.n_dropped = 0

    def add_prediction(self, record: PredictionRecord) -> None:
        """Keeps a prediction until it is taken, or drops and counts it where there is no room."""
        n_bytes = _RECORD_BYTES + record.labels.nbytes
        if record.group_keys is not None:
            n_bytes += record.group_keys.nbytes
        if record.probabilities is not None:
            n_bytes += record.probabilities.nbytes
        with self._lock:
            if self._n_bytes + n_bytes > MAX_WAITING_BYTES and self._n_bytes:
                self._drop(record)
            else:
                if self._n_bytes > MAX_SHARED_BYTES:
                    record = _copy(record)
                self._records.append(record)
                self._n_bytes += n_bytes

    def add(self, record: ShadowRecord | FeatureCounts) -> None:
        """Keeps a record until it is taken, or leaves it out where there is no room."""
        n_bytes = _count_bytes(record)
        with self._lock:
            if self._n_bytes + n_bytes <= MAX_WAITING_BYTES or not self._n_bytes:
                self._records.append(record)
                self._n_bytes += n_bytes

    def add_shed(self, task: str, n_rows: int) -> None:
        """Counts rows that a shadow did not run."""
        with self._lock:
            self._shed_rows[task] += n_rows

    def add_feedback(self, feedback: WaitingFeedback) -> None:
        """Keeps feedback until it is taken; raises Overloaded where there is no room."""
        n_bytes = len(feedback.record.label)
        with self._lock:
            n_waiting = len(self._feedback)
            n_label_bytes = self._n_label_bytes + n_bytes
            is_full = n_waiting >= MAX_WAITING_FEEDBACK
            if is_full or (n_waiting and n_label_bytes > MAX_LABEL_BYTES):
                raise Overloaded(
                    f"feedback: {n_waiting} labels wait to be stored already: try again"
                )
            self._feedback.append(feedback)
            self._n_label_bytes = n_label_bytes

    def add_feedback_again(self, feedback: list[WaitingFeedback]) -> None:
        """Puts feedback that was taken before all that came since."""
        with self._lock:
            self._feedback = feedback + self._feedback

    def count_feedback(self) -> int:
        """Returns how many labels are not committed yet."""
        return len(self._feedback) + self._n_feedback_being_written

    def take(self) -> tuple[list[Record], list[WaitingFeedback]]:
        """Returns what waits, without the feedback whose future was cancelled; its bytes count until `end`."""
        with self._lock:
            records: list[Record] = list(self._records)
            self._records = []
            self._n_bytes_being_written = self._n_bytes
            feedback = self._feedback
            self._feedback = []
            self._n_feedback_being_written = len(feedback)
            lost_rows = self._take_lost_rows()

        return [*records, *lost_rows], [
            each for each in feedback if _start(each.future)
        ]

    def end(self) -> None:
        """Says that what was taken is written, dropped or added again."""
        with self._lock:
            self._n_bytes -= self._n_bytes_being_written
            self._n_bytes_being_written = 0
            self._n_feedback_being_written = 0
            self._n_label_bytes = sum(len(each.record.label) for each in self._feedback)

    def count_unwritten(self, records: list[Record]) -> None:
        """Counts predictions that were taken and cannot be written; counts of lost rows are tried again."""
        with self._lock:
            for record in records:
                if isinstance(record, PredictionRecord):
                    self._drop(record)
                elif isinstance(record, LostRows):
                    self._shed_rows[record.task] += record.n_shed
                    self._dropped_rows[record.task] += record.n_dropped

    def _drop(self, record: PredictionRecord) -> None:
        """Counts a prediction that is not kept; the caller holds the lock."""
        self._dropped_rows[record.model_key.task] += len(record.labels)
        self.n_dropped += len(record.labels)

    def _take_lost_rows(self) -> list[LostRows]:
        tasks = self._shed_rows.keys() | self._dropped_rows.keys()
        lost_rows = [
            LostRows(task, self._shed_rows[task], self._dropped_rows[task])
            for task in sorted(tasks)
        ]
        self._shed_rows = Counter()
        self._dropped_rows = Counter()

        return lost_rows


def refuse(feedback: list[WaitingFeedback], advice: str) -> int:
    """Ends the futures with Overloaded, and returns how many were not ended before; `advice` ends its sentence."""
    error = Overloaded(f"feedback: the label is not stored{advice}")
    n_refused = 0

    for each in feedback:
        if not each.future.done() and _start(each.future):
            each.future.set_exception(error)
            n_refused += 1

    return n_refused


def _start(future: Future[None]) -> bool:
    """Returns False where the future was cancelled; otherwise it cannot be any more."""
    return future.running() or future.set_running_or_notify_cancel()


def _copy(record: PredictionRecord) -> PredictionRecord:
    """Returns a record that keeps nothing of the run; to take the highest of a row here took 3 us of its request."""
    probabilities = record.probabilities
    if probabilities is not None:
        probabilities = probabilities.copy()

    return record._replace(labels=record.labels.copy(), probabilities=probabilities)


def _count_bytes(record: ShadowRecord | FeatureCounts) -> int:
    if isinstance(record, FeatureCounts):
        return _RECORD_BYTES + record.counts.nbytes

    n_examples_bytes = sum(len(each.inputs) for each in record.examples)
    n_ids = len(record.prediction_ids)
    n_arrays_bytes = record.labels.nbytes
    if record.confidences is not None:
        n_arrays_bytes += record.confidences.nbytes
    if record.probabilities is not None:
        n_arrays_bytes += record.probabilities.nbytes
    return _RECORD_BYTES + n_arrays_bytes + n_examples_bytes + 100 * n_ids
