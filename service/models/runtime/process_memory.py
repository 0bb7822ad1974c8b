"""The memory of this process: what it has, what it may have, and how it gives back what it has freed."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
"""A control group of version 2 or 1 has the limit of its memory in a file of this name."""
_STATM = Path("/proc/self/statm")


def read_memory_bytes() -> int:
    """Returns the resident memory of this process; 0 where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


def read_memory_limit_bytes() -> int:
    """Returns the memory that this process may have: the machine's, or less where its control group has a limit."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")]
    for name in _LIMITS:
        try:
            limits.append(int((CGROUP / name).read_text()))
        except (OSError, ValueError):
            # There is no such group, or no limit, which is the word max.
            continue

    return min(limits)


def release_freed() -> None:
    """Gives freed memory back to the system, which the allocator would keep."""
    if sys.platform == "linux":
        # Only glibc has this function.
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
