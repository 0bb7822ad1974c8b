"""Signals tell the supervisor to stop, and wake it when a worker has died."""

from __future__ import annotations

import selectors
import signal
import socket
from types import FrameType

from service.first_signals import PASSED_OVER, STOPS


class Signals:
    """Signals end the server: SIGTERM and SIGQUIT in order, an interrupt without the drain, a second signal at once.

    SIGHUP, and SIGUSR1 and SIGUSR2 by which log rotation asks other servers for new files, change nothing.
    """

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
        for number in STOPS:
            signal.signal(number, self._take)
        # Workers inherit that these are passed over.
        for number in PASSED_OVER:
            signal.signal(number, signal.SIG_IGN)
        # Without a handler the death of a worker would not end a wait.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _take(self, number: int, _: FrameType | None) -> None:
        if self.is_told_to_stop or number == signal.SIGINT:
            self.is_in_a_hurry = True
        self.is_told_to_stop = True
