"""Open-loop load sends requests at a fixed rate, whether earlier ones have been answered or not.

A latency counts from when its request was meant to be sent, not from when it was: a server that stalls is charged for
every request that came in the meantime (no coordinated omission). The loop polls without sleeping, on a processor of
its own, because timers are coarser than what is measured.
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from benchmarks.contenders.dialects import Request
from benchmarks.contenders.processes import ContenderFailed

CONNECTIONS = 64
DRAIN_S = 2.0
"""Requests under way when the last one has been sent have so long; later answers count as none."""
CHUNK_BYTES = 65536
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, kw_only=True)
class OpenLoopResult:
    """The latencies of one run by percentile; they are None where the server did not keep up with the rate."""

    rate: float
    percentiles_ms: dict[float, float] | None


class Connection:
    """A Connection has at most one request under way, which was meant to be sent at `due_s` (perf_counter)."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due_s = 0.0
        self._received = b""

    def send(self, message: bytes, due_s: float) -> None:
        self.due_s = due_s
        self._received = b""
        self.socket.sendall(message)

    def has_answer(self) -> bool:
        """Reads what has come and returns True at the answer's end; raises ContenderFailed for anything but a 200."""
        chunk = self.socket.recv(CHUNK_BYTES)
        if not chunk:
            raise ContenderFailed("open loop: the server closed a connection")

        self._received += chunk
        head, end, body = self._received.partition(_END_OF_HEAD)
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise ContenderFailed(f"open loop: {head[:100]!r}")

        fields = head.lower()
        if _LENGTH not in fields:  # in chunks
            return body.endswith(b"0\r\n\r\n")

        return len(body) >= int(fields.partition(_LENGTH)[2].partition(b"\r\n")[0])


def measure(
    port: int,
    request: Request,
    *,
    rate: float,
    seconds: float,
    percentiles: Sequence[float] = (50, 99),
) -> OpenLoopResult:
    """Returns the latencies of `rate * seconds` requests, evenly spaced."""
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    try:
        latencies, n_due = _send_at_rate(
            connections, _make_message(port, request), rate=rate, seconds=seconds
        )
    finally:
        for connection in connections:
            connection.socket.close()

    if len(latencies) < n_due:
        return OpenLoopResult(rate=rate, percentiles_ms=None)

    values = np.percentile(np.array(latencies) * 1000, list(percentiles))

    return OpenLoopResult(
        rate=rate, percentiles_ms=dict(zip(percentiles, values.tolist(), strict=True))
    )


def _send_at_rate(
    connections: list[Connection], message: bytes, *, rate: float, seconds: float
) -> tuple[list[float], int]:
    """Returns latencies in seconds, and the number of requests that there should be."""
    poll = select.epoll()
    by_descriptor = {each.socket.fileno(): each for each in connections}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)

    idle = deque(connections)
    waiting = deque[float]()
    latencies = list[float]()
    n_due = int(rate * seconds)
    n_sent = 0
    start = perf_counter()
    give_up = start + seconds + DRAIN_S

    while len(latencies) < n_due and (now := perf_counter()) < give_up:
        while n_sent < n_due and start + n_sent / rate <= now:
            waiting.append(start + n_sent / rate)
            n_sent += 1

        while waiting and idle:
            idle.popleft().send(message, waiting.popleft())

        for descriptor, _ in poll.poll(0):
            connection = by_descriptor[descriptor]
            if connection.has_answer():
                latencies.append(perf_counter() - connection.due_s)
                idle.append(connection)

    poll.close()

    return latencies, n_due


def _make_message(port: int, request: Request) -> bytes:
    headers = {
        "Host": f"127.0.0.1:{port}",
        **request.all_headers,
        "Content-Length": str(len(request.body)),
    }
    lines = [
        f"POST {request.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + request.body
