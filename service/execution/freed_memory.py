"""Memory that a burst of large requests has freed is given back to the system once the burst is over.

The allocator keeps it for later: after 150 bodies of 3 MB at once a worker of 216 MB kept 450, and now 270; and so does
onnxruntime's arena. To give it back takes some 20 ms of a thread, so it is done where much is to be had, and not again
and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from service.models.runtime.arena import shrink_arena
from service.models.runtime.process_memory import read_memory_bytes, release_freed

LOOK_S = 1.0
MIN_GROWN_BYTES = 64 * 1024 * 1024
"""A process that has grown by less since the last time is left alone."""
MIN_FREED_BYTES = 16 * 1024 * 1024
"""It is tried again, since requests of the burst may not have ended, as long as so much was given back."""
MIN_PAUSE_S = 10.0
MAX_VAIN = 3
"""It is tried so often in vain, with longer and longer pauses: a client may take half a minute to read its answer."""


def release_all() -> None:
    """Gives back to the system what onnxruntime's arena has free, and then what the allocator has."""
    shrink_arena()
    release_freed()


class Releaser:
    """The releaser looks once a second, from the server's start to its end, at the memory of this process."""

    def __init__(
        self,
        read_bytes: Callable[[], int] = read_memory_bytes,
        release: Callable[[], None] = release_all,
    ) -> None:
        self._read_bytes = read_bytes
        self._release = release
        self._kept_bytes = 0
        self._seen_bytes = 0
        self._due_s = 0.0
        self._n_vain = 0
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Begins to look; what is there now is needed."""
        self._kept_bytes = self._seen_bytes = self._read_bytes()
        self._wait()

    async def stop(self) -> None:
        """Ends the looking."""
        if self._timer is not None:
            self._timer.cancel()

    def is_due(self, now_s: float) -> bool:
        """Returns whether the process has grown by much, and does not grow any more."""
        seen_bytes = self._read_bytes()
        is_growing = seen_bytes > self._seen_bytes
        self._seen_bytes = seen_bytes
        grown_bytes = seen_bytes - self._kept_bytes

        return (
            grown_bytes >= MIN_GROWN_BYTES and not is_growing and now_s >= self._due_s
        )

    def give_back(self) -> None:
        """Gives back what is free; once that was little several times, what is left counts as needed."""
        before_bytes = self._read_bytes()
        self._release()
        self._seen_bytes = self._read_bytes()
        is_vain = before_bytes - self._seen_bytes < MIN_FREED_BYTES
        self._n_vain = self._n_vain + 1 if is_vain else 0
        if self._n_vain == MAX_VAIN:
            self._kept_bytes = self._seen_bytes
            self._n_vain = 0

        self._due_s = monotonic() + MIN_PAUSE_S * max(1, self._n_vain)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        if not self.is_due(monotonic()):
            self._wait()
            return

        released = asyncio.get_running_loop().run_in_executor(None, self.give_back)
        released.add_done_callback(lambda _: self._wait())
