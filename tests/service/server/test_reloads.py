"""A worker's loads are begun, given up and begun again, as the supervisor says."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from service.calls.data_plane import DataPlane
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics
from service.execution.run import Reply
from service.http.application import Application
from service.models.registry import Registry
from service.repository.generation import Manifest
from service.repository.loading import LoadedGeneration
from service.server.reloads import RETIRE_S, Reloads
from service.settings import Settings
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_until

TINY = tiny_card().name
MAX_GARBAGE = 100
"""A reload leaves at most so many objects that only the collector would find; one that is kept has more."""


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

    def load(self, number: int, before: LoadedGeneration) -> LoadedGeneration:
        """Returns a generation of nothing."""
        may_end = threading.Event()
        self.begun.append(may_end)
        assert may_end.wait(60)
        return LoadedGeneration(registry=Registry(), manifest=Manifest(number=number))


def test_a_load_that_was_given_up_says_nothing() -> None:
    """A generation that is begun again is prepared once its own load has ended, and can be committed then."""
    link = Link()
    loading = Loading()
    loaded = LoadedGeneration(registry=Registry())
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


class LoadingAnew:
    """Each load is one of the same folder, whose models are all new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, number: int, _before: LoadedGeneration) -> LoadedGeneration:
        """Returns the folder's models."""
        registry = Registry.load(self._folder)
        registry.measure()
        return LoadedGeneration(registry=registry, manifest=Manifest(number=number))


def test_what_a_reload_replaces_ends_with_its_last_request(tmp_path: Path) -> None:
    """A graph that was asked and is served no longer is gone without a search for garbage, of which there is little."""
    loading = LoadingAnew(write_tiny(tmp_path, tiny_card()).parent)
    loaded = loading.load(1, LoadedGeneration(registry=Registry()))
    settings = Settings(models=tmp_path)
    plane = DataPlane(loaded.registry, settings)
    batches = Batches.of(settings)
    admission = Admission(settings, ModelMetrics(plane.registry))
    nothing: Any = None
    application = Application(plane, settings, admission, batches, fallback=nothing)

    link = Link()
    # It waits no longer for requests that can have a graph.
    reloads = Reloads(link, loading, loaded, deadline_s=-RETIRE_S)  # type: ignore[arg-type]  # all that it asks of both
    reloads.forget = batches.forget
    reloads.followers += [plane.follow, application.follow]

    async def play() -> None:
        await reloads.start()
        replaced = weakref.ref(plane.registry.find_graph(TINY).session)
        ask_in_bytes(application)
        with without_collector():
            await reload(link, 2)
            await asyncio.to_thread(wait_until, lambda: replaced() is None)
            assert gc.collect() < MAX_GARBAGE

    asyncio.run(asyncio.wait_for(play(), 60))


def ask_in_bytes(application: Application) -> None:
    """Asks a row as a tensor after a head of JSON, which is kept for the next request of this kind."""
    row = np.zeros((1, 2), np.float32).tobytes()
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, 2]}
    tensor["parameters"] = {"binary_data_size": len(row)}
    head = json.dumps({"inputs": [tensor]}).encode()
    fields = [(b"inference-header-content-length", b"%d" % len(head))]
    route = application.fast_routes[f"/v2/models/{TINY}/infer".encode()]

    reply = application.answer_at_once(route, head + row, fields)
    assert isinstance(reply, Reply)
    assert reply.content.status == 200


async def reload(link: Link, number: int) -> None:
    """Has the worker take a generation."""
    link.sent.clear()
    link.tell("prepare", number)
    await asyncio.to_thread(wait_until, lambda: link.sent == [("prepared", number)])
    link.tell("commit", number)
    await asyncio.to_thread(wait_until, lambda: len(link.sent) == 2)


@contextmanager
def without_collector() -> Iterator[None]:
    """Keeps the collector from looking for garbage inside the block, in which there is none at first."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
