"""Scrapes of `/metrics` are answered in threads of their own, so that a busy event loop does not keep them waiting."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Protocol

from service.errors import VeredictoError
from service.execution.admission import report_defect
from service.execution.metrics import render_metrics
from service.http.gate import Gate
from service.http.responses import METRICS, Response, respond_to_error

PATH = b"/metrics"
MAX_SCRAPES = 4
"""Of more scrapes at once the event loop answers the rest, as it does where a client does not take its answer."""
SEND_LIMIT_S = 2.0

Send = Callable[[Response], bytes]


class ConnectionReturn(Protocol):
    """Takes a connection back, and learns whether all was sent on it."""

    def __call__(self, scraped: socket.socket, *, is_sent: bool) -> None:
        """Takes it back; any thread may call it."""
        ...


class Scrapes:
    """Scrapes that come while one is written share the next one; the gate has tokens that no other thread reads."""

    def __init__(
        self, gate: Gate, render: Callable[[], bytes] = render_metrics
    ) -> None:
        self._gate = gate
        self._render = render
        self._pool = ThreadPoolExecutor(MAX_SCRAPES, thread_name_prefix="scrape")
        self._lock = threading.Lock()
        self._free = threading.Semaphore(MAX_SCRAPES)
        self._written_s = 0.0
        self._written = b""

    def reserve(self) -> bool:
        """Returns whether one more scrape may begin, which must then begin."""
        return self._free.acquire(blocking=False)

    def begin(
        self,
        connection: socket.socket,
        head: bytes,
        write: Send,
        give_back: ConnectionReturn,
    ) -> None:
        """Answers a scrape, and gives the connection back with whether all was sent."""
        self._pool.submit(self._scrape, connection, head, write, give_back)

    def close(self) -> None:
        """Lets the scrapes that have begun end, and no other begin."""
        self._pool.shutdown(wait=False)

    def _scrape(
        self,
        connection: socket.socket,
        head: bytes,
        write: Send,
        give_back: ConnectionReturn,
    ) -> None:
        is_sent = True
        try:
            content = write(self.answer(head))
            connection.settimeout(SEND_LIMIT_S)
            connection.sendall(content)
            connection.settimeout(0)
        except OSError:
            is_sent = False
        finally:
            self._free.release()
            give_back(connection, is_sent=is_sent)

    def answer(self, head: bytes) -> Response:
        """Returns the answer to a scrape with this head, for whoever has the right to it."""
        method = head[: head.find(b" ")].decode()
        observed = self._gate.enter(method, PATH.decode(), _read_fields(head))
        try:
            if observed is not None:
                observed.check()
            response = Response(200, self._write(monotonic()), METRICS)
        except VeredictoError as error:
            response = respond_to_error(error)
        except Exception:
            response = respond_to_error(report_defect("GET /metrics"))

        return response if observed is None else observed.leave(response)

    def _write(self, asked_s: float) -> bytes:
        """Returns the metrics as they were at some time since they were asked for."""
        with self._lock:
            if self._written_s < asked_s:
                begun_s = monotonic()
                self._written = self._render()
                self._written_s = begun_s
            return self._written


def _read_fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Returns the fields of a plain head."""
    lines = head.split(b"\r\n")[1:-2]
    pairs = [line.partition(b":") for line in lines]
    return [(name.lower(), value.strip()) for name, _, value in pairs]
