"""Tests wait here for something to become true, which takes its time on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from tests.support.server import Server

WAIT_S = 0.05
TRIES = 600
LIMIT_S = 90.0


def wait_until(holds: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
    """Returns once something is true; raises AssertionError where it is not in time."""
    end_s = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end_s, f"not true after {limit_s:g} s"
        Event().wait(WAIT_S)


def wait_for(
    server: Server, task: str, holds: Callable[[dict[str, object]], bool]
) -> dict[str, object]:
    """Returns the live comparison once it is as wanted; it is a second old at most, and shadows take their time."""
    for _ in range(TRIES):
        found: dict[str, object] = server.client.get(f"/tasks/{task}/comparison").json()
        if holds(found):
            break
        Event().wait(WAIT_S)

    assert holds(found), found
    return found
