"""Memory that the C library keeps."""

from __future__ import annotations

import ctypes
import sys


def release_freed() -> None:
    """Gives back to the system what was freed since; loading models frees a copy of each."""
    if sys.platform == "linux":
        trim = getattr(
            ctypes.CDLL(None), "malloc_trim", None
        )  # glibc's; others have none
        if trim is not None:
            trim(0)
