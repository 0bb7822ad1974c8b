"""How many processors this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def count_processors() -> int:
    """Those that the system allows, where it says which; otherwise all."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
