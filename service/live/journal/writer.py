"""The journal's thread: it writes predictions, for which no request waits, and feedback, for which one does.

What is given within some milliseconds is committed together. A prediction that finds the queue full, or a file that
cannot be written to, is dropped and counted: its answer goes out all the same. Feedback is accepted when it is
committed, and refused otherwise.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from base64 import urlsafe_b64encode
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from os import urandom
from pathlib import Path
from time import monotonic, time
from typing import NamedTuple

from service.errors import NotFound, Overloaded, VeredictoError
from service.execution.metrics import JournalMetrics
from service.live.journal import schema
from service.live.journal.records import (
    FeatureCounts,
    FeedbackRecord,
    Labels,
    LostRows,
    ModelKey,
    PredictionRecord,
    Record,
    ShadowRecord,
)
from service.live.journal.transaction import Transactions

GATHER_S = 0.05
"""So long after the first record a batch is committed."""
FEEDBACK_GATHER_S = 0.01
"""It is committed sooner with feedback, since somebody waits for that."""
PREDICTION_WAIT_S = 0.5
"""Feedback waits so long for its prediction, which another worker may have still in its queue."""
REFRESH_S = 1.0
MAX_WAITING_ROWS = 50_000
"""More rows of predictions do not wait to be written."""
MAX_WAITING_FEEDBACK = 10_000
_RANDOM_BYTES = 9
_IDS_AT_A_TIME = 64

logger = logging.getLogger(__name__)


class _WaitingFeedback(NamedTuple):
    """Feedback whose future is not done; after `give_up_s` (monotonic) its prediction is not waited for."""

    record: FeedbackRecord
    future: Future[None]
    give_up_s: float


class Journal:
    """Takes records from any thread; `model_keys` are the classifiers that are served, by name."""

    def __init__(
        self, path: Path, *, max_rows: int, model_keys: Mapping[str, ModelKey]
    ) -> None:
        self.path = path
        self._model_keys = model_keys
        self._connection = schema.connect(path)
        self._transactions = Transactions(self._connection, max_rows=max_rows)
        self._metrics = JournalMetrics()

        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._n_waiting_rows = 0
        self._feedback: list[_WaitingFeedback] = []
        self._n_feedback_being_written = 0
        self._dropped_rows = Counter[str]()
        self._n_dropped = 0
        self._ids: deque[str] = deque()

        self._wake = threading.Event()
        self._has_feedback = threading.Event()
        self._closing = threading.Event()

        self._is_broken = False
        self._refreshed_s = -REFRESH_S
        self._outcomes: dict[str, dict[str, tuple[int, int]]] = {}
        self._refresh_outcomes()

        self._thread = threading.Thread(
            target=self._write_until_closed, name="veredicto-journal", daemon=True
        )
        self._thread.start()

    def record_prediction(self, model_key: ModelKey, labels: Labels) -> str:
        """Returns the id of a new prediction of labels `(n_rows,)`; it has one even where it cannot be kept."""
        prediction_id = self._make_id()
        record = PredictionRecord(prediction_id, model_key, labels)
        self._enqueue(record, n_rows=len(labels))
        return prediction_id

    def record_shadow(self, record: ShadowRecord) -> None:
        self._enqueue(record, n_rows=0)

    def record_shed(self, task: str, n_rows: int) -> None:
        self._enqueue(LostRows(task, n_shed=n_rows, n_dropped=0), n_rows=0)

    def record_feature_counts(self, record: FeatureCounts) -> None:
        self._enqueue(record, n_rows=0)

    def record_feedback(self, record: FeedbackRecord) -> Future[None]:
        """Returns a future that is done when the label is committed, or has the VeredictoError that refuses it.

        Raises Overloaded where too much feedback waits already.
        """
        future: Future[None] = Future()
        give_up_s = monotonic() + PREDICTION_WAIT_S

        with self._lock:
            n_waiting = len(self._feedback)
            if n_waiting >= MAX_WAITING_FEEDBACK or self._closing.is_set():
                raise Overloaded(
                    f"feedback: {n_waiting} labels wait to be stored already: try again"
                )
            self._feedback.append(_WaitingFeedback(record, future, give_up_s))

        self._has_feedback.set()
        self._wake.set()

        return future

    def count_waiting_feedback(self) -> int:
        """Returns how many labels are not committed yet."""
        return len(self._feedback) + self._n_feedback_being_written

    def outcomes(self, task: str) -> Mapping[str, tuple[int, int]]:
        """Returns how often each served classifier has been right and wrong, (0, 0) at first; about a second old."""
        if monotonic() - self._refreshed_s > REFRESH_S:
            self._wake.set()
        return self._outcomes.get(task, {})

    def close(self) -> None:
        """Writes what waits and ends the thread; feedback that cannot be written any more is refused."""
        self._closing.set()
        self._has_feedback.set()
        self._wake.set()
        self._thread.join()

    def _enqueue(self, record: Record, *, n_rows: int) -> None:
        with self._lock:
            if (
                self._n_waiting_rows
                and self._n_waiting_rows + n_rows > MAX_WAITING_ROWS
            ):
                if isinstance(record, PredictionRecord):
                    self._count_dropped(record)
                return

            self._records.append(record)
            self._n_waiting_rows += n_rows

        if not self._wake.is_set():
            self._wake.set()

    def _count_dropped(self, record: PredictionRecord) -> None:
        """Counts a prediction that is not kept; the caller holds the lock."""
        self._dropped_rows[record.model_key.task] += len(record.labels)
        self._n_dropped += len(record.labels)

    def _make_id(self) -> str:
        """Returns 16 random characters, so that nobody guesses another's id and no two workers make the same.

        An id begins with the time: ids of one time lie together in the file, and few of its pages change. Many are
        made at a time, which is cheaper.
        """
        while True:
            try:
                return self._ids.pop()
            except IndexError:
                seconds = (int(time()) % 2**24).to_bytes(3, "big")
                for _ in range(_IDS_AT_A_TIME):
                    made = urlsafe_b64encode(seconds + urandom(_RANDOM_BYTES))
                    self._ids.append(made.decode())

    def _write_until_closed(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            if self._has_feedback.wait(GATHER_S):
                self._closing.wait(FEEDBACK_GATHER_S)

            self._has_feedback.clear()
            self._wake.clear()

            try:
                self._write_batch()
            except Exception:  # of counting, say, when everything has been written
                logger.exception("a defect in the journal")

        self._write_batch()
        with self._lock:
            _refuse_feedback(self._feedback, "the service stops")

        self._connection.close()

    def _write_batch(self) -> None:
        """Writes all that waits in one transaction, or nothing of it."""
        records, feedback = self._take_batch()
        batch = [*records, *(each.record for each in feedback)]

        try:
            results = self._transactions.write(batch) if batch else []
        except Exception as error:  # whatever it is: answers go out all the same
            self._report_error(error)
            self._count_unwritten(records)
            known = isinstance(error, sqlite3.Error)
            reason = str(error) if known else "a defect of the service"
            _refuse_feedback(feedback, reason)
        else:
            self._answer_feedback(feedback, results)
            self._count_written(records, results)
            self._is_broken = self._is_broken and not records

        self._n_feedback_being_written = 0
        self._metrics.show_dropped(self._n_dropped)
        self._refresh_outcomes()

    def _take_batch(self) -> tuple[list[Record], list[_WaitingFeedback]]:
        """Returns what waits, without the feedback whose future was cancelled."""
        with self._lock:
            records = self._records
            self._records = []
            self._n_waiting_rows = 0
            feedback = self._feedback
            self._feedback = []
            self._n_feedback_being_written = len(feedback)
            dropped_rows = self._dropped_rows
            self._dropped_rows = Counter()

        for task, n_rows in dropped_rows.items():
            records.append(LostRows(task, n_shed=0, n_dropped=n_rows))

        return records, [each for each in feedback if _start(each.future)]

    def _answer_feedback(
        self,
        feedback: list[_WaitingFeedback],
        results: Sequence[VeredictoError | bool],
    ) -> None:
        """Ends the futures, but for feedback whose prediction may still come: that waits for the next batch."""
        waiting = []

        for each, result in zip(feedback, results, strict=True):
            may_come = monotonic() < each.give_up_s and not self._closing.is_set()
            if isinstance(result, NotFound) and may_come:
                waiting.append(each)
            elif isinstance(result, VeredictoError):
                each.future.set_exception(result)
            else:
                each.future.set_result(None)

        if waiting:
            with self._lock:
                self._feedback = waiting + self._feedback
            self._wake.set()

    def _count_written(
        self, records: list[Record], results: Sequence[VeredictoError | bool]
    ) -> None:
        n_written = 0
        for record in records:
            if isinstance(record, PredictionRecord):
                n_written += len(record.labels)

        n_accepted = sum(result is True for result in results)
        self._metrics.add(written=n_written, accepted=n_accepted)

    def _count_unwritten(self, records: list[Record]) -> None:
        """Counts predictions that have not been written; counts of lost rows are tried again."""
        with self._lock:
            for record in records:
                if isinstance(record, PredictionRecord):
                    self._count_dropped(record)
                elif isinstance(record, LostRows):
                    self._dropped_rows[record.task] += record.n_dropped
                    if record.n_shed:
                        self._records.append(record._replace(n_dropped=0))

    def _report_error(self, error: Exception) -> None:
        """Logs the first error of several, with a traceback where it is not SQLite's."""
        if not self._is_broken:
            logger.error(
                "predictions are dropped: the journal cannot be written: %s",
                error,
                exc_info=not isinstance(error, sqlite3.Error),
            )
        self._is_broken = True

    def _refresh_outcomes(self) -> None:
        """Reads the outcomes once a second, and at the end."""
        if monotonic() - self._refreshed_s < REFRESH_S and not self._closing.is_set():
            return

        self._refreshed_s = monotonic()

        try:
            self._transactions.narrow_bounds()
            found = self._transactions.read_outcomes()
        except Exception as error:  # the last ones are still true enough
            self._report_error(error)
            return

        outcomes: dict[str, dict[str, tuple[int, int]]] = {}

        for each in self._model_keys.values():
            of_model = found.get((each.name, each.version), (0, 0))
            outcomes.setdefault(each.task, {})[each.name] = of_model

        self._outcomes = outcomes


def _start(future: Future[None]) -> bool:
    """Returns False where the future was cancelled; otherwise it cannot be any more."""
    return future.running() or future.set_running_or_notify_cancel()


def _refuse_feedback(feedback: list[_WaitingFeedback], reason: str) -> None:
    error = Overloaded(f"feedback: the label is not stored, try again: {reason}")
    for each in feedback:
        if not each.future.done() and _start(each.future):
            each.future.set_exception(error)
