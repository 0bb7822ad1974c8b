"""Shadows say what challengers would have answered, after the champion's answer has gone out and never in its way.

One thread of lower priority runs what has gathered, many rows together, and rests for three times as long as it
worked. It sheds load, and counts it: rows that come while too many wait already, or while the server is busy.
"""

from __future__ import annotations

import logging
import threading
from base64 import b64encode
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Mapping
from itertools import accumulate
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.contract import codec
from service.contract.requests import Row
from service.errors import VeredictoError
from service.execution.live_metrics import ShadowMetrics
from service.execution.processors import LOW_PRIORITY, lower_priority
from service.live.challengers import ShadowDeployment, make_model_key
from service.live.journal.records import (
    MAX_CLASSES,
    NO_ANSWER,
    Labels,
    Probabilities,
    ShadowExample,
    ShadowRecord,
    StoredProbabilities,
    encode_probabilities,
)
from service.live.journal.writer import Journal
from service.models.images import encode_png
from service.models.model import Inputs, Model

GATHER_S = 0.25
"""So long predictions gather: a run of many rows costs little more than a run of one."""
REST_RATIO = 3.0
"""The thread rests so many times as long as it worked, so that it takes a quarter of one processor at most."""
MAX_WAITING_ROWS = 2_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Inputs that wait take no more memory."""
ROWS_AT_A_TIME = 256
IMAGES_AT_A_TIME = 8
MAX_IN_FLIGHT = 8
"""The server has no time to spare where more requests than these are in flight, whose models take their time."""
MAX_LOAD = 0.7
"""It has none either where the event loop, which answers small requests, or all processors are busier than this."""
MAX_EXAMPLES = 32
"""A run keeps so many of its rows on which models disagree."""
MAX_IMAGE_BYTES = 1_000_000
"""An image is kept as a PNG of no more bytes."""
MAX_FEATURES = 100
"""The values of a row are kept where it has no more of them."""

logger = logging.getLogger(__name__)


class _WaitingPrediction(NamedTuple):
    """A champion's prediction that its challengers have not seen; `labels` are `(n_rows,)`.

    `probabilities` are `(n_rows, n_classes)` as the journal has them, None where they are not kept.
    """

    prediction_id: str
    deployment: ShadowDeployment
    inputs: Inputs
    labels: Labels
    probabilities: StoredProbabilities | None


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
        self._waiting: deque[_WaitingPrediction] = deque()
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
        n_bytes = _count_bytes(inputs)
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
                    _WaitingPrediction(prediction_id, deployment, inputs, labels, kept)
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

    def _take_batch(self) -> list[_WaitingPrediction]:
        """Returns predictions of one champion, as many as are run together; none where nothing waits or load is shed.

        The load is measured before each batch: requests that come without end keep the thread running.
        """
        if self.measure_load() > MAX_LOAD:
            self._shed_waiting()

        batch: list[_WaitingPrediction] = []
        n_rows = 0

        with self._lock:
            while self._waiting and _fits(batch, n_rows, self._waiting[0]):
                taken = self._waiting.popleft()
                batch.append(taken)
                n_rows += len(taken.labels)
                self._n_rows -= len(taken.labels)
                self._n_bytes -= _count_bytes(taken.inputs)

        return batch

    def _run_challengers(self, batch: list[_WaitingPrediction]) -> None:
        deployment = batch[0].deployment
        requests = [each.inputs for each in batch]
        found = [_classify(model, requests) for model in deployment.challengers]
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
                examples=_find_examples(batch, labels),
                confidences=np.stack([each.max(axis=1) for _, each in found]),
                probabilities=_join_probabilities(batch, found),
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


def _fits(
    batch: list[_WaitingPrediction], n_rows: int, following: _WaitingPrediction
) -> bool:
    """Returns True where a prediction may join a batch of `n_rows`; an empty batch takes any."""
    if not batch:
        return True
    if following.deployment is not batch[0].deployment:
        return False

    are_images = isinstance(following.inputs, list)
    max_rows = IMAGES_AT_A_TIME if are_images else ROWS_AT_A_TIME
    return n_rows + len(following.labels) <= max_rows


def _classify(
    model: Model, requests: list[Inputs]
) -> tuple[Labels, NDArray[np.float32]]:
    """Returns labels `(n_rows,)` and probabilities of all requests; if they fail together, each is asked alone."""
    try:
        labels, probabilities = model.run(_join_inputs(requests))
        return labels, probabilities
    except VeredictoError:
        if len(requests) == 1:
            n_rows = len(requests[0])
            nothing = np.zeros((n_rows, len(model.classes)), np.float32)
            return np.full(n_rows, NO_ANSWER), nothing

        found = [_classify(model, [each]) for each in requests]
        return (
            np.concatenate([labels for labels, _ in found]),
            np.concatenate([probabilities for _, probabilities in found]),
        )


def _join_probabilities(
    batch: list[_WaitingPrediction], found: list[tuple[Labels, Probabilities]]
) -> StoredProbabilities | None:
    """Returns those of the champion and its challengers, `(1 + n_challengers, n_rows, n_classes)`, if all are kept."""
    kept = [each.probabilities for each in batch if each.probabilities is not None]
    if len(kept) < len(batch):
        return None

    of_challengers = [encode_probabilities(each) for _, each in found]
    return np.stack([np.concatenate(kept), *of_challengers])


def _join_inputs(requests: list[Inputs]) -> Inputs:
    if isinstance(requests[0], list):
        return [image for images in requests for image in images]
    return np.concatenate([np.asarray(each) for each in requests])


def _find_examples(
    batch: list[_WaitingPrediction], labels: Labels
) -> list[ShadowExample]:
    """Returns the first rows on which a challenger disagrees with the champion, with values as a request has them."""
    champion_labels = np.concatenate([each.labels for each in batch])
    disagrees = (labels != champion_labels) & (labels != NO_ANSWER)
    places: list[int] = np.flatnonzero(disagrees.any(axis=0))[:MAX_EXAMPLES].tolist()
    starts = list(accumulate((len(each.labels) for each in batch), initial=0))
    examples = []

    for place in places:
        request = bisect_right(starts, place) - 1
        row = place - starts[request]
        inputs = codec.encode(_show_row(batch[request], row)).decode()
        examples.append(ShadowExample(batch[request].prediction_id, row, inputs))

    return examples


def _show_row(waiting: _WaitingPrediction, row: int) -> Row | None:
    """Returns a row's values as a request has them, None for a row or an image too large to be kept."""
    inputs = waiting.inputs
    if isinstance(inputs, list):
        png = encode_png(inputs[row])
        is_small = len(png) <= MAX_IMAGE_BYTES
        return {"b64": b64encode(png).decode()} if is_small else None
    if inputs.shape[1] > MAX_FEATURES:
        return None
    return waiting.deployment.champion.decode(inputs[row])


def _count_bytes(inputs: Inputs) -> int:
    if isinstance(inputs, list):
        return sum(image.nbytes for image in inputs)
    return inputs.nbytes
