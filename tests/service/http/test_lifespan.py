"""Companions that listen beside the application start and end with it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from starlette.applications import Starlette

from service.errors import SettingsError
from service.http.lifespan import accompany


class Companion:
    """A companion remembers what it was told, and refuses to start where it has a reason."""

    def __init__(self, reason: str = "") -> None:
        self.events: list[str] = []
        self._reason = reason

    async def start(self) -> None:
        self.events.append("start")
        if self._reason:
            raise SettingsError(self._reason)

    async def stop(self) -> None:
        self.events.append("stop")


async def live(companion: Companion, application: Any = None) -> list[Any]:
    """Returns what a server hears from start to end of an application, which is bare unless one is given."""
    sent: list[Any] = []
    received = deque([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Any:
        return received.popleft()

    async def send(message: Any) -> None:
        companion.events.append(message["type"].removeprefix("lifespan."))
        sent.append(message)

    await accompany(application or Starlette(), companion)(
        {"type": "lifespan", "app": None, "state": {}}, receive, send
    )

    return sent


def test_it_starts_before_the_server_says_so_and_stops_after() -> None:
    """A companion starts before the server says that it has and stops after, so that nothing is lost in between."""
    companion = Companion()
    asyncio.run(live(companion))

    assert companion.events == [
        "start",
        "startup.complete",
        "stop",
        "shutdown.complete",
    ]


def test_one_that_cannot_start_ends_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A companion that cannot start ends the server with the reason and without a traceback."""
    companion = Companion("the port is taken")

    assert asyncio.run(live(companion)) == [
        {"type": "lifespan.startup.failed", "message": ""}
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "veredicto does not start: the port is taken"
    ]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_among_others_that_cannot_start_ends_the_server(
    caplog: pytest.LogCaptureFixture, position: int
) -> None:
    """Whichever of several companions cannot start, the server hears that it has failed, and says why once."""
    companions = [
        Companion("the port is taken" if number == position else "")
        for number in range(3)
    ]
    application: Any = Starlette()
    for each in companions[:-1]:
        application = accompany(application, each)
    sent = asyncio.run(live(companions[-1], application))

    assert sent == [{"type": "lifespan.startup.failed", "message": ""}]
    assert [record.getMessage() for record in caplog.records] == [
        "veredicto does not start: the port is taken"
    ]
