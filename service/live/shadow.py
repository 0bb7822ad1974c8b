"""What a champion's challengers would have answered, found out after the answer has gone out and never in its way.

One thread of lower priority runs what has gathered, many rows together, and rests for three times as long as it
worked. It lets go, and counts, what comes while too much waits already or the server is busy.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Mapping
from itertools import accumulate
from time import perf_counter
from typing import NamedTuple

import numpy as np

from service.contract import codec
from service.contract.requests import Row
from service.errors import VeredictoError
from service.execution.metrics import ShadowMetrics
from service.execution.processors import LOW_PRIORITY, lower_priority
from service.live.challengers import Lineup, name_source
from service.live.journal.records import NO_ANSWER, Labels, Shadowed
from service.live.journal.writer import Journal
from service.models.model import Inputs, Model

GATHER_S = 0.25
"""Runs of many rows cost little more than runs of one."""
REST = 3.0
"""Times the work: a quarter of one processor is the most that it takes."""
MOST_ROWS = 2_000
MOST_BYTES = 64 * 1024 * 1024
"""Of inputs that wait."""
ROWS_AT_A_TIME = 256
IMAGES_AT_A_TIME = 8
MOST_IN_FLIGHT = 8
"""Requests whose models take their time; the server has none to spare where there are more."""
MOST_BUSY = 0.7
"""Of the event loop's time, or of all processors', for the same reason: what is small is answered there."""
MOST_EXAMPLES = 4
"""Of the rows of a run on which models disagree."""
MOST_FEATURES = 100
"""Of a row whose values are kept."""

logger = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    id: str
    lineup: Lineup
    inputs: Inputs
    labels: Labels


class Shadow:
    """The runs of all lineups of one process, which are by the champion's name."""

    def __init__(self, lineups: Mapping[str, Lineup], journal: Journal) -> None:
        self.count_in_flight: Callable[[], int] = lambda: 0
        self.look_at_load: Callable[[], float] = lambda: 0.0
        self._lineups = lineups
        self._journal = journal
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._n_rows = self._n_bytes = 0
        self._shed = Counter[str]()
        self._metrics = ShadowMetrics()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="veredicto-shadow", daemon=True
        )
        self._thread.start()

    def offer(self, number: str, model: Model, inputs: Inputs, labels: Labels) -> None:
        """A prediction that has been made; taken if its model is a champion and there is room."""
        lineup = self._lineups.get(model.name)
        if lineup is None:
            return

        n_rows = len(labels)
        n_bytes = _count_bytes(inputs)
        is_busy = self.count_in_flight() > MOST_IN_FLIGHT

        with self._lock:
            if (
                is_busy
                or self._n_rows + n_rows > MOST_ROWS
                or self._n_bytes + n_bytes > MOST_BYTES
            ):
                self._shed[model.card.task] += n_rows
            else:
                self._waiting.append(_Waiting(number, lineup, inputs, labels))
                self._n_rows += n_rows
                self._n_bytes += n_bytes

        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Ends the thread after the run that it is at; what waits is let go."""
        self._closing.set()
        self._wake.set()
        self._thread.join()
        self._let_go()
        self._report_shed()

    def _work(self) -> None:
        lower_priority(LOW_PRIORITY)
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(GATHER_S)
            self._wake.clear()

            while not self._closing.is_set() and (chosen := self._take()):
                started = perf_counter()
                try:
                    self._run(chosen)
                except Exception:
                    logger.exception(
                        "a defect in the shadow of %s", chosen[0].lineup.champion.name
                    )

                self._closing.wait(REST * (perf_counter() - started))

            self._report_shed()

    def _let_go(self) -> None:
        """Of all that waits."""
        with self._lock:
            for each in self._waiting:
                self._shed[each.lineup.champion.card.task] += len(each.labels)
            self._waiting.clear()
            self._n_rows = self._n_bytes = 0

    def _take(self) -> list[_Waiting]:
        """What waits of one champion, as much as is run together: a request or more; nothing where much is to do."""
        if self.look_at_load() > MOST_BUSY:
            self._let_go()

        chosen: list[_Waiting] = []

        with self._lock:
            n_rows = 0
            while self._waiting and (
                not chosen or self._waiting[0].lineup is chosen[0].lineup
            ):
                following = self._waiting[0]
                most = (
                    IMAGES_AT_A_TIME
                    if isinstance(following.inputs, list)
                    else ROWS_AT_A_TIME
                )
                if chosen and n_rows + len(following.labels) > most:
                    break

                chosen.append(self._waiting.popleft())
                n_rows += len(following.labels)
                self._n_rows -= len(following.labels)
                self._n_bytes -= _count_bytes(following.inputs)

        return chosen

    def _run(self, chosen: list[_Waiting]) -> None:
        lineup = chosen[0].lineup
        labels = np.stack(
            [
                _classify(model, [each.inputs for each in chosen])
                for model in lineup.challengers
            ]
        )

        for model, answers in zip(lineup.challengers, labels, strict=True):
            self._metrics.add_rows(
                model.name, model.version, int((answers != NO_ANSWER).sum())
            )

        ids = [each.id for each in chosen]
        lengths = [len(each.labels) for each in chosen]
        examples = _find_examples(chosen, labels)
        champion = name_source(lineup.champion)
        self._journal.record_shadow(
            Shadowed(ids, lengths, champion, lineup.sources, labels, examples)
        )

    def _report_shed(self) -> None:
        with self._lock:
            shed = self._shed
            self._shed = Counter()
        for task, n_rows in shed.items():
            self._metrics.add_shed(task, n_rows)
            self._journal.record_shed(task, n_rows)


def _classify(model: Model, requests: list[Inputs]) -> Labels:
    """Labels `(n_rows,)` of all requests; if they fail together, each is asked alone."""
    try:
        joined: Inputs = (
            [image for images in requests for image in images]
            if isinstance(requests[0], list)
            else np.concatenate([np.asarray(each) for each in requests])
        )
        return model.run(joined)[0]
    except VeredictoError:
        if len(requests) == 1:
            return np.full(len(requests[0]), NO_ANSWER)
        return np.concatenate([_classify(model, [each]) for each in requests])


def _find_examples(
    chosen: list[_Waiting], labels: Labels
) -> list[tuple[str, int, str]]:
    """The first rows on which someone disagrees with the champion, with their values as a request would have them."""
    said = np.concatenate([each.labels for each in chosen])
    disagree: list[int] = np.flatnonzero(
        ((labels != said) & (labels != NO_ANSWER)).any(axis=0)
    )[:MOST_EXAMPLES].tolist()
    starts = list(accumulate((len(each.labels) for each in chosen), initial=0))
    examples = []

    for place in disagree:
        request = bisect_right(starts, place) - 1
        row = place - starts[request]
        examples.append(
            (
                chosen[request].id,
                row,
                codec.encode(_show(chosen[request], row)).decode(),
            )
        )

    return examples


def _show(waiting: _Waiting, row: int) -> Row | None:
    """None of an image, or of a row too long to be kept."""
    if isinstance(waiting.inputs, list) or waiting.inputs.shape[1] > MOST_FEATURES:
        return None
    return waiting.lineup.champion.decode(waiting.inputs[row])


def _count_bytes(inputs: Inputs) -> int:
    return (
        sum(image.nbytes for image in inputs)
        if isinstance(inputs, list)
        else inputs.nbytes
    )
