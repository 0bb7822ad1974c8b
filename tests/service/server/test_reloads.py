"""A worker's loads are begun, given up and begun again, as the supervisor says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from service.models.registry import Registry
from service.repository.generation import Manifest
from service.repository.loading import Loaded
from service.server.reloads import Reloads
from tests.support.waiting import wait_until


class Link:
    """The supervisor's end notes what it is told, and says what a test says."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self._handlers: dict[str, Callable[[Any], None]] = {}

    def handle(self, kind: str, handler: Callable[[Any], None]) -> None:
        """Keeps what is done with a kind of message."""
        self._handlers[kind] = handler

    def send(self, kind: str, **fields: Any) -> None:
        """Notes a message of the worker."""
        self.sent.append((kind, fields["generation"]))

    def tell(self, kind: str, generation: int) -> None:
        """Gives the worker a message."""
        self._handlers[kind]({"generation": generation})


class Loading:
    """Each load waits until a test lets it end."""

    def __init__(self) -> None:
        self.begun: list[threading.Event] = []

    def load(self, number: int, before: Loaded) -> Loaded:
        """Returns a generation of nothing."""
        may_end = threading.Event()
        self.begun.append(may_end)
        assert may_end.wait(60)
        return Loaded(registry=Registry(), manifest=Manifest(number=number))


def test_a_load_that_was_given_up_says_nothing() -> None:
    """The same generation, begun again, is prepared once its own load has ended, and can be committed then."""
    link = Link()
    loading = Loading()
    loaded = Loaded(registry=Registry())
    reloads = Reloads(link, loading, loaded, deadline_s=1)  # type: ignore[arg-type]  # all that it asks of both

    async def play() -> None:
        await reloads.start()
        link.tell("prepare", 2)
        await asyncio.to_thread(wait_until, lambda: len(loading.begun) == 1)
        link.tell("abort", 2)
        link.tell("prepare", 2)
        await asyncio.to_thread(wait_until, lambda: len(loading.begun) == 2)

        first = next(each for each in threading.enumerate() if each.name == "reload")
        loading.begun[0].set()
        await asyncio.to_thread(first.join)
        assert link.sent == []

        loading.begun[1].set()
        await asyncio.to_thread(wait_until, lambda: bool(link.sent))
        link.tell("commit", 2)
        while len(link.sent) < 2:
            await asyncio.sleep(0)
        assert link.sent == [("prepared", 2), ("committed", 2)]

    asyncio.run(asyncio.wait_for(play(), 60))
