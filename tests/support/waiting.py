"""Tests wait here for a live comparison that is as they want it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from tests.support.server import Server

WAIT_S = 0.05
TRIES = 600


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
