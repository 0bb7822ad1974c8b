"""Garbage that holds itself is found within seconds, and little of it is left alone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from service.execution.garbage import LOOKS, MIN_YOUNG, GarbageCollector
from service.execution.process_tuning import GC_THRESHOLDS
from tests.support.waiting import wait_until


class Held:
    """A Held holds itself, so that only the collector finds it once nobody else does."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thresholds_of_serving() -> Iterator[None]:
    """The collector has the thresholds of a worker, and there is no garbage yet."""
    before = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    yield
    gc.set_threshold(*before)


def leave(n_objects: int) -> weakref.ref[Held]:
    """Leaves garbage, and returns how its last is known.

    The collector counts the objects that come less those that go, whoever drops them: a test whose look depends on
    a full number leaves twice as many.
    """
    held = [Held() for _ in range(n_objects)]
    return weakref.ref(held[-1])


def test_a_server_finds_garbage_within_seconds() -> None:
    """Objects that requests have left are gone soon after, long before the collector would look of its own accord."""

    async def serve() -> None:
        collector = GarbageCollector()
        await collector.start()
        left = leave(2 * MIN_YOUNG)
        await asyncio.to_thread(wait_until, lambda: left() is None)
        await collector.stop()

    asyncio.run(serve())


def test_few_objects_are_not_looked_through() -> None:
    """A server without work does not look for what it has not left."""
    left = leave(MIN_YOUNG // 10)
    GarbageCollector().look()
    assert left() is not None


def test_older_objects_have_their_turn() -> None:
    """An object that was in use at a first look, and is garbage later, is found after the looks told for it."""
    collector = GarbageCollector()
    held = [Held() for _ in range(2 * MIN_YOUNG)]
    collector.look()
    left = weakref.ref(held[-1])
    held.clear()

    for _ in range(LOOKS[0] - 1):
        leave(2 * MIN_YOUNG)
        collector.look()
        assert left() is not None

    leave(2 * MIN_YOUNG)
    collector.look()
    assert left() is None
