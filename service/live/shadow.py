"""Shadows say what challengers would have answered, after the champion's answer has gone out and never in its way.

One thread of lower priority runs what has gathered, many rows together, and rests for three times as long as it
worked. It sheds load, and counts it: rows that come while too many wait already, or while the server is busy.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np

from service.execution.live_metrics import ShadowMetrics
from service.execution.processors import LOW_PRIORITY, lower_priority
from service.live.challengers import ShadowDeployment, make_model_key
from service.live.journal.records import (
    MAX_CLASSES,
    NO_ANSWER,
    Labels,
    Probabilities,
    ShadowRecord,
    encode_probabilities,
)
from service.live.journal.writer import Journal
from service.live.shadow_batch import (
    WaitingPrediction,
    classify,
    count_bytes,
    find_examples,
    fits,
    join_probabilities,
)
from service.models.model import Inputs, Model

GATHER_S = 0.25
"""So long predictions gather: a run of many rows costs little more than a run of one."""
REST_RATIO = 3.0
"""The thread rests so many times as long as it worked, so that it takes a quarter of one processor at most."""
MAX_WAITING_ROWS = 2_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Inputs that wait take no more memory."""
MAX_IN_FLIGHT = 8
"""The server has no time to spare where more requests than these are in flight, whose models take their time."""
MAX_LOAD = 0.7
"""It has none either where the event loop, which answers small requests, or all processors are busier than this."""

logger = logging.getLogger(__name__)


class Shadow:
    """Runs the challengers of all deployments of one process, which are by the champion's name.

    `count_in_flight` and `measure_load` (from 0 to 1) are to be replaced by those of the server.
    """

    def __init__(
        self, deployments: Mapping[str, ShadowDeployment], journal: Journal
    ) -> None:
        self.count_in_flight: Callable[[], int] = lambda: 0
        self.measure_load: Callable[[], float] = lambda: 0.0
        self._deployments = deployments
        self._journal = journal
        self._metrics = ShadowMetrics()

        self._lock = threading.Lock()
        self._waiting: deque[WaitingPrediction] = deque()
        self._n_rows = 0
        self._n_bytes = 0
        self._shed_rows = Counter[str]()

        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run_until_closed, name="veredicto-shadow", daemon=True
        )
        self._thread.start()

    def deploy(self, deployments: Mapping[str, ShadowDeployment]) -> None:
        """Takes other deployments from here on; what waits is run as it was meant."""
        self._deployments = deployments

    def offer(
        self,
        prediction_id: str,
        model: Model,
        inputs: Inputs,
        labels: Labels,
        probabilities: Probabilities | None = None,
    ) -> None:
        """Takes a prediction if its model is a champion; sheds it where there is no room or the server is busy."""
        deployment = self._deployments.get(model.name)
        if deployment is None or deployment.champion is not model:
            return

        n_rows = len(labels)
        n_bytes = count_bytes(inputs)
        is_busy = self.count_in_flight() > MAX_IN_FLIGHT
        kept = None
        if probabilities is not None and probabilities.shape[1] <= MAX_CLASSES:
            kept = encode_probabilities(probabilities)

        with self._lock:
            is_full = (
                self._n_rows + n_rows > MAX_WAITING_ROWS
                or self._n_bytes + n_bytes > MAX_WAITING_BYTES
            )
            if is_busy or is_full:
                self._shed_rows[model.card.task] += n_rows
            else:
                self._waiting.append(
                    WaitingPrediction(prediction_id, deployment, inputs, labels, kept)
                )
                self._n_rows += n_rows
                self._n_bytes += n_bytes

        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Ends the thread after the run that it is at; what waits is shed."""
        self._closing.set()
        self._wake.set()
        self._thread.join()
        self._shed_waiting()
        self._report_shed()

    def _run_until_closed(self) -> None:
        lower_priority(LOW_PRIORITY)

        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(GATHER_S)
            self._wake.clear()

            while not self._closing.is_set() and (batch := self._take_batch()):
                started_s = perf_counter()
                try:
                    self._run_challengers(batch)
                except Exception:
                    champion = batch[0].deployment.champion.name
                    logger.exception("a defect in the shadow of %s", champion)

                self._closing.wait(REST_RATIO * (perf_counter() - started_s))

            self._report_shed()

    def _take_batch(self) -> list[WaitingPrediction]:
        """Returns predictions of one champion, as many as are run together; none where nothing waits or load is shed.

        The load is measured before each batch: requests that come without end keep the thread running.
        """
        if self.measure_load() > MAX_LOAD:
            self._shed_waiting()

        batch: list[WaitingPrediction] = []
        n_rows = 0

        with self._lock:
            while self._waiting and fits(batch, n_rows, self._waiting[0]):
                taken = self._waiting.popleft()
                batch.append(taken)
                n_rows += len(taken.labels)
                self._n_rows -= len(taken.labels)
                self._n_bytes -= count_bytes(taken.inputs)

        return batch

    def _run_challengers(self, batch: list[WaitingPrediction]) -> None:
        deployment = batch[0].deployment
        requests = [each.inputs for each in batch]
        found = [classify(model, requests) for model in deployment.challengers]
        labels = np.stack([each for each, _ in found])

        for model, of_model in zip(deployment.challengers, labels, strict=True):
            n_answered = int((of_model != NO_ANSWER).sum())
            self._metrics.add_rows(model.name, model.version, n_answered)

        self._journal.record_shadow(
            ShadowRecord(
                prediction_ids=[each.prediction_id for each in batch],
                row_counts=[len(each.labels) for each in batch],
                champion=make_model_key(deployment.champion),
                challengers=deployment.challenger_keys,
                labels=labels,
                examples=find_examples(batch, labels),
                confidences=np.stack([each.max(axis=1) for _, each in found]),
                probabilities=join_probabilities(batch, found),
            )
        )

    def _shed_waiting(self) -> None:
        """Sheds all that waits."""
        with self._lock:
            for each in self._waiting:
                self._shed_rows[each.deployment.champion.card.task] += len(each.labels)
            self._waiting.clear()
            self._n_rows = 0
            self._n_bytes = 0

    def _report_shed(self) -> None:
        """Adds what was shed to the metrics and to the journal's counts."""
        with self._lock:
            shed_rows = self._shed_rows
            self._shed_rows = Counter()

        for task, n_rows in shed_rows.items():
            self._metrics.add_shed(task, n_rows)
            self._journal.record_shed(task, n_rows)
