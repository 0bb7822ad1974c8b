"""The lag is that of a loop that computes as a test says, and that runs its callback when a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from service.http.wire.connections import Connections
from service.server.load_shedding import (
    MAX_HANDED,
    MAX_LAG_S,
    MAX_REFUSED,
    MIN_CONNECTIONS,
    WINDOW_S,
    LoadShedder,
)
from service.settings import Settings

CLOCK = time.CLOCK_THREAD_CPUTIME_ID
"""The test's own thread is the loop, and what it computes is what the loop computes."""
LONG_S = 2 * MAX_LAG_S


class Loop:
    """A loop keeps the callbacks that it was given, and has so many connections."""

    def __init__(self) -> None:
        self.n_connections = 1_000
        self.callbacks: list[Callable[[], None]] = []

    def turn(self, computed_s: float = 0.0) -> None:
        """Runs the callback after computing for so long."""
        compute(computed_s)
        self.callbacks.pop()()


def compute(seconds: float) -> None:
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


@pytest.fixture
def loop() -> Loop:
    """The loop has many connections."""
    return Loop()


@pytest.fixture
def wire() -> Connections:
    """All connections are served at the beginning."""
    return Connections(Settings())


@pytest.fixture
def shedder(loop: Loop, wire: Connections) -> LoadShedder:
    """The lag is that of the test's own thread."""
    return LoadShedder(CLOCK, loop.callbacks.append, lambda: loop.n_connections, wire)


def check_window(shedder: LoadShedder, loop: Loop, computed_s: float) -> None:
    """Checks the lag for one window, in which the loop computes for so long between two callbacks."""
    end_s = time.perf_counter() + WINDOW_S
    while time.perf_counter() < end_s:
        shedder.check()
        if loop.callbacks:
            loop.turn(computed_s)
    shedder.check()


def test_fewer_connections_are_served_while_the_loop_is_behind(
    shedder: LoadShedder, loop: Loop, wire: Connections
) -> None:
    """Their share falls with each window in which every callback was late, and rises again when they are not."""
    check_window(shedder, loop, LONG_S)
    check_window(shedder, loop, LONG_S)
    low = wire.level

    assert MIN_CONNECTIONS / loop.n_connections <= low < 0.6

    for _ in range(8):
        check_window(shedder, loop, 0.0)

    assert wire.level == 1.0


def test_a_loop_that_waits_for_the_processor_is_not_behind(
    shedder: LoadShedder, loop: Loop, wire: Connections
) -> None:
    """A callback that runs late although nothing was computed says nothing of the server."""
    shedder.check()
    time.sleep(2 * WINDOW_S)
    shedder.check()
    loop.turn()
    check_window(shedder, loop, 0.0)

    assert wire.level == 1.0


def test_few_connections_are_served_whatever_the_lag(
    shedder: LoadShedder, loop: Loop, wire: Connections
) -> None:
    """A loop that has few connections cannot be behind for their number."""
    loop.n_connections = MIN_CONNECTIONS
    shedder.hand_over()
    check_window(shedder, loop, LONG_S)

    assert wire.level == 1.0


def test_only_so_many_connections_are_handed_over_between_two_callbacks(
    shedder: LoadShedder, loop: Loop
) -> None:
    """The loop takes over some connections, and is given more once it has."""
    for _ in range(MAX_HANDED):
        assert shedder.has_room()
        shedder.hand_over()

    assert not shedder.has_room()

    shedder.check()
    loop.turn()
    shedder.check()

    assert shedder.has_room()


def test_only_so_many_connections_are_refused_between_two_callbacks(
    shedder: LoadShedder, loop: Loop
) -> None:
    """Closed connections come again, so that to close them all would be work without end."""
    assert [shedder.refuse() for _ in range(MAX_REFUSED + 1)][-2:] == [True, False]

    shedder.check()
    loop.turn()
    shedder.check()

    assert shedder.refuse()
