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

from loadtest.sending.http_answer import Answer, ConnectionBroken

READ_BYTES = 65_536
"""The room for larger pieces would be asked of the system each time: one of 256 KiB takes 16 us more for an answer."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server listens here; `family` and `sockaddr` are as the resolver gave them once for all connections."""

    host: str
    family: int
    sockaddr: Any
    tls: ssl.SSLContext | None = None


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
                # It is of the subclass that the code has.
                raise OSError(code, os.strerror(code))
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


def name_failure(error: OSError) -> str:
    """Returns the kind of error that a failure of the network is counted as."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'failed').lower().replace('_', ' ')}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "connection reset"

    return f"network: {error.strerror or type(error).__name__}".lower()
