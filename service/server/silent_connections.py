"""Connections that have sent nothing yet but probes wait here for their first request, and are closed in the end."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from time import monotonic

MAX_SILENT = 10_000
"""So many connections may be open that have not sent a byte; of more, the oldest is closed."""


class SilentConnections:
    """Each connection here is closed at its time where it has sent nothing until then.

    Only the listener's thread changes what is here.
    """

    def __init__(self, poll: select.epoll) -> None:
        self._poll = poll
        self._until_s: dict[int, tuple[socket.socket, float]] = {}
        """Who was heard last stands last."""

    def __contains__(self, descriptor: int) -> bool:
        """Returns whether the connection of this descriptor is here."""
        return descriptor in self._until_s

    def __iter__(self) -> Iterator[socket.socket]:
        """Yields the connections that are here now, those that were heard longest ago first."""
        return iter([connection for connection, _ in self._until_s.values()])

    def __len__(self) -> int:
        """Returns how many there are; any thread may ask."""
        return len(self._until_s)

    def find(self, descriptor: int) -> socket.socket:
        """Returns the connection of a descriptor that is here."""
        return self._until_s[descriptor][0]

    def wait_for(self, connection: socket.socket, seconds: float) -> None:
        """Lets a connection be silent for so long from now on."""
        descriptor = connection.fileno()
        self._until_s.pop(descriptor, None)
        self._until_s[descriptor] = connection, monotonic() + seconds

    def forget(self, connection: socket.socket) -> None:
        """Waits for a connection no longer, which stays open."""
        descriptor = connection.fileno()
        self._until_s.pop(descriptor, None)
        try:
            self._poll.unregister(descriptor)
        except (OSError, ValueError):
            # It had sent something before it was waited for.
            pass

    def close(self, connection: socket.socket) -> None:
        """Closes a connection, and waits for it no longer."""
        self.forget(connection)
        connection.close()

    def close_oldest(self) -> None:
        """Closes the connection that was heard longest ago; there must be one."""
        self.close(next(iter(self)))

    def sweep(self, now_s: float) -> None:
        """Closes connections that were silent for too long, and those heard longest ago where they are too many."""
        n_surplus = len(self._until_s) - MAX_SILENT
        waiting = list(self._until_s.values())
        for position, (connection, until_s) in enumerate(waiting):
            if now_s >= until_s or position < n_surplus:
                self.close(connection)
