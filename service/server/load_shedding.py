"""The listener's thread measures the lag of the event loop, and lets fewer connections in while the loop is behind.

The loop is given a callback, which runs when all that was ready before has had its turn: so what the loop computes
until then is the work that any request waits for. No count says as much, since requests differ. The time on the clock
would say more than that: where other processes take the processor, a loop with nothing to do runs its callback late.
"""

from __future__ import annotations

from collections.abc import Callable
from time import clock_gettime, perf_counter, thread_time
from typing import Any

from service.http.wire.connections import Connections

MIN_CONNECTIONS = 32
TARGET_S = 0.005
"""The loop is kept this far behind where more is asked than it can do: it has always work, and nobody waits long."""
MAX_LAG_S = 0.1
"""Connections are refused only where it is this far behind: 256 clients with a row each are none too many."""
WINDOW_S = 0.1
"""It is behind by the shortest wait in this time; a single long one says nothing."""
MIN_INTERVAL_S = 0.005
"""So much time lies between two callbacks at least, unless connections were handed over."""
BUSY_CHECK_S, CALM_CHECK_S, IDLE_CHECK_S = 0.005, 0.05, 0.5
"""The lag is checked so often while the loop is busy, while it is not, and while there are few connections."""
MAX_REFUSED = 8
"""So many connections are refused at a time: who is closed comes again, which costs more than to be served."""
ROTATION_S = 60.0
"""Where not all connections are served, each has its turn within this time."""
MAX_HANDED = 32
"""So many connections are handed to the loop between two callbacks."""
GROWTH = 1.15
RECOVERY = 2.0


class LoadShedder:
    """A LoadShedder is called by the listener's thread alone, but for the callback, which the event loop runs."""

    def __init__(
        self,
        clock: int,
        call_soon: Callable[[Callable[[], None]], Any],
        count_connections: Callable[[], int],
        wire: Connections,
    ) -> None:
        self._clock = clock
        """It tells how long the loop's thread has computed."""
        self._call_soon = call_soon
        self._count = count_connections
        self._wire = wire
        self._scheduled_s = 0.0
        self._computed_s = 0.0
        self._is_scheduled = False
        self._turn_s = 0.0
        self._n_handed = 0
        self._n_handed_before = 0
        self._n_refused = 0
        self._lag_s = 0.0
        self._window_s = perf_counter()
        self._least_s = float("inf")

    @property
    def rest_s(self) -> float:
        """Returns how long the listener may rest, before it checks the lag again."""
        if self._n_handed or self._wire.level < 1.0 or self._lag_s > TARGET_S:
            return BUSY_CHECK_S
        return CALM_CHECK_S if self._count() > MIN_CONNECTIONS else IDLE_CHECK_S

    def hand_over(self) -> None:
        """Counts a connection that the loop is given."""
        self._n_handed += 1

    def has_room(self) -> bool:
        """Returns whether the loop may be given one more connection."""
        n_free = MIN_CONNECTIONS - self._count()
        return self._n_handed < max(n_free, MAX_HANDED)

    def refuse(self) -> bool:
        """Counts a connection that is refused; returns whether one more may be, before the next callback."""
        self._n_refused += 1
        return self._n_refused <= MAX_REFUSED

    def check(self) -> None:
        """Looks whether the callback has run, and schedules the next one."""
        now_s = perf_counter()
        if self._is_scheduled:
            self._measure_lag()
        if now_s - self._window_s >= WINDOW_S:
            self._adapt(now_s)
        if not self._is_scheduled and self.rest_s < IDLE_CHECK_S:
            self._schedule(now_s)

    def _schedule(self, now_s: float) -> None:
        if now_s - self._scheduled_s < MIN_INTERVAL_S and not self._n_handed:
            return

        self._is_scheduled = True
        self._scheduled_s = now_s
        self._computed_s = clock_gettime(self._clock)
        self._turn_s = 0.0
        self._n_handed_before = self._n_handed
        try:
            self._call_soon(self._on_turn)
        except RuntimeError:
            # The loop has ended.
            self._is_scheduled = False

    def _on_turn(self) -> None:
        self._turn_s = thread_time()

    def _measure_lag(self) -> None:
        turn_s = self._turn_s
        if turn_s:
            self._is_scheduled = False
            self._lag_s = turn_s - self._computed_s
            self._n_handed -= self._n_handed_before
            self._n_refused = 0
            self._least_s = min(self._least_s, self._lag_s)
        else:
            so_far_s = clock_gettime(self._clock) - self._computed_s
            self._lag_s = max(self._lag_s, so_far_s)

    def _adapt(self, now_s: float) -> None:
        """Serves fewer connections where the loop was behind for the whole window, and more where it was not."""
        wire = self._wire
        if self._is_scheduled:
            self._least_s = min(self._least_s, self._lag_s)

        n_connections = self._count()
        level = wire.level
        if n_connections <= MIN_CONNECTIONS or self._least_s == float("inf"):
            level = 1.0
        elif self._least_s > MAX_LAG_S:
            level *= TARGET_S / self._least_s
            level = max(level, MIN_CONNECTIONS / n_connections)
        elif self._least_s < TARGET_S:
            level *= RECOVERY if self._least_s < TARGET_S / 4 else GROWTH

        wire.level = min(1.0, level)
        wire.refusals.is_behind = wire.level < 1.0
        if wire.level < 1.0:
            wire.phase += (now_s - self._window_s) / ROTATION_S
        self._window_s = now_s
        self._n_refused = 0
        self._least_s = float("inf")
