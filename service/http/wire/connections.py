"""The connections of one process share limits: how many they are, how much they may keep in memory, and how much of
the event loop's time their refusals may take.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter, thread_time
from typing import Any, Protocol

from service.contract.limits import MAX_HELD_BYTES, MAX_UNSENT_BYTES
from service.errors import Overloaded
from service.execution.descriptors import count_connections
from service.http.responses import Response, respond_to_error
from service.settings import Settings

LINGER_S = 5
"""What a refused client still sends is dropped until nothing has come for so long, since a reset would take the answer
away from it.
"""
MAX_LINGERING = 2048
"""So many refused connections may still be told why; those beyond are ended without a word."""

SHARE = 0.1
"""Refusals take at most this share of the event loop's time."""
REFUSAL_S = 20e-6
BYTE_S = 0.6e-9
"""A refusal takes so long, and so much for each byte of its body, as measured."""
ALLOWANCE_S = 0.002
"""So many seconds of refusals are given in advance: a hundred clients that come at once are told so at once."""
RELEASE_EVERY_S = 0.005

BEHIND = "the server is behind with what it has to answer: try again"
BUSY: Response = respond_to_error(Overloaded(BEHIND))


class Connection(Protocol):
    """A Connection is what the limits that it shares with others know of it."""

    transport: Any

    def look(self, now: float) -> None:
        """Ends the connection where it has waited too long for its client."""
        ...


class HeldConnection(Protocol):
    """A held connection is not read for a while."""

    def release(self) -> None:
        """Reads on."""
        ...


class Refusals:
    """Refusals are rationed, so that clients that do not wait leave the time to the others.

    A client that is told to come again in a second, and comes at once, would have ten refusals for each answer. A
    refusal takes 20 us, and more with a body that is read to be thrown away: that is all of the event loop's time.
    Within their share refusals are immediate; beyond it the connections that were just refused are read again in turn.
    """

    def __init__(self) -> None:
        self._debt_s = 0.0
        self._seen_s = self._computed_s = 0.0
        self.is_behind = False
        self._held: deque[HeldConnection] = deque()
        self._is_releasing = False

    def note(self, connection: HeldConnection, n_bytes: int) -> bool:
        """Counts a refusal; returns whether the connection is held, which `release` will end."""
        self._pay()
        self._debt_s += REFUSAL_S + n_bytes * BYTE_S
        if self._debt_s <= ALLOWANCE_S and not self._held:
            return False

        self._held.append(connection)
        if not self._is_releasing:
            self._is_releasing = True
            self._release_later()

        return True

    def _pay(self) -> None:
        """Pays the share of the time that has passed, or of what the loop has computed where it is behind."""
        passed_s = perf_counter() - self._seen_s
        computed_s = thread_time() - self._computed_s
        self._seen_s += passed_s
        self._computed_s += computed_s
        earned_s = SHARE * (computed_s if self.is_behind else passed_s)
        self._debt_s = max(0.0, self._debt_s - earned_s)

    def _release_later(self) -> None:
        asyncio.get_running_loop().call_later(RELEASE_EVERY_S, self._release)

    def _release(self) -> None:
        """Lets those be read on who have waited longest, as many as there is time to refuse."""
        self._pay()
        n_due = int(max(0.0, ALLOWANCE_S - self._debt_s) / REFUSAL_S)
        for _ in range(min(n_due, len(self._held))):
            self._held.popleft().release()

        self._is_releasing = bool(self._held)
        if self._is_releasing:
            self._release_later()


class Connections:
    """All connections of one process are counted here, and looked at in turn by one timer.

    A timer for each would be set and cancelled by every request, for about a microsecond.
    """

    def __init__(self, settings: Settings) -> None:
        self.max_connections = count_connections(settings)
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
