"""The connections of one process share limits: how many they are, and how much they may keep in memory."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from service.contract.limits import MAX_HELD_BYTES, MAX_UNSENT_BYTES
from service.http.refusals import Refusals
from service.settings import Settings

MAX_LINGERING = 256
"""So many refused connections may still be told why; those beyond are ended without a word."""


class Connection(Protocol):
    """A connection as its company sees it."""

    transport: Any

    def look(self, now: float) -> None:
        """Ends the connection where it has waited too long for its client."""
        ...


class Connections:
    """All connections of one process are counted here, and looked at in turn by one timer.

    A timer for each would be set and cancelled by every request, for about a microsecond.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_connections = settings.max_connections
        self.keep_alive_s = settings.keep_alive_s
        self.stuck_s = settings.deadline_s
        self.n_lingering = 0
        self.refusals = Refusals()
        self.level = 1.0
        """This share of the connections is served while the event loop is behind; the listener's thread sets it."""
        self.phase = 0.0
        """It moves, so that each connection has its turn among those that are served."""
        self._held_bytes = 0
        self._unsent: dict[Connection, int] = {}
        self._unsent_bytes = 0
        self._members: set[Any] = set()
        self._is_watching = False

    def watch(self, members: set[Any]) -> None:
        """Looks at these connections from here on, while there are any."""
        self._members = members
        if not self._is_watching:
            self._is_watching = True
            self._look_later()

    def hold(self, n_bytes: int) -> bool:
        """Counts bytes that wait to be read, or no longer do; returns whether there is room for them."""
        self._held_bytes += n_bytes
        return self._held_bytes <= MAX_HELD_BYTES

    def pause(self, connection: Connection) -> None:
        """Counts what waits to be sent on a connection; over the limit those end that have waited the longest."""
        n_bytes = connection.transport.get_write_buffer_size()
        self._unsent[connection] = n_bytes
        self._unsent_bytes += n_bytes

        while self._unsent_bytes > MAX_UNSENT_BYTES and len(self._unsent) > 1:
            oldest = next(iter(self._unsent))
            self.resume(oldest)
            oldest.transport.abort()

    def resume(self, connection: Connection) -> None:
        """Forgets what waited to be sent on a connection."""
        self._unsent_bytes -= self._unsent.pop(connection, 0)

    def _look_later(self) -> None:
        every_s = min(1.0, self.stuck_s / 4, self.keep_alive_s / 4)
        asyncio.get_running_loop().call_later(every_s, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._members):
            connection.look(now)

        self._is_watching = bool(self._members)
        if self._is_watching:
            self._look_later()
