"""How many processors this process may use, by its affinity and its container's quota; which thread goes first."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

LOWER, LOWEST = 10, 19
"""Of what need not be done at once, and of what need not be done at all."""
CGROUP = Path("/sys/fs/cgroup")


def count_processors(cgroup: Path = CGROUP) -> int:
    """At least 1; a quota of one and a half is 2, since what is over one would be wasted otherwise."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    n_allowed = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(1, min(n_allowed, _read_quota(cgroup) or n_allowed))


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
            quota, period = ((cgroup / "cpu" / f"cpu.cfs_{each}_us").read_text() for each in ("quota", "period"))
        except OSError:
            return None
    try:
        return ceil(int(quota) / int(period)) if int(quota) > 0 else None
    except (ValueError, ZeroDivisionError):  # "max" is no number
        return None
