"""This module has one connection of HTTP/1.1 with at most one request under way, which never waits.

It is written for speed: a request and its answer take some 12 us of this process, most of them in the kernel.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from enum import Enum
from typing import Any

READ_BYTES = 65_536
"""The room for larger pieces would be asked of the system each time: one of 256 KiB takes 16 us more for an answer."""
MAX_HEAD_BYTES = 65_536
END_OF_HEAD = b"\r\n\r\n"
UNKNOWN = -1
WITHOUT_BODY = (204, 304)


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server listens here; `family` and `sockaddr` are as the resolver gave them once for all connections."""

    host: str
    family: int
    sockaddr: Any
    tls: ssl.SSLContext | None = None


class ConnectionBroken(Exception):
    """The connection is of no use any more; the text is the kind of error that it is counted as."""


class State(Enum):
    """A connection waits for one of these."""

    CONNECTING = "connecting"
    SHAKING_HANDS = "shaking hands"
    OPEN = "open"


class Connection:
    """This sends whole requests and reads whole answers; `due_s` belongs to the request under way.

    `is_busy` is True from when a request was given until it was answered, `wants_write` while the kernel has not
    taken all of it, or the connection is not made.
    """

    __slots__ = (
        "_answer",
        "_outgoing",
        "_state",
        "due_s",
        "is_busy",
        "sent_s",
        "socket",
        "wants_write",
    )

    def __init__(self, address: Address) -> None:
        """Begins to connect; raises ConnectionBroken where that fails at once."""
        try:
            plain = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:  # the process has as many files open as it may
            raise ConnectionBroken(name_failure(error)) from None

        plain.settimeout(0)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket: socket.socket = plain
        self._state = State.CONNECTING
        self._outgoing = memoryview(b"")
        self._answer = Answer()
        self.due_s = 0.0
        self.sent_s = 0.0
        self.is_busy = False
        self.wants_write = True

        try:
            plain.connect(address.sockaddr)
        except BlockingIOError:
            pass
        except OSError as error:
            plain.close()
            raise ConnectionBroken(name_failure(error)) from None

        if address.tls is not None:
            self.socket = address.tls.wrap_socket(
                plain, server_hostname=address.host, do_handshake_on_connect=False
            )

    def send(self, message: bytes, *, due_s: float, sent_s: float) -> None:
        """Sends what the kernel takes now; `continue_sending` sends the rest. Raises ConnectionBroken."""
        self.due_s = due_s
        self.sent_s = sent_s
        self.is_busy = True
        if self._state is not State.OPEN:
            self._outgoing = memoryview(message)
            return

        try:
            n_sent = self.socket.send(message)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            n_sent = 0
        except OSError as error:
            raise ConnectionBroken(name_failure(error)) from None

        if n_sent < len(message):
            self._outgoing = memoryview(message)[n_sent:]
            self.wants_write = True

    def continue_sending(self) -> bool:
        """Takes the next step towards an open connection and a sent request, and returns True when there is none left.

        Raises ConnectionBroken.
        """
        try:
            if self._state is not State.OPEN and not self._open():
                return False

            while self._outgoing:
                self._outgoing = self._outgoing[self.socket.send(self._outgoing) :]
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            raise ConnectionBroken(name_failure(error)) from None

        self.wants_write = False
        return True

    def _open(self) -> bool:
        """Returns True once requests can be sent."""
        if self._state is State.CONNECTING:
            code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(
                    code, os.strerror(code)
                )  # of the subclass that the code has
            self._state = State.SHAKING_HANDS

        if isinstance(self.socket, ssl.SSLSocket):
            self.socket.do_handshake()

        self._state = State.OPEN
        return True

    def receive(self) -> int:
        """Returns the status once the answer has come whole, else 0; raises ConnectionBroken."""
        if self._state is not State.OPEN:
            self.continue_sending()
            return 0

        try:
            while True:
                data = self.socket.recv(READ_BYTES)
                if not data:
                    return self._end()
                status = self._answer.feed(data)
                if status:
                    self.is_busy = False
                    return status
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            raise ConnectionBroken(name_failure(error)) from None

    def _end(self) -> int:
        """Returns the status of an answer that lasts until the server closes; any other end is a failure."""
        if self._answer.ends_with_connection:
            self.is_busy = False
            return self._answer.status

        raise ConnectionBroken("connection closed")

    @property
    def stays_open(self) -> bool:
        """An answer that came before its request had been sent whole leaves the rest of it in the way."""
        return not (self._answer.closes or self.wants_write)

    def close(self) -> None:
        self.socket.close()


class Answer:
    """This finds where an answer ends: by its length, its chunks, or the connection's end; bodies are not kept."""

    __slots__ = ("_buffer", "_chunks", "_is_in_body", "_missing", "closes", "status")

    def __init__(self) -> None:
        self.status = 0
        self.closes = False
        self._is_in_body = False
        self._buffer = b""
        self._missing = 0
        self._chunks: Chunks | None = None

    @property
    def ends_with_connection(self) -> bool:
        return self._is_in_body and self._missing == UNKNOWN and self._chunks is None

    def feed(self, data: bytes) -> int:
        """Returns the status at the answer's end, else 0; raises ConnectionBroken for what is no answer."""
        if not self._is_in_body:
            if self._buffer:
                data = self._buffer + data
            at = data.find(END_OF_HEAD)
            if at < 0:
                self._keep(data)
                return 0

            self._buffer = b""
            self._is_in_body = True
            self._missing = self._read_head(data[:at].lower())
            data = data[at + 4 :]

        if not self._is_body_whole(data):
            return 0

        self._is_in_body = False
        self._chunks = None
        return self.status

    def _keep(self, data: bytes) -> None:
        if len(data) > MAX_HEAD_BYTES:
            raise ConnectionBroken("no HTTP")

        self._buffer = data

    def _is_body_whole(self, data: bytes) -> bool:
        if self._chunks is not None:
            return self._chunks.feed(data)
        if self._missing == UNKNOWN:
            return False

        self._missing -= len(data)
        if self._missing < 0:
            raise ConnectionBroken("longer than its content-length")

        return self._missing == 0

    def _read_head(self, head: bytes) -> int:
        """Returns the body's length, which is unknown where chunks or the connection's end say it."""
        if not head.startswith(b"http/1.") or not head[9:12].isdigit():
            raise ConnectionBroken("no HTTP")

        self.status = int(head[9:12])
        self.closes = (
            b"\r\nconnection: close" in head or head[7:8] == b"0"
        ) and b"\r\nconnection: keep-alive" not in head
        if self.status in WITHOUT_BODY:
            return 0

        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            length = head[at + 17 :].partition(b"\r\n")[0].strip()
            if not length.isdigit():
                raise ConnectionBroken("no HTTP")
            return int(length)

        if b"\r\ntransfer-encoding: chunked" in head:
            self._chunks = Chunks()
        else:
            self.closes = True

        return UNKNOWN


class Chunks:
    """This finds the end of a body in chunks."""

    __slots__ = ("_buffer", "_in_trailer", "_missing")

    def __init__(self) -> None:
        self._buffer = b""
        self._missing = 0
        self._in_trailer = False

    def feed(self, data: bytes) -> bool:
        """Returns True at the end; raises ConnectionBroken for what is no chunk."""
        data = self._buffer + data
        while True:
            skipped = min(self._missing, len(data))
            data = data[skipped:]
            self._missing -= skipped
            line, end, rest = data.partition(b"\r\n")
            if self._missing or not end:
                self._buffer = data
                return False

            data = rest
            if self._in_trailer:
                if not line:
                    return True
                continue

            self._read_size(line)

    def _read_size(self, line: bytes) -> None:
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise ConnectionBroken("no chunk") from None

        self._missing = size + 2 if size else 0
        self._in_trailer = not size


def name_failure(error: OSError) -> str:
    """Returns the kind of error that a failure of the network is counted as."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'failed').lower().replace('_', ' ')}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "connection reset"

    return f"network: {error.strerror or type(error).__name__}".lower()
