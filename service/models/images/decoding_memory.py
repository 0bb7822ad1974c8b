"""The memory that decoding takes beside its input is shared out among all requests of this process."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from time import perf_counter

from service.errors import Overloaded, TooLarge
from service.models import cancellation
from service.models.runtime.process_memory import release_freed

LOOK_EVERY_S = 0.05
"""Work that waits for memory looks so often whether it is still wanted."""
MAX_WAIT_S = 5.0
"""Work that has waited for memory so long is refused."""
MIN_RELEASED_BYTES = 32 * 1024 * 1024
"""The allocator keeps freed memory; after work that took less it may."""


class MemoryBudget:
    """A budget of bytes is shared by all threads; who finds too little left waits for it."""

    def __init__(self, max_bytes: int, setting: str) -> None:
        self._max_bytes = max_bytes
        self._setting = setting
        self._taken = 0
        self._changed = Condition()

    @contextmanager
    def reserve(self, n_bytes: int, where: str) -> Iterator[None]:
        """Takes bytes for the block's time; raises TooLarge where there are never so many, Overloaded after 5 s."""
        if n_bytes > self._max_bytes:
            raise TooLarge(
                f"{where}: decoding takes about {n_bytes} bytes of memory, over the limit of {self._max_bytes} "
                f"({self._setting}): send a smaller image"
            )

        self._take(n_bytes, where)
        try:
            yield
        finally:
            with self._changed:
                self._taken -= n_bytes
                self._changed.notify_all()
            if n_bytes >= MIN_RELEASED_BYTES:
                release_freed()

    def _take(self, n_bytes: int, where: str) -> None:
        latest = perf_counter() + MAX_WAIT_S
        with self._changed:
            while self._taken + n_bytes > self._max_bytes:
                cancellation.check()
                if perf_counter() > latest:
                    raise Overloaded(
                        f"{where}: other images take the memory for decoding ({self._setting}): try again"
                    )
                self._changed.wait(LOOK_EVERY_S)

            self._taken += n_bytes


@functools.cache
def share_decoding_budget(max_bytes: int) -> MemoryBudget:
    """Returns the one budget of this process for decoding images."""
    return MemoryBudget(max_bytes, "VEREDICTO_MAX_DECODING_BYTES")
