"""These are the data plane's counts for Prometheus, which BentoML's `/metrics` shows summed over its workers.

Writing a value that several processes share costs system calls, several for each request. So requests are counted in
plain numbers and the shared values follow ten times a second, and whenever this worker is scraped.
"""

from __future__ import annotations

import asyncio
import re
import threading
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary, WeakSet

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

from service.errors import VeredictoError
from service.execution import allocated_file, gauges, metric_files
from service.execution.live_metrics import SHADOW_ROWS
from service.execution.retired_series import RetiredSeries
from service.execution.run import RunRecord
from service.models.graph import Graph
from service.models.model_statistics import Statistics

FLUSH_S = 0.1
"""A worker that is killed loses the counts of this time at most."""
FLUSH_LIMIT_S = 0.05
"""A scrape in another thread waits so long for the event loop to flush, and shows what there is where that is busy."""
BOUNDS_S = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
)

allocated_file.install()


class TalliedHistogram(Histogram):
    """This histogram also takes observations that are already counted by bucket."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Adds `counts`, the new observations of each bucket, and `total`, their sum."""
        for bucket, count in enumerate(counts):
            if count:
                self._buckets[bucket].inc(count)
        self._sum.inc(total)


_requests = Counter(
    "veredicto_requests", "Requests answered by the data plane", ["route", "status"]
)
_seconds = TalliedHistogram(
    "veredicto_request_seconds",
    "Seconds from a request's arrival to its answer, reading the body included",
    ["route"],
    buckets=BOUNDS_S,
)


_MODEL = ["model", "version"]
_failures = Counter(
    "veredicto_model_failure",
    "Requests for a model that were not answered",
    [*_MODEL, "reason"],
)
_counts = {
    "succeeded": Counter(
        "veredicto_model_success", "Requests that a model answered", _MODEL
    ),
    "rows": Counter(
        "veredicto_model_rows", "Rows or images that a model answered", _MODEL
    ),
    "executions": Counter(
        "veredicto_model_executions",
        "Runs of a model, each for one request or several",
        _MODEL,
    ),
}
_phases = {
    "success_ns": Counter(
        "veredicto_model_request_seconds",
        "Seconds of answered requests, from end to end",
        _MODEL,
    ),
    "queue_ns": Counter(
        "veredicto_model_queue_seconds", "Seconds of waiting for a run", _MODEL
    ),
    "input_ns": Counter(
        "veredicto_model_compute_input_seconds", "Seconds of reading requests", _MODEL
    ),
    "infer_ns": Counter(
        "veredicto_model_compute_infer_seconds", "Seconds of running the model", _MODEL
    ),
    "output_ns": Counter(
        "veredicto_model_compute_output_seconds", "Seconds of writing answers", _MODEL
    ),
}


class ModelMetrics:
    """These metrics move the growth of all graphs' statistics to `/metrics`; only the event loop changes them."""

    def __init__(self, models: Iterable[Graph]) -> None:
        self._models = models
        """These are asked again at each flush, since models come and go."""
        self._shown: WeakKeyDictionary[Graph, _ExportedStatistics] = WeakKeyDictionary()
        self._is_due = False
        self._retired = RetiredSeries(
            (_failures, *_counts.values(), *_phases.values()), (SHADOW_ROWS,)
        )
        _model_metrics.add(self)

    def succeed(self, records: Sequence[RunRecord], seconds: float) -> None:
        """Counts an answer for each graph that had a part in it."""
        total_ns = int(seconds * 1e9)
        for graph, times in records:
            graph.statistics.succeed(times, total_ns)
        self._flush_soon()

    def fail(self, error: VeredictoError, seconds: float) -> None:
        """Counts an error for the graph that the request was for, where it got that far."""
        if error.model is not None:
            error.model.statistics.fail(_reason(error), int(seconds * 1e9))
            self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Moves what the statistics have grown by to the values that `/metrics` shows."""
        self._is_due = False
        for each in self._models:
            if each not in self._shown:
                self._shown[each] = _ExportedStatistics()
        for graph, shown in list(self._shown.items()):
            # Of 2,000 graphs few were asked since the last time; to compare all values took 8 ms of the event loop.
            if graph.statistics.n_changes != shown.n_changes:
                shown.grow((graph.name, graph.version), graph.statistics)
        self._retired.look((each.name, each.version) for each in self._models)


class _ExportedStatistics:
    """This is what `/metrics` shows of a graph's statistics already."""

    def __init__(self) -> None:
        self.n_changes = 0
        self._values = dict.fromkeys((*_counts, *_phases), 0)
        self._failures: Tally[str] = Tally()

    def grow(self, labels: tuple[str, str], statistics: Statistics) -> None:
        """Writes only the values that have changed."""
        self.n_changes = statistics.n_changes
        for counters, unit in ((_counts, 1.0), (_phases, 1e9)):
            for field, counter in counters.items():
                value = getattr(statistics, field)
                if value != self._values[field]:
                    counter.labels(*labels).inc((value - self._values[field]) / unit)
                    self._values[field] = value
        for reason, count in (statistics.failed - self._failures).items():
            _failures.labels(*labels, reason).inc(count)
            self._failures[reason] += count


_model_metrics: WeakSet[ModelMetrics] = WeakSet()


class RouteMetrics:
    """These are the counts of one route of ours, never of a path that a client made up.

    A status is HTTP's number or gRPC's name.
    """

    def __init__(self, route: str) -> None:
        self.route = route
        self._histogram = _seconds.labels(route)
        self._start()
        _routes.append(self)

    def record(self, status: int | str, seconds: float) -> None:
        """Counts one reply of a status after these seconds; only the event loop may call it."""
        if not self._statuses:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self._total_s += seconds

    def flush(self) -> None:
        """Moves what was counted to the values that `/metrics` shows."""
        if not self._statuses:
            return

        for status, count in self._statuses.items():
            _requests.labels(self.route, str(status)).inc(count)
        self._histogram.add(self._buckets, self._total_s)
        self._start()

    def _start(self) -> None:
        self._statuses: dict[int | str, int] = {}
        self._buckets = [0] * (len(BOUNDS_S) + 1)
        self._total_s = 0.0


_routes: list[RouteMetrics] = []


def flush() -> None:
    """Moves all that was counted to the values that `/metrics` shows; only the event loop may call it."""
    for each in _routes:
        each.flush()
    for models in list(_model_metrics):
        models.flush()


class Flusher:
    """The flusher moves the last counts when the server ends, and meanwhile for scrapes in other threads."""

    _loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Remembers the event loop, whose counts these are."""
        type(self)._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Moves the last counts."""
        type(self)._loop = None
        flush()

    @classmethod
    def request(cls) -> None:
        """Lets the event loop flush, from whichever thread, and waits for it a moment."""
        loop = cls._loop
        if loop is None:
            flush()
            return

        done = threading.Event()

        def flush_there() -> None:
            flush()
            gauges.refresh()
            done.set()

        try:
            loop.call_soon_threadsafe(flush_there)
        except RuntimeError:
            # The loop has ended, and has flushed.
            return
        done.wait(FLUSH_LIMIT_S)


def render_metrics() -> bytes:
    """Returns all metrics as text; any thread but the event loop's may call it."""
    Flusher.request()
    folder = metric_files.find_folder()
    if folder is None:
        return generate_latest(REGISTRY)

    registry = CollectorRegistry()
    registry.register(metric_files.SummingCollector(folder))

    return generate_latest(registry)


def _reason(error: VeredictoError) -> str:
    """Returns an error's name as a word for metrics: InvalidRequest becomes invalid_request."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", type(error).__name__).lower()
