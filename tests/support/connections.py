"""Bare connections are opened for what no HTTP client would send, and their answers are read in order."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse
from typing import Any

import psutil

from tests.support.server import Server


def connect(server: Server) -> socket.socket:
    """Opens a bare connection, for what no HTTP client would send."""
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def write(
    path: str, document: Any, *headers: str, version: str = "1.1", method: str = "POST"
) -> bytes:
    """Returns a request as bytes."""
    body = json.dumps(document).encode()
    lines = [
        f"{method} {path} HTTP/{version}",
        "Host: x",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read(connection: socket.socket, count: int = 1) -> list[tuple[int, Any]]:
    """Returns status and document of `count` answers that come in a row."""
    stream = connection.makefile("rb")
    answers = []

    for _ in range(count):
        response = HTTPResponse(_Stream(stream))  # type: ignore[arg-type]  # all that it asks of a socket
        response.begin()
        answers.append((response.status, json.loads(response.read())))

    return answers


class _Stream:
    """Several `HTTPResponse` read from this stream, one after the other."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def makefile(self, *_: Any) -> Any:
        return _Open(self._stream)


class _Open:
    def __init__(self, stream: Any) -> None:
        self.read = stream.read
        self.readline = stream.readline
        self.readinto = stream.readinto

    def flush(self) -> None: ...

    def close(self) -> None: ...


def read_to_end(connection: socket.socket) -> bytes:
    """Returns all that comes until the server ends the connection."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)

    return b"".join(parts)


def measure_memory(server: Server) -> int:
    """Returns the bytes of memory of the server's processes."""
    process = psutil.Process(server.process.pid)
    processes = [process, *process.children(recursive=True)]
    return sum(each.memory_info().rss for each in processes)
