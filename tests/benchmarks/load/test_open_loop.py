"""Open-loop load counts latency from due times, and refuses errors."""

from __future__ import annotations

import socket
import threading

import pytest

from benchmarks.contenders import dialects
from benchmarks.contenders.processes import ContenderFailed
from benchmarks.load import open_loop

SILENT_REQUESTS = 3
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = dialects.Request(path="/predict", body=b"{}")


def test_open_loop_counts_from_the_due_time() -> None:
    """A server that answers once all requests are there has kept the first of them waiting longest."""
    with _Stub(answers_after=SILENT_REQUESTS) as port:
        measured = open_loop.measure(
            port, REQUEST, rate=100, seconds=SILENT_REQUESTS / 100, percentiles=(100,)
        ).percentiles_ms

    assert measured is not None
    assert (
        measured[100] >= 20
    )  # the first was due two hundredths of a second before the last


def test_open_loop_refuses_any_answer_but_200() -> None:
    """An error raises ContenderFailed: it is no fast answer."""
    with (
        _Stub(answers_after=1, answer=REFUSAL) as port,
        pytest.raises(ContenderFailed) as caught,
    ):
        open_loop.measure(port, REQUEST, rate=100, seconds=0.01)
    assert (
        str(caught.value)
        == "open loop: b'HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 2'"
    )


class _Stub:
    """A server that says nothing until so many requests have come, and then answers all."""

    def __init__(self, *, answers_after: int, answer: bytes = ANSWER) -> None:
        self._listener = socket.create_server(
            ("127.0.0.1", 0), backlog=open_loop.CONNECTIONS
        )
        self._answers_after = answers_after
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connections = [self._listener.accept()[0] for _ in range(open_loop.CONNECTIONS)]
        for connection in connections[: self._answers_after]:
            connection.recv(1024)

        for connection in connections[: self._answers_after]:
            connection.sendall(self._answer)

        for connection in connections:
            while connection.recv(1024):  # until the client closes it
                pass
            connection.close()
