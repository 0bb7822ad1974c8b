"""This module waits for connections and for a time at once, to some ten microseconds.

`epoll` alone waits for whole milliseconds. An epoll is itself something that `select` can wait for, and `select` takes
microseconds. The kernel adds 50 us of slack to that unless told otherwise. On a busy machine requests were sent 76 us
late in the median with it, and 24 us without.
"""

from __future__ import annotations

import ctypes
import resource
import select
import sys
from contextlib import suppress
from pathlib import Path

from service.errors import LoadTestError

PR_SET_TIMERSLACK = 29
SLACK_NS = 1

COARSE_S = 0.001
"""A wait by `epoll` alone may be too long by so much; longer waits do without `select`, and save a system call."""
MIN_COARSE_S = 0.003

READABLE = 1
WRITABLE = 4


class Poller:
    """This watches descriptors; `poll` returns those that are ready."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise LoadTestError(f"load tests need Linux's epoll, got {sys.platform}")

        self._epoll = select.epoll()
        self._own = [self._epoll.fileno()]
        self.unwatch = self._epoll.unregister

    def watch(self, descriptor: int, *, writable: bool) -> None:
        self._epoll.register(descriptor, READABLE | WRITABLE if writable else READABLE)

    def change(self, descriptor: int, *, writable: bool) -> None:
        self._epoll.modify(descriptor, READABLE | WRITABLE if writable else READABLE)

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        """Returns ready descriptors and their events, none where the time has passed."""
        if timeout_s > MIN_COARSE_S:
            return self._epoll.poll(timeout_s - COARSE_S)  # the rest another time

        if timeout_s > 0:
            select.select(self._own, (), (), timeout_s)

        return self._epoll.poll(0)

    def close(self) -> None:
        self._epoll.close()


def read_waiting_s() -> float:
    """Returns for how long this process' threads have waited for a processor that others had, in seconds.

    It is 0 where the kernel does not count it.
    """
    waited_ns = 0
    for path in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError):  # the thread has ended meanwhile
            waited_ns += int(path.read_text().split()[1])

    return waited_ns / 1e9


def raise_file_limit() -> None:
    """Lets this process open as many connections as the system allows it, which is more than it may at first."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def sharpen_timers() -> None:
    """Asks the kernel to wake this thread at the time asked for; where it cannot, requests are a little later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, SLACK_NS, 0, 0, 0)
