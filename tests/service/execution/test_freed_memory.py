"""Memory that large requests freed goes back to the system, and what they leave is freed at once."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import InvalidRequest
from service.execution.batching import Batches
from service.execution.freed_memory import (
    MAX_VAIN,
    MIN_GROWN_BYTES,
    MIN_PAUSE_S,
    Releaser,
)
from service.execution.pipeline import Pipeline
from service.execution.run import Pending, Run
from service.http.responses import respond_to_error
from service.models.cancellation import check
from service.models.graph import Graph
from service.models.model import load_graph
from tests.support.connections import measure_memory
from tests.support.graphs import write_range
from tests.support.loop_graphs import write_counter
from tests.support.model_folders import link_models
from tests.support.server import Server

LIMIT_S = 60
N_CLIENTS = 16
MAX_KEPT_BYTES = 110_000_000


class Memory:
    """Memory is as large as a test says, and shrinks to what is needed when it is given back."""

    def __init__(self) -> None:
        self.n_bytes = 100
        self.needed = 100

    def read(self) -> int:
        """Returns the bytes that are held."""
        return self.n_bytes

    def release(self) -> None:
        """Gives back what is not needed."""
        self.n_bytes = self.needed


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def releaser(memory: Memory) -> Releaser:
    """The releaser has seen the memory as it was at the start."""
    made = Releaser(memory.read, memory.release)
    for _ in range(MAX_VAIN):
        made.give_back()
    return made


def test_memory_is_given_back_once_it_does_not_grow(
    releaser: Releaser, memory: Memory
) -> None:
    """Freed memory that is large and still grows is left alone, and given back when it stays as it is."""
    later_s = time.monotonic() + MIN_PAUSE_S
    memory.n_bytes = 2 * MIN_GROWN_BYTES

    assert [releaser.is_due(later_s), releaser.is_due(later_s)] == [False, True]

    releaser.give_back()

    assert memory.n_bytes == memory.needed
    assert not releaser.is_due(later_s + MIN_PAUSE_S)


def test_what_is_needed_is_not_asked_for_again(
    releaser: Releaser, memory: Memory
) -> None:
    """Memory that could not be given back three times counts as needed from then on."""
    memory.n_bytes = memory.needed = 3 * MIN_GROWN_BYTES
    for _ in range(MAX_VAIN):
        releaser.give_back()
    later_s = time.monotonic() + MAX_VAIN * MIN_PAUSE_S

    assert not any(releaser.is_due(later_s) for _ in range(3))


def test_what_a_client_holds_for_a_while_is_given_back_later(
    releaser: Releaser, memory: Memory
) -> None:
    """Memory that could not be given back at first is tried again, after a pause that is longer each time."""
    memory.n_bytes = memory.needed = 3 * MIN_GROWN_BYTES
    releaser.give_back()
    releaser.give_back()
    now_s = time.monotonic()

    assert not releaser.is_due(now_s + MIN_PAUSE_S)
    assert releaser.is_due(now_s + 2 * MIN_PAUSE_S)


def test_what_was_freed_too_late_is_given_back_the_next_time(
    releaser: Releaser, memory: Memory
) -> None:
    """The rest is tried for after the pause, where much was given back and much is left."""
    memory.n_bytes = 5 * MIN_GROWN_BYTES
    memory.needed = 3 * MIN_GROWN_BYTES
    releaser.give_back()

    assert releaser.is_due(time.monotonic() + MIN_PAUSE_S)


def test_memory_is_not_given_back_again_and_again(
    releaser: Releaser, memory: Memory
) -> None:
    """A burst right after the last one waits for its turn."""
    soon_s = time.monotonic()
    memory.n_bytes = 2 * MIN_GROWN_BYTES

    assert not any(releaser.is_due(soon_s) for _ in range(3))


def send_large(server: Server) -> set[int]:
    """Returns the statuses of large requests that come at once."""
    rows = np.full((9_000, 64), 1.5).tolist()
    body = json.dumps({"model": "digits-mlp", "inputs": rows}).encode()

    def send(_: int) -> int:
        return server.post_raw("/predict", body).status_code

    with ThreadPoolExecutor(N_CLIENTS) as pool:
        return set(pool.map(send, range(N_CLIENTS)))


def test_a_server_shrinks_after_a_burst(
    start_server: Callable[..., Any], tmp_path: Path
) -> None:
    """A worker that answered 3 MB of JSON sixteen times at once soon has hardly more memory than before."""
    models = link_models(tmp_path / "models", "digits-mlp")
    with start_server(VEREDICTO_MODELS=models) as server:
        before = measure_memory(server)
        statuses = send_large(server)
        end = time.monotonic() + LIMIT_S
        while measure_memory(server) - before > MAX_KEPT_BYTES:
            assert time.monotonic() < end, measure_memory(server) - before
            time.sleep(0.2)

    assert 200 in statuses
    assert statuses <= {200, 503}


def test_a_server_shrinks_after_a_large_run(
    start_server: Callable[..., Any], tmp_path: Path
) -> None:
    """A run's 240 MB are soon given back, which onnxruntime would keep for the next one."""
    models = write_range(tmp_path).parent
    end = {"name": "end", "shape": [], "datatype": "INT64", "data": [30_000_000]}
    body = {"inputs": [end], "parameters": {"binary_data_output": True}}

    with start_server(VEREDICTO_MODELS=models) as server:
        before = measure_memory(server)
        assert server.post("/v2/models/range/infer", body).status_code == 200
        latest = time.monotonic() + LIMIT_S
        while measure_memory(server) - before > MAX_KEPT_BYTES:
            assert time.monotonic() < latest, measure_memory(server) - before
            time.sleep(0.2)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return load_graph(write_counter(tmp_path), name="counter")


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Keeps cycles from being collected during a test."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_run_in_a_thread_leaves_nothing(graph: Graph, *, is_wrong: bool) -> None:
    """An answered run and a refused one let their arrays go before the collector comes."""
    references: list[weakref.ref[Any]] = []

    def finish(outputs: Any) -> Any:
        references.append(weakref.ref(outputs[0]))
        if is_wrong:
            raise InvalidRequest("no answer")
        return outputs[0]

    async def ask(batches: Batches) -> None:
        trips = np.array([3])
        run = Run(graph, ["sum"], {"trips": trips}, 1, finish)
        try:
            await Pipeline(batches).complete(run, disconnect=asyncio.Event().wait)
        except InvalidRequest as error:
            respond_to_error(error)
        references.append(weakref.ref(trips))

    # The thread that did it may hold on to it for a moment.
    with ThreadPoolExecutor(1) as pool:
        batches = Batches(pool, n_threads=1, max_waiting_rows=10)
        asyncio.run(ask(batches))

    assert [each() for each in references] == [None, None]


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("is_run", [False, True])
def test_work_that_nobody_waits_for_leaves_nothing(
    graph: Graph, *, is_run: bool
) -> None:
    """The arrays of work that was given up go with it, of a run or of a request, as soon as its thread is done."""
    references: list[weakref.ref[Any]] = []
    begun = threading.Event()

    def work(*_: Any) -> None:
        held = np.zeros(3)
        references.append(weakref.ref(held))
        begun.set()
        while True:
            check()

    async def ask(batches: Batches) -> None:
        outcome: Any = Run(graph, ["sum"], {"trips": np.array([3])}, 50, work)
        if not is_run:
            job = batches.submit("account", "an account", work)
            outcome = Pending(job.future, None, partial(batches.threads.cancel, job))
        asked = asyncio.ensure_future(Pipeline(batches).complete(outcome))
        await asyncio.to_thread(begun.wait)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        # The thread is done with it, and the event loop has heard of that.
        await asyncio.to_thread(pool.shutdown)

    pool = ThreadPoolExecutor(1)
    asyncio.run(ask(Batches(pool, n_threads=1, max_waiting_rows=100)))

    assert references[0]() is None


@pytest.mark.usefixtures("without_collector")
def test_a_refused_request_leaves_nothing() -> None:
    """A request that a thread refused does not stay in the frames of the error that was answered."""
    references: list[weakref.ref[Any]] = []

    def refuse(request: Any) -> None:
        raise InvalidRequest(f"{len(request)} values are no request")

    async def ask(batches: Batches) -> None:
        request = np.zeros(3)
        references.append(weakref.ref(request))
        job = batches.submit("account", "an account", partial(refuse, request))
        pending = Pending(job.future, None, partial(batches.threads.cancel, job))
        try:
            await Pipeline(batches).complete(pending, disconnect=asyncio.Event().wait)
        except InvalidRequest as error:
            respond_to_error(error)

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(ask(Batches(pool, n_threads=1, max_waiting_rows=10)))

    assert references[0]() is None
