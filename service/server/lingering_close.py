"""Clients that the listener's thread has refused are let read that: a socket closed with bytes unread is reset, which
takes the answer from a client that still sends.
"""

from __future__ import annotations

import select
import socket
from time import monotonic

from service.http.wire.connections import LINGER_S, MAX_LINGERING

MAX_PARTS = 16
"""So much of what a client still sends is thrown away at once, before others get their turn."""
_PART_BYTES = 65_536
_part = bytearray(_PART_BYTES)
"""Nothing is written here: the system throws away what is received with MSG_TRUNC, at no cost for copying it."""


class LingeringClose:
    """Each connection here is closed for sending, and is read until its client ends it too or has had its time.

    None costs more memory than its socket. Only the listener's thread calls this.
    """

    def __init__(self, poll: select.epoll, *, max_s: float) -> None:
        self._poll = poll
        self._max_s = max_s
        self._ends_s: dict[int, tuple[socket.socket, float, float]] = {}
        """Each ends where nothing has come until the first time, and in any case at the second."""

    def __contains__(self, descriptor: int) -> bool:
        """Returns whether the connection of this descriptor is here."""
        return descriptor in self._ends_s

    def begin(self, connection: socket.socket, answer: bytes) -> None:
        """Sends the last words to a client, nothing where they are empty, and lets it go."""
        try:
            if answer:
                connection.send(answer)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            # The client has left.
            connection.close()
            return

        if len(self._ends_s) >= MAX_LINGERING:
            self._drop(next(iter(self._ends_s)))
        now_s = monotonic()
        descriptor = connection.fileno()
        self._ends_s[descriptor] = connection, now_s + LINGER_S, now_s + self._max_s
        self._poll.register(descriptor, select.EPOLLIN)

    def read(self, descriptor: int) -> None:
        """Throws away what a client has sent meanwhile, and ends with it."""
        connection, _, end_s = self._ends_s[descriptor]
        try:
            for _ in range(MAX_PARTS):
                if not connection.recv_into(_part, _PART_BYTES, socket.MSG_TRUNC):
                    self._drop(descriptor)
                    return
        except BlockingIOError:
            pass
        except OSError:
            self._drop(descriptor)
            return

        self._ends_s[descriptor] = connection, monotonic() + LINGER_S, end_s

    def sweep(self, now_s: float) -> None:
        """Ends who has had its time."""
        for descriptor, (_, quiet_s, end_s) in list(self._ends_s.items()):
            if now_s >= min(quiet_s, end_s):
                self._drop(descriptor)

    def close(self) -> None:
        """Ends all."""
        for descriptor in list(self._ends_s):
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        connection, _, _ = self._ends_s.pop(descriptor)
        self._poll.unregister(descriptor)
        connection.close()
