"""Connections wait here with a request for which the event loop has no room yet."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import Protocol

from service.http.wire.connections import BUSY
from service.server.lingering_close import LingeringClose
from service.server.probes import write_response

MAX_WAIT_S = 0.5
"""A connection for which there is no room is refused after this time."""
REFUSAL = write_response(BUSY, stays=False, has_body=True)
"""This is said to a client for which there was no room in time."""


class ConnectionAdopter(Protocol):
    """The event loop's side takes connections over, and says how many it has."""

    def adopt(self, connection: socket.socket, waited_s: float = 0.0) -> None:
        """Takes a connection over, whose request has waited so long; any thread may call it."""
        ...

    def beat(self) -> None:
        """Lets the event loop's state be told to whoever wants to know it; it is called twice a second."""
        ...


class Shedder(Protocol):
    """A Shedder tells the listener's thread how busy the event loop is."""

    @property
    def rest_s(self) -> float:
        """Returns how long the listener may rest."""
        ...

    def check(self) -> None:
        """Measures how far the event loop is behind."""
        ...

    def has_room(self) -> bool:
        """Returns whether the event loop may be given one more connection."""
        ...

    def hand_over(self) -> None:
        """Counts a connection that it is given."""
        ...

    def refuse(self) -> bool:
        """Returns whether one more connection may be refused, which is counted."""
        ...


class WaitingRoom:
    """A waiting room belongs to the listener's thread, and gives the event loop what it has room for."""

    def __init__(
        self,
        adopter: ConnectionAdopter,
        shedder: Shedder,
        lingering: LingeringClose,
        *,
        max_wait_s: float = MAX_WAIT_S,
        refusal: bytes = REFUSAL,
    ) -> None:
        self._adopter = adopter
        self._shedder = shedder
        self._lingering = lingering
        self._max_wait_s = max_wait_s
        self._refusal = refusal
        self._waiting: deque[tuple[socket.socket, float]] = deque()
        """Each connection stands with the time since which it waits; the first has waited longest."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[socket.socket]:
        return (connection for connection, _ in self._waiting)

    def enter(self, connection: socket.socket) -> None:
        """Hands a connection over at once where there is room and nobody waits; else it waits too."""
        if not self._waiting and self._shedder.has_room():
            self.adopt(connection)
        else:
            self._waiting.append((connection, monotonic()))

    def adopt(self, connection: socket.socket, waited_s: float = 0.0) -> None:
        """Hands a connection over, whether there is room or not."""
        self._shedder.hand_over()
        self._adopter.adopt(connection, waited_s)

    def serve(self, now_s: float) -> None:
        """Hands over who waits as long as there is room, the latest first, and refuses who has waited too long.

        The latest can still be answered in time; who came first has waited for nothing already.
        """
        while self._waiting and self._shedder.has_room():
            connection, since_s = self._waiting.pop()
            self.adopt(connection, now_s - since_s)

        while self._is_over(now_s) and self._shedder.refuse():
            connection, _ = self._waiting.popleft()
            self._lingering.begin(connection, self._refusal)

    def _is_over(self, now_s: float) -> bool:
        """Returns whether the first connection has waited too long."""
        return bool(self._waiting) and now_s - self._waiting[0][1] >= self._max_wait_s
