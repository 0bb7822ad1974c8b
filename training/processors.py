"""This module counts how many processors this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def count_processors() -> int:
    """Returns how many processors the system allows, or where it does not say, how many there are."""
    allowed: Callable[[int], Any] | None = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
