"""Signals are taken from the first moment of a start, before anything else is imported.

Without a handler a signal ends a process by itself, whose exit status then says that it failed.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT)
"""These end the server."""
PASSED_OVER = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""These change nothing: by the last two log rotation asks other servers for new files."""


def end_by_signals() -> None:
    """Has signals end this process in order, until the supervisor takes them: there is nothing to be ended yet."""
    for number in STOPS:
        signal.signal(number, _end)
    for number in PASSED_OVER:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # as every handler
    sys.exit(0)
