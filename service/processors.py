"""How many processors this process may use: those of its affinity, and of its container's quota."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

CGROUP = Path("/sys/fs/cgroup")


def count_processors(cgroup: Path = CGROUP) -> int:
    """At least 1; a quota of one and a half is 2, since what is over one would be wasted otherwise."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    n_allowed = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(1, min(n_allowed, _read_quota(cgroup) or n_allowed))


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
