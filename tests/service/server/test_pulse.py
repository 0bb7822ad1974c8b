"""The pulse is felt of a loop that computes as a test says, and that gives its sign when a test says so."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from service.http.wire.connections import Connections
from service.server.pulse import (
    MAX_HANDED,
    MAX_LAG_S,
    MAX_REFUSED,
    MIN_CONNECTIONS,
    WINDOW_S,
    Pulse,
)
from service.settings import Settings

CLOCK = time.CLOCK_THREAD_CPUTIME_ID
"""The test's own thread is the loop, and what it computes is what the loop computes."""
LONG_S = 2 * MAX_LAG_S


class Loop:
    """A loop keeps the signs that it was asked for, and has so many connections."""

    def __init__(self) -> None:
        self.n_connections = 1_000
        self.asked: list[Callable[[], None]] = []

    def give(self, computed_s: float = 0.0) -> None:
        """Gives the sign after computing for so long."""
        compute(computed_s)
        self.asked.pop()()


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
def pulse(loop: Loop, wire: Connections) -> Pulse:
    """The pulse is that of the test's own thread."""
    return Pulse(CLOCK, loop.asked.append, lambda: loop.n_connections, wire)


def feel_window(pulse: Pulse, loop: Loop, computed_s: float) -> None:
    """Feels the pulse for one window, in which the loop computes for so long between two signs."""
    end_s = time.perf_counter() + WINDOW_S
    while time.perf_counter() < end_s:
        pulse.feel()
        if loop.asked:
            loop.give(computed_s)
    pulse.feel()


def test_fewer_connections_are_served_while_the_loop_is_behind(
    pulse: Pulse, loop: Loop, wire: Connections
) -> None:
    """Their share falls with each window in which every sign was late, and rises again when they are not."""
    feel_window(pulse, loop, LONG_S)
    feel_window(pulse, loop, LONG_S)
    low = wire.level

    assert MIN_CONNECTIONS / loop.n_connections <= low < 0.6

    for _ in range(8):
        feel_window(pulse, loop, 0.0)

    assert wire.level == 1.0


def test_a_loop_that_waits_for_the_processor_is_not_behind(
    pulse: Pulse, loop: Loop, wire: Connections
) -> None:
    """A sign that comes late although nothing was computed says nothing of the server."""
    pulse.feel()
    time.sleep(2 * WINDOW_S)
    pulse.feel()
    loop.give()
    feel_window(pulse, loop, 0.0)

    assert wire.level == 1.0


def test_few_connections_are_served_whatever_the_pulse(
    pulse: Pulse, loop: Loop, wire: Connections
) -> None:
    """A loop that has few connections cannot be behind for their number."""
    loop.n_connections = MIN_CONNECTIONS
    pulse.hand_over()
    feel_window(pulse, loop, LONG_S)

    assert wire.level == 1.0


def test_only_so_many_connections_are_handed_over_between_two_signs(
    pulse: Pulse, loop: Loop
) -> None:
    """The loop takes over some connections, and is given more once it has."""
    for _ in range(MAX_HANDED):
        assert pulse.has_room()
        pulse.hand_over()

    assert not pulse.has_room()

    pulse.feel()
    loop.give()
    pulse.feel()

    assert pulse.has_room()


def test_only_so_many_connections_are_refused_between_two_signs(
    pulse: Pulse, loop: Loop
) -> None:
    """Closed connections come again, so that to close them all would be work without end."""
    assert [pulse.refuse() for _ in range(MAX_REFUSED + 1)][-2:] == [True, False]

    pulse.feel()
    loop.give()
    pulse.feel()

    assert pulse.refuse()
