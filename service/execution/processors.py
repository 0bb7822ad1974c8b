"""This module counts the processors that this process may use, tells its load, and lowers a thread's priority."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

LOW_PRIORITY = 5
"""Work that can wait runs at this niceness: not the lowest, since a thread that waits may hold a lock."""
CGROUP = Path("/sys/fs/cgroup")
WINDOW_S = 0.1
"""A load is told of no shorter time than this: in less, one request looks like many."""


def count_processors(cgroup: Path = CGROUP) -> int:
    """Returns how many processors affinity and quota allow, at least 1; a quota of one and a half counts as 2."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    n_allowed = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(1, min(n_allowed, _read_quota(cgroup) or n_allowed))


class Load:
    """A load is the share of time that a thread of this process has computed in the last tenth of a second, from 0 to
    1.

    Without a thread it is the whole process's share of the time of all processors that it may use.
    """

    def __init__(self, thread: int | None = None) -> None:
        self._clock = time.CLOCK_PROCESS_CPUTIME_ID if sys.platform == "linux" else None
        if self._clock is not None and thread is not None:
            self._clock = time.pthread_getcpuclockid(thread)

        self._n_processors = 1 if thread is not None else count_processors()
        self._seen_s = self._read()
        self._found = 0.0

    def look(self) -> float:
        """Returns the load; 0 where the system does not say, and in the first tenth of a second."""
        computed_s, now_s = self._read()
        passed_s = now_s - self._seen_s[1]
        if passed_s >= WINDOW_S:
            self._found = (computed_s - self._seen_s[0]) / passed_s / self._n_processors
            self._seen_s = computed_s, now_s

        return self._found

    def _read(self) -> tuple[float, float]:
        """Returns the seconds that it has computed, and the seconds on the clock."""
        computed_s = 0.0 if self._clock is None else time.clock_gettime(self._clock)
        return computed_s, time.perf_counter()


def lower_priority(priority: int) -> None:
    """Lowers this thread's priority where the system has priorities of threads, which is Linux."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)


def _read_quota(cgroup: Path) -> int | None:
    """Returns the processors that control groups of version 2 or 1 allow; None where there is no quota."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        folder = cgroup / "cpu"
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        except OSError:
            return None

    try:
        return ceil(int(quota) / int(period)) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):
        # Without a quota the file says "max".
        return None
