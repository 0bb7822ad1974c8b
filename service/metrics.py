"""Counts of the data plane for Prometheus; BentoML's `/metrics` shows them, summed over its workers.

Writing a value that several processes share costs system calls, several for each request. So requests are
counted in plain numbers and the shared values follow once a second, and whenever this worker is scraped.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter as Tally

from prometheus_client import Counter, Histogram

FLUSH_S = 1.0
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class TalliedHistogram(Histogram):
    """A histogram that also takes observations already counted by bucket."""

    def add(self, tally: Tally[int], total: float) -> None:
        """`tally` has the new observations by bucket number, `total` is their sum."""
        for bucket, count in tally.items():
            self._buckets[bucket].inc(count)
        self._sum.inc(total)


_requests = Counter("veredicto_requests", "Requests answered by the data plane", ["route", "status"])
_seconds = TalliedHistogram(
    "veredicto_request_seconds",
    "Seconds from a request's arrival to its answer, reading the body included",
    ["route"],
    buckets=BOUNDS_S,
)


class RouteMetrics:
    """The counts of one route of the contract; never of a path that a client made up."""

    def __init__(self, route: str) -> None:
        self._route = route
        self._histogram = _seconds.labels(route)
        self._statuses: Tally[int] = Tally()
        self._buckets: Tally[int] = Tally()
        self._total_s = 0.0

    def record(self, status: int, seconds: float) -> None:
        """Called on the event loop."""
        if not self._statuses:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self._statuses[status] += 1
        self._buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self._total_s += seconds

    def flush(self) -> None:
        """Moves what was counted to the values that `/metrics` shows."""
        for status, count in self._statuses.items():
            _requests.labels(self._route, str(status)).inc(count)
        self._histogram.add(self._buckets, self._total_s)
        self._statuses, self._buckets, self._total_s = Tally(), Tally(), 0.0
