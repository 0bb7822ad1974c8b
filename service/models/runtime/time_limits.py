"""Loads and first runs of graphs are ended once they have lasted too long, all by one thread.

A thread for each (`threading.Timer`) took four starts of a thread for each model that was loaded, and each of them a
wait until it ran.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Condition, Thread, current_thread
from time import monotonic
from typing import NamedTuple


class _Limit(NamedTuple):
    due_s: float
    end: Callable[[], None]


class TimeLimits:
    """Time limits are kept by one thread, which is started with the first of them."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._limits: dict[int, _Limit] = {}
        self._numbers = count()
        self._thread: Thread | None = None
        self._wakes_s = 0.0
        """The thread looks again by itself at this time on `monotonic`'s clock."""

    @contextmanager
    def limit(self, max_s: float, end: Callable[[], None]) -> Iterator[None]:
        """Calls `end` in the thread of the limits where the block has not ended `max_s` seconds from now."""
        number = next(self._numbers)
        due_s = monotonic() + max_s
        with self._changed:
            self._limits[number] = _Limit(due_s, end)
            self._be_awake_at(due_s)

        try:
            yield
        finally:
            # Whoever is being ended is, before this block ends.
            with self._changed:
                self._limits.pop(number, None)

    def stop(self) -> None:
        """Ends the thread, as before a fork; the next limit starts another."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _be_awake_at(self, due_s: float) -> None:
        if self._thread is None:
            self._wakes_s = due_s
            self._thread = Thread(target=self._keep, name="time limits", daemon=True)
            self._thread.start()
        elif due_s < self._wakes_s:
            self._wakes_s = due_s
            self._changed.notify()

    def _keep(self) -> None:
        """Ends what is due, until nothing has been to be ended for a whole wait."""
        with self._changed:
            while self._thread is current_thread():
                now_s = monotonic()
                for number, limit in list(self._limits.items()):
                    if limit.due_s <= now_s:
                        del self._limits[number]
                        limit.end()
                if not self._limits:
                    self._thread = None
                    return

                self._wakes_s = min(each.due_s for each in self._limits.values())
                self._changed.wait(max(0.0, self._wakes_s - now_s))


_limits = TimeLimits()
limit_time = _limits.limit
stop = _limits.stop
if hasattr(os, "register_at_fork"):
    # The thread stays behind in the process that was forked.
    os.register_at_fork(after_in_child=_limits.__init__)  # type: ignore[misc]  # it makes it new
