"""Refusals are cheap, and those of clients that do not wait are rationed, so that they leave the time to the others.

A client that is told to come again in a second, and comes at once, would have ten refusals for each answer: at 20 us
each, and more with a body that must be read to be thrown away, that is all of the event loop's time. So refusals have a
tenth of it. Within that, each is immediate; beyond it, the connections that were just refused are read again in turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter, thread_time
from typing import Protocol

from service.errors import Overloaded
from service.http.responses import Response, respond_to_error

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


class Held(Protocol):
    """A connection that is not read for a while."""

    def release(self) -> None:
        """Reads on."""
        ...


class Refusals:
    """All connections of one process share the time for refusals."""

    def __init__(self) -> None:
        self._debt_s = 0.0
        self._seen_s = self._computed_s = 0.0
        self.is_behind = False
        self._held: deque[Held] = deque()
        self._is_releasing = False

    def note(self, connection: Held, n_bytes: int) -> bool:
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
