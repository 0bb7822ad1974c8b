"""How many processors this process may use, by its affinity and its container's quota; which thread goes first."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

LOWER = 5
"""The priority of what need not be done: not the lowest, since a thread that waits for a processor may hold a lock."""
CGROUP = Path("/sys/fs/cgroup")
WINDOW_S = 0.1
"""The shortest time of which a load is told: in less, one request looks like many."""


def count_processors(cgroup: Path = CGROUP) -> int:
    """At least 1; a quota of one and a half is 2, since what is over one would be wasted otherwise."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    n_allowed = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(1, min(n_allowed, _read_quota(cgroup) or n_allowed))


class Load:
    """How much of its time a thread of this process has computed in the last tenth of a second or more, from 0 to 1.

    Without a thread: the whole process, of the time of all processors that it may use.
    """

    def __init__(self, thread: int | None = None) -> None:
        self._clock = time.CLOCK_PROCESS_CPUTIME_ID if sys.platform == "linux" else None
        if self._clock is not None and thread is not None:
            self._clock = time.pthread_getcpuclockid(thread)

        self._n_processors = 1 if thread is not None else count_processors()
        self._seen_s = self._read()
        self._found = 0.0

    def look(self) -> float:
        """0 where the system does not say, and in the first tenth of a second."""
        computed_s, now_s = self._read()
        passed_s = now_s - self._seen_s[1]
        if passed_s >= WINDOW_S:
            self._found = (computed_s - self._seen_s[0]) / passed_s / self._n_processors
            self._seen_s = computed_s, now_s

        return self._found

    def _read(self) -> tuple[float, float]:
        """Seconds that it has computed, and seconds."""
        return (
            time.clock_gettime(self._clock) if self._clock is not None else 0.0
        ), time.perf_counter()


def give_way(priority: int) -> None:
    """Lets other threads go before this one, where the system has priorities of threads: Linux."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)


def _read_quota(cgroup: Path) -> int | None:
    """Of control groups, version 2 or 1; None where there is none."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = (
                (cgroup / "cpu" / f"cpu.cfs_{each}_us").read_text()
                for each in ("quota", "period")
            )
        except OSError:
            return None
    try:
        return ceil(int(quota) / int(period)) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):  # "max" is no number
        return None
