"""The journal's thread writes predictions, for which no request waits, and feedback, for which one does.

What is given within some milliseconds is committed together. A prediction that finds the queue full, or a file that
cannot be written to, is dropped and counted: its answer goes out all the same. Feedback is accepted when it is
committed to the file that the path names, and refused otherwise.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from time import monotonic

from service.errors import NotFound, Overloaded, VeredictoError
from service.execution.live_metrics import JournalMetrics
from service.live.journal import waiting_records
from service.live.journal.prediction_ids import PredictionIds
from service.live.journal.records import (
    Costs,
    FeatureCounts,
    FeedbackRecord,
    GroupKeys,
    Labels,
    ModelKey,
    PredictionRecord,
    Probabilities,
    Record,
    ShadowRecord,
)
from service.live.journal.shadows import MAX_EXAMPLES
from service.live.journal.storage.file import PreparedFile
from service.live.journal.storage.problems import JournalLost, JournalUnusable
from service.live.journal.waiting_records import WaitingFeedback, WaitingRecords
from service.live.journal.writable_file import WritableFile, advise

GATHER_S = 0.05
"""So long after the first record a batch is committed."""
FEEDBACK_GATHER_S = 0.01
"""It is committed sooner with feedback, since somebody waits for that."""
LOOK_S = 0.25
"""The file is looked at so often where nothing is to be written."""
PREDICTION_WAIT_S = 0.5
"""Feedback waits so long for its prediction, which another worker may have still in its queue."""
REFRESH_S = 1.0
OPEN_WAIT_S = 2.0
"""A journal is made without its file where opening that takes longer: the thread goes on trying."""

logger = logging.getLogger(__name__)


class Journal:
    """Takes records from any thread; `model_keys` are those of the classifiers that are served.

    With `fsync` feedback is accepted when the disk has it. `begun` is the file that the server began with. Whatever is
    wrong with the file, it is no error to make a journal. `costs` are by task.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_rows: int,
        model_keys: Sequence[ModelKey],
        fsync: bool = False,
        max_examples: int = MAX_EXAMPLES,
        begun: PreparedFile | None = None,
        costs: Mapping[str, Costs] | None = None,
    ) -> None:
        self.path = path
        self._model_keys = model_keys
        self._metrics = JournalMetrics()
        self._file = WritableFile(
            path,
            self._metrics,
            max_rows=max_rows,
            fsync=fsync,
            max_examples=max_examples,
            begun=begun,
            costs=costs,
        )

        self._waiting = WaitingRecords()
        self._take_id = PredictionIds().take

        self._wake = threading.Event()
        self._has_feedback = threading.Event()
        self._has_tried = threading.Event()
        self._closing = threading.Event()

        self._refreshed_s = -REFRESH_S
        self._outcomes = self._make_outcomes({})

        self._thread = threading.Thread(
            target=self._write_until_closed, name="veredicto-journal", daemon=True
        )
        self._thread.start()
        self._has_tried.wait(OPEN_WAIT_S)

    def serve(self, model_keys: Sequence[ModelKey]) -> None:
        """Takes other classifiers for those that are served, whose outcomes are told."""
        self._model_keys = model_keys

    def record_prediction(
        self,
        model_key: ModelKey,
        labels: Labels,
        group_keys: GroupKeys | None = None,
        probabilities: Probabilities | None = None,
    ) -> str:
        """Returns the id of a new prediction of labels `(n_rows,)`; it has one even where it cannot be kept."""
        prediction_id = self._take_id()
        self._waiting.add_prediction(
            PredictionRecord(
                prediction_id, model_key, labels, group_keys, probabilities
            )
        )
        if not self._wake.is_set():
            self._wake.set()

        return prediction_id

    def record_shadow(self, record: ShadowRecord) -> None:
        self._waiting.add(record)
        self._wake.set()

    def record_shed(self, task: str, n_rows: int) -> None:
        self._waiting.add_shed(task, n_rows)
        self._wake.set()

    def record_feature_counts(self, record: FeatureCounts) -> None:
        self._waiting.add(record)
        self._wake.set()

    def record_feedback(self, record: FeedbackRecord) -> Future[None]:
        """Returns a future that is done when the label is committed, or has the VeredictoError that refuses it.

        Raises Overloaded where too much feedback waits already, and where the file is lost.
        """
        problem = self._file.problem
        if isinstance(problem, JournalLost):
            self._metrics.refuse(1)
            raise Overloaded(f"feedback: the label is not stored{advise(problem)}")
        if self._closing.is_set():
            raise Overloaded("feedback: the label is not stored: the service stops")

        future: Future[None] = Future()
        give_up_s = monotonic() + PREDICTION_WAIT_S
        self._waiting.add_feedback(WaitingFeedback(record, future, give_up_s))
        self._has_feedback.set()
        self._wake.set()

        return future

    def count_waiting_feedback(self) -> int:
        """Returns how many labels are not committed yet."""
        return self._waiting.count_feedback()

    def check_readable(self) -> None:
        """Raises Overloaded where the path does not name a file that can be trusted."""
        self._file.check_readable()

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

    def _write_until_closed(self) -> None:
        self._write_carefully()
        self._has_tried.set()

        while not self._closing.is_set():
            if self._wake.wait(LOOK_S) and self._has_feedback.wait(GATHER_S):
                self._closing.wait(FEEDBACK_GATHER_S)

            self._has_feedback.clear()
            self._wake.clear()
            self._write_carefully()

        self._write_carefully()
        _, feedback = self._waiting.take()
        waiting_records.refuse(feedback, ", try again: the service stops")
        self._file.close()

    def _write_carefully(self) -> None:
        """Writes a batch; the thread outlives a defect of counting, say, when everything has been written."""
        try:
            self._write_batch()
        except Exception:
            logger.exception("a defect in the journal")

    def _write_batch(self) -> None:
        """Writes all that waits in one transaction, or nothing of it; where nothing waits it looks at the file."""
        records, feedback = self._waiting.take()

        try:
            results = self._file.write([*records, *(each.record for each in feedback)])
        except JournalUnusable as problem:
            self._file.report(problem)
            self._waiting.count_unwritten(records)
            self._metrics.refuse(waiting_records.refuse(feedback, advise(problem)))
        except Exception:  # whatever it is: answers go out all the same
            logger.exception("a defect in the journal")
            self._waiting.count_unwritten(records)
            waiting_records.refuse(feedback, ", try again: a defect of the service")
        else:
            self._answer_feedback(feedback, results)
            self._count_written(records, results)
            if records or True in results:
                self._file.report_recovery()
        finally:
            self._waiting.end()

        self._metrics.show_dropped(self._waiting.n_dropped)
        self._refresh_outcomes()

    def _answer_feedback(
        self,
        feedback: list[WaitingFeedback],
        results: Sequence[VeredictoError | bool],
    ) -> None:
        """Ends the futures, but for feedback whose prediction may still come: that waits for the next batch."""
        again = []

        for each, result in zip(feedback, results, strict=True):
            may_come = monotonic() < each.give_up_s and not self._closing.is_set()
            if isinstance(result, NotFound) and may_come:
                again.append(each)
            elif isinstance(result, VeredictoError):
                each.future.set_exception(result)
            else:
                each.future.set_result(None)

        if again:
            self._waiting.add_feedback_again(again)
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

    def _refresh_outcomes(self) -> None:
        """Reads the outcomes once a second, and at the end."""
        if monotonic() - self._refreshed_s < REFRESH_S and not self._closing.is_set():
            return

        self._refreshed_s = monotonic()
        found = self._file.read_outcomes()
        if found is None:
            return

        self._outcomes = self._make_outcomes(found)

    def _make_outcomes(
        self, found: Mapping[tuple[str, str], tuple[int, int]]
    ) -> dict[str, dict[str, tuple[int, int]]]:
        outcomes: dict[str, dict[str, tuple[int, int]]] = {}
        for each in self._model_keys:
            of_model = found.get((each.name, each.version), (0, 0))
            outcomes.setdefault(each.task, {})[each.name] = of_model

        return outcomes
