"""A run over HTTP/1.1 has one thread and an event loop of its own, which does nothing else."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from time import process_time

from loadtest.sending.connection import Address, Connection
from loadtest.sending.http_answer import ConnectionBroken
from loadtest.sending.pacing import Progress, clock
from loadtest.sending.polling import WRITABLE, Poller, read_waiting_s
from loadtest.sending.samples import GeneratorUse, Recorder, Samples

TICK_S = 0.1
"""Time limits are looked after, and progress is told, so often."""
RETRY_S = 0.1
"""A caller whose connection broke connects again after so long."""
MAX_RECENT = 2000
TIMEOUT = "timeout"


class HttpRun:
    """Both loops share this: connections, and what is seen of their requests. Times count from the start."""

    def __init__(
        self,
        address: Address,
        messages: Sequence[bytes],
        duration_s: float,
        *,
        timeout_s: float,
    ) -> None:
        self.recorder = Recorder()
        self.poller = Poller()
        self.connections: dict[int, Connection] = {}
        self.start_s = 0.0
        self.n_busy = 0
        self.n_opened = 0
        self._address = address
        self._messages = messages
        self._next_message = 0
        self._duration_s = duration_s
        self._timeout_s = timeout_s
        self._next_tick_s = 0.0
        self._freed: list[Connection] = []

    def run(self, on_progress: Callable[[Progress], None] | None) -> Samples:
        """Goes on until every request has ended."""
        cpu_s, waiting_s = process_time(), read_waiting_s()
        self.start_s = clock()
        now = 0.0

        while (wait_s := self.send_due(now)) is not None:
            for descriptor, event in self.poller.poll(min(wait_s, TICK_S)):
                self._handle(descriptor, event)

            self._use_freed()
            now = clock() - self.start_s
            if now >= self._next_tick_s:
                self._tick(now, on_progress)

        use = GeneratorUse(
            cpu_s=process_time() - cpu_s,
            waiting_s=read_waiting_s() - waiting_s,
            wall_s=now,
            connections=self.n_opened,
        )
        return self.recorder.finish(duration_s=self._duration_s, generator=use)

    def send_due(self, now: float) -> float | None:
        """Sends what is due and returns for how long nothing is, or None where the run is over."""
        raise NotImplementedError

    def on_free(self, connection: Connection, now: float) -> None:
        """Takes a connection whose request has been answered."""
        raise NotImplementedError

    def on_lost(self, now: float) -> None:
        """Takes note that a connection with a request under way is gone."""

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()

        self.poller.close()

    def give(self, connection: Connection | None, due_s: float, now: float) -> None:
        """Sends the next message over this connection, or over a new one."""
        message = self._messages[self._next_message]
        self._next_message = (self._next_message + 1) % len(self._messages)

        if connection is None:
            connection = self._connect(due_s, now)
            if connection is None:
                return

        self.n_busy += 1
        wanted_write = connection.wants_write
        try:
            connection.send(message, due_s=due_s, sent_s=now)
        except ConnectionBroken as error:
            self._lose(connection, str(error))
            return

        if connection.wants_write and not wanted_write:
            self.poller.change(connection.socket.fileno(), writable=True)

    def _connect(self, due_s: float, now: float) -> Connection | None:
        """Begins a connection; a request whose connection fails at once has failed."""
        try:
            connection = Connection(self._address)
        except ConnectionBroken as error:
            self.recorder.add(due_s, clock() - self.start_s, str(error))
            self.on_lost(now)
            return None

        self.n_opened += 1
        descriptor = connection.socket.fileno()
        self.connections[descriptor] = connection
        self.poller.watch(descriptor, writable=True)

        return connection

    def _handle(self, descriptor: int, event: int) -> None:
        connection = self.connections.get(descriptor)
        if connection is None:  # closed for another event of the same turn
            return

        try:
            if event & WRITABLE and connection.wants_write:
                if connection.continue_sending():
                    self.poller.change(descriptor, writable=False)
                if not event & ~WRITABLE:
                    return

            status = connection.receive()
        except ConnectionBroken as error:
            self._lose(connection, str(error))
            return

        if status:
            now = clock() - self.start_s
            self.n_busy -= 1
            self.recorder.add_answer(connection.due_s, now, status)
            if connection.stays_open:
                self._freed.append(connection)
            else:
                self._forget(connection)
                self.on_lost(now)

    def _use_freed(self) -> None:
        """Sends over connections whose answers have come, once all that lay ready has been read.

        Sending takes longer than reading: answers that came together would else count what was sent between them.
        """
        for connection in self._freed:
            self.on_free(connection, clock() - self.start_s)

        self._freed.clear()

    def _lose(self, connection: Connection, kind: str) -> None:
        """Counts the request under way as failed; a server may close a connection that has none."""
        self._forget(connection)
        if connection.is_busy:
            now = clock() - self.start_s
            self.n_busy -= 1
            self.recorder.add(connection.due_s, now, kind)
            self.on_lost(now)

    def _forget(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        self.poller.unwatch(descriptor)
        del self.connections[descriptor]
        connection.close()

    def _tick(self, now: float, on_progress: Callable[[Progress], None] | None) -> None:
        self._next_tick_s = now + TICK_S
        latest = now - self._timeout_s
        for connection in list(self.connections.values()):
            if connection.is_busy and connection.sent_s < latest:
                self._lose(connection, TIMEOUT)

        self.expire(latest)
        if on_progress is not None:
            on_progress(self._describe(now))

    def expire(self, latest_s: float) -> None:
        """Gives up requests that wait here since then or before."""

    def count_waiting(self) -> int:
        return 0

    def _describe(self, now: float) -> Progress:
        recorder = self.recorder
        outcomes: array[int] = recorder.outcomes[-MAX_RECENT:]
        latencies = recorder.latency_s[-MAX_RECENT:]

        return Progress(
            elapsed_s=now,
            duration_s=self._duration_s,
            n_ended=len(recorder.due_s),
            n_failed_recently=len(outcomes) - outcomes.count(0),
            in_flight=self.n_busy + self.count_waiting(),
            recent_s=latencies.tolist(),
        )
