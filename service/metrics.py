"""Counts of the data plane for Prometheus; BentoML's `/metrics` shows them, summed over its workers."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_requests = Counter("veredicto_requests", "Requests answered by the data plane", ["route", "status"])
_seconds = Histogram(
    "veredicto_request_seconds",
    "Seconds from a request's arrival to its answer, reading the body included",
    ["route"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


class RouteMetrics:
    """The counts of one route of the contract; never of a path that a client made up."""

    def __init__(self, route: str) -> None:
        self._route = route
        self._observe = _seconds.labels(route).observe
        self._count = {200: _requests.labels(route, "200").inc}

    def record(self, status: int, seconds: float) -> None:
        if status not in self._count:
            self._count[status] = _requests.labels(self._route, str(status)).inc
        self._count[status]()
        self._observe(seconds)
