"""Signals tell the supervisor to stop, and wake it when a worker has died."""

from __future__ import annotations

import selectors
import signal
import socket
from types import FrameType


class Signals:
    """Signals end the server: the first SIGTERM in order, an interrupt without the drain, a second signal at once."""

    def __init__(self) -> None:
        self.is_told_to_stop = False
        self.is_in_a_hurry = False

    def watch(self, selector: selectors.BaseSelector) -> None:
        """Takes this process's signals from here on; each ends a wait of this selector."""
        reading, self._writing = socket.socketpair()
        reading.settimeout(0)
        self._writing.settimeout(0)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        selector.register(reading, selectors.EVENT_READ, lambda: reading.recv(4096))
        signal.signal(signal.SIGTERM, self._take)
        signal.signal(signal.SIGINT, self._take)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Without a handler the death of a worker would not end a wait.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.is_told_to_stop or number == signal.SIGINT:
            self.is_in_a_hurry = True
        self.is_told_to_stop = True
