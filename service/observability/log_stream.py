"""Log lines go out without waiting for whoever reads them: a reader that stands still must not stop the server.

A pipe that nobody reads is full after 64 KiB, and so is a terminal whose output is held. Whoever writes on then waits
for good: the event loop, or the supervisor that is to replace and end workers.
"""

from __future__ import annotations

import logging
import os
import select
import sys
from typing import Any

PIECE_BYTES = 4096
"""A pipe that can be written to at all takes so many bytes at once (POSIX.1-2017, `PIPE_BUF` of Linux)."""
PATIENCE_S = 0.5
"""A reader has so long to make room; one that did not is not waited for until it reads again."""


class LogStream:
    """A stream writes lines to a descriptor and counts those for which there was no room; it is of one thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._is_stuck = False
        self._is_within_line = False
        self.n_lost = 0

    def write(self, line: str, *, patience_s: float | None = PATIENCE_S) -> bool:
        """Writes a line, or loses it where its reader makes no room in time; returns whether it went out.

        None waits for as long as it takes. It raises OSError where nobody can read any more.
        """
        if self._is_stuck and patience_s is not None:
            patience_s = 0.0

        begin = "\n" if self._is_within_line else ""
        text = f"{begin}{line}\n"
        if not self._put(text.encode(errors="backslashreplace"), patience_s):
            self._is_stuck = True
            self.n_lost += 1
            return False

        self._is_stuck = self._is_within_line = False
        self.n_lost = 0

        return True

    def _put(self, content: bytes, patience_s: float | None) -> bool:
        rest = memoryview(content)
        limit_ms = None if patience_s is None else patience_s * 1000
        while rest:
            if not self._poll.poll(limit_ms):
                return False
            n_bytes = os.write(self._descriptor, rest[:PIECE_BYTES])
            self._is_within_line = True
            rest = rest[n_bytes:]

        return True


class LogHandler(logging.Handler):
    """This handler writes each line before it returns, and loses it where nobody reads the log.

    The next line that goes out says how many were lost, in its field `lost`.
    """

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line; where nobody can read it any more there is nobody to be told so either."""
        record.lost = self._stream.n_lost
        try:
            self._stream.write(self.format(record))
        except (OSError, ValueError):
            pass


def make_handler() -> logging.Handler:
    """Returns the handler of what this process logs, to its standard error."""
    descriptor = find_descriptor(sys.stderr)
    if descriptor is None:
        return logging.StreamHandler(sys.stderr)
    return LogHandler(LogStream(descriptor))


def find_descriptor(stream: Any) -> int | None:
    """Returns the descriptor below a stream of text; None where it has none, as in a notebook."""
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
