"""Garbage that only the collector finds is looked for five times a second, while there is little of it.

By its own thresholds, which `tuning` sets high for the sake of large bodies, the collector waits for 50,000 objects.
The library of gRPC leaves five of each call that hold each other, 1 kB: a worker gathered 10 MB before any of it went.
"""

from __future__ import annotations

import asyncio
import gc

LOOK_S = 0.2
"""Little is found at a time: what a second of hostile requests left took up to 46 ms."""
MIN_YOUNG = 1_000
"""Fewer objects are not worth a look; 10,000 take 0.7 ms where all are garbage, and there are at most 50,000."""
LOOKS = (20, 50)
"""After 20 looks through the newest objects the next one takes in those before them, and after 50 of these all others.

What was loaded at the start is never looked through.
"""


class GarbageCollector:
    """The loop looks for garbage from the server's start to its end; a look in a thread would stop it too."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begins to look."""
        self._wait()

    async def stop(self) -> None:
        """Ends the looking."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """Looks through the newest objects where there are enough of them, and now and then through older ones."""
        n_young, *n_looks = gc.get_count()
        if n_young >= MIN_YOUNG:
            is_due = [
                count >= limit for count, limit in zip(n_looks, LOOKS, strict=True)
            ]
            gc.collect(2 if all(is_due) else int(is_due[0]))

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self.look()
        self._wait()
