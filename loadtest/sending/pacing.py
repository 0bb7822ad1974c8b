"""This module says when the next request may be sent: at its due time, or when an answer has come (closed loop)."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from loadtest.sending.schedule import Floats

clock = perf_counter


@dataclass(frozen=True, kw_only=True)
class OpenLoop:
    """Requests are sent when they are due, whether earlier ones have been answered or not."""

    due_s: Floats
    duration_s: float
    max_connections: int


@dataclass(frozen=True, kw_only=True)
class ClosedLoop:
    """Each of so many callers sends its next request when its last one has been answered."""

    concurrency: int
    duration_s: float


Pacing = OpenLoop | ClosedLoop


@dataclass(frozen=True, kw_only=True)
class Progress:
    """This tells how far a run is: `recent` are the latest latencies in seconds, oldest first."""

    elapsed_s: float
    duration_s: float
    n_ended: int
    n_failed_recently: int
    in_flight: int
    recent_s: list[float]
