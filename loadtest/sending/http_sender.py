"""This module sends requests over HTTP/1.1 from one thread, by an event loop of its own that does nothing else.

A request takes 12 us of processor; a bare protocol of asyncio took 12 without reading the answer, but asyncio's timers
are of whole milliseconds. aiohttp took 96.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from loadtest.sending.connection import Address, Connection
from loadtest.sending.http_run import RETRY_S, TICK_S, TIMEOUT, HttpRun
from loadtest.sending.pacing import ClosedLoop, OpenLoop, Pacing, Progress, clock
from loadtest.sending.polling import raise_file_limit, sharpen_timers
from loadtest.sending.samples import Samples


def send(
    address: Address,
    messages: Sequence[bytes],
    pacing: Pacing,
    *,
    timeout_s: float,
    on_progress: Callable[[Progress], None] | None = None,
) -> Samples:
    """Sends the messages in turn until the run is over, and returns what came of each."""
    run: HttpRun
    if isinstance(pacing, OpenLoop):
        run = _OpenRun(address, messages, pacing, timeout_s=timeout_s)
    else:
        run = _ClosedRun(address, messages, pacing, timeout_s=timeout_s)

    sharpen_timers()
    raise_file_limit()
    was_collecting = gc.isenabled()
    gc.disable()  # a collection among millions of numbers stops for milliseconds

    try:
        return run.run(on_progress)
    finally:
        run.close()
        if was_collecting:
            gc.enable()


class _OpenRun(HttpRun):
    """This sends each request when it is due, over an idle connection, a new one, or the first that becomes free."""

    def __init__(
        self,
        address: Address,
        messages: Sequence[bytes],
        pacing: OpenLoop,
        *,
        timeout_s: float,
    ) -> None:
        super().__init__(address, messages, pacing.duration_s, timeout_s=timeout_s)
        self._due_s: list[float] = pacing.due_s.tolist()
        self._n_due = 0
        self._max_connections = pacing.max_connections
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()

    def send_due(self, now: float) -> float | None:
        while self._waiting and len(self.connections) < self._max_connections:
            self.give(None, self._waiting.popleft(), now)

        due_s = self._due_s
        index = self._n_due
        n_requests = len(due_s)

        while index < n_requests and due_s[index] <= now:
            self._send_one(due_s[index], now)
            index += 1
            now = clock() - self.start_s

        self._n_due = index
        if index < n_requests:
            return due_s[index] - now

        return TICK_S if self.n_busy or self._waiting else None

    def _send_one(self, due_s: float, now: float) -> None:
        """Sends, or lets wait while all connections are busy, which is no lateness of the generator."""
        connection = self._take_idle()
        if connection is None and len(self.connections) >= self._max_connections:
            self._waiting.append(due_s)
            return

        self.recorder.late_s.append(now - due_s)
        self.give(connection, due_s, now)

    def _take_idle(self) -> Connection | None:
        """Returns the connection that was used last, so that few are kept warm; those that closed are passed over."""
        while self._idle:
            connection = self._idle.pop()
            if connection.socket.fileno() >= 0:
                return connection

        return None

    def on_free(self, connection: Connection, now: float) -> None:
        if self._waiting:
            self.give(connection, self._waiting.popleft(), now)
        else:
            self._idle.append(connection)

    def expire(self, latest_s: float) -> None:
        while self._waiting and self._waiting[0] < latest_s:
            self.recorder.add(self._waiting.popleft(), clock() - self.start_s, TIMEOUT)

    def count_waiting(self) -> int:
        return len(self._waiting)


class _ClosedRun(HttpRun):
    """This keeps so many requests under way until the time is over."""

    def __init__(
        self,
        address: Address,
        messages: Sequence[bytes],
        pacing: ClosedLoop,
        *,
        timeout_s: float,
    ) -> None:
        super().__init__(address, messages, pacing.duration_s, timeout_s=timeout_s)
        self._starts_s = [0.0] * pacing.concurrency

    def send_due(self, now: float) -> float | None:
        is_over = now >= self._duration_s
        while not is_over and self._starts_s and self._starts_s[0] <= now:
            heappop(self._starts_s)
            self.give(None, now, now)

        if not is_over:
            next_s = self._starts_s[0] if self._starts_s else self._duration_s
            return min(next_s, self._duration_s) - now

        return TICK_S if self.n_busy else None

    def on_free(self, connection: Connection, now: float) -> None:
        if now < self._duration_s:
            self.give(connection, now, now)

    def on_lost(self, now: float) -> None:
        heappush(self._starts_s, now + RETRY_S)
