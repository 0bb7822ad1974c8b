"""A model that hangs keeps no thread for longer than someone waits, and leaves room for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import numpy as np
import pytest

from service.errors import DeadlinePassed, Overloaded
from service.execution.batching import Batches
from service.execution.run import Run
from service.execution.threads import MIN_WAITING, Threads, find_max_long, make_pool
from service.models.graph import Graph
from service.models.model import load_graph
from tests.support.graphs import write_simple
from tests.support.loop_graphs import ENDLESS_TRIPS, write_counter

LIMIT_S = 60
SHORT_S = 0.05


@pytest.fixture
def pool() -> Iterator[Executor]:
    with make_pool(1) as threads:
        yield threads


def load(folder: Path, name: str) -> Graph:
    return load_graph(write_counter(folder, name), name=name)


def make_run(graph: Graph, trips: int, *, timeout_s: float | None = None) -> Run:
    inputs = {"trips": np.array([trips])}
    return Run(graph, ["sum"], inputs, 1, list, timeout_s=timeout_s)


def make_batches(pool: Executor) -> Batches:
    return Batches(pool, n_threads=1, max_waiting_rows=1000)


async def count(batches: Batches, run: Run) -> Any:
    async with asyncio.timeout(LIMIT_S):
        (total,) = (await batches.run(run)).outputs
    return total.tolist()


def test_a_deadline_ends_a_run_and_frees_its_thread(tmp_path: Path) -> None:
    """The only thread there is answers the next request after a run that would never end."""
    graph = load(tmp_path, "counter")

    async def play(pool: Executor) -> Any:
        batches = make_batches(pool)
        with pytest.raises(DeadlinePassed, match=r"0\.05 s"):
            await batches.carry_out(make_run(graph, ENDLESS_TRIPS, timeout_s=SHORT_S))
        return await count(batches, make_run(graph, 3))

    with ThreadPoolExecutor(1) as only:
        assert asyncio.run(play(only)) == [3]


def test_a_client_that_leaves_ends_its_run(tmp_path: Path) -> None:
    """A request that is given up while its graph runs ends that run, and no thread is stuck."""
    graph = load(tmp_path, "counter")
    has_begun = Event()
    run_graph = graph.run

    def run(names: list[str], inputs: Any) -> list[Any]:
        has_begun.set()
        return run_graph(names, inputs)

    graph.run = run  # type: ignore[method-assign]

    async def play(pool: Executor) -> Any:
        batches = make_batches(pool)
        hung = asyncio.create_task(batches.run(make_run(graph, ENDLESS_TRIPS)))
        await asyncio.sleep(0)
        assert await asyncio.to_thread(has_begun.wait, LIMIT_S)
        hung.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hung
        return await count(batches, make_run(graph, 2)), batches.threads.count_stuck()

    with ThreadPoolExecutor(1) as only:
        assert asyncio.run(play(only)) == ([2], 0)


def test_a_hung_model_leaves_room_for_another(tmp_path: Path, pool: Executor) -> None:
    """Another model is answered although the only thread for quick work runs without end."""
    hanging = load(tmp_path, "hanging")
    other = load(tmp_path, "other")

    async def play() -> Any:
        batches = make_batches(pool)
        hung = asyncio.create_task(batches.run(make_run(hanging, ENDLESS_TRIPS)))
        await asyncio.sleep(0)
        answers = [await count(batches, make_run(other, trips)) for trips in range(3)]
        is_running = not hung.done()
        hung.cancel()
        await asyncio.gather(hung, return_exceptions=True)
        return answers, is_running

    assert asyncio.run(play()) == ([[0], [1], [2]], True)


def test_one_account_does_not_take_all_threads(pool: Executor) -> None:
    """An account runs one job for each processor at once, and all accounts together as many long ones as allowed."""
    gate = Event()

    async def play() -> tuple[int, str]:
        threads = Threads(pool, 1)
        hung = [threads.submit("a", "a", partial(gate.wait, LIMIT_S)) for _ in range(5)]
        quick = threads.submit("b", "b", lambda: "answered")
        answer = await asyncio.wait_for(asyncio.wrap_future(quick.future), LIMIT_S)
        n_running = sum(each.future.running() for each in hung)
        gate.set()
        for each in hung:
            await asyncio.wrap_future(each.future)
        return n_running, answer

    assert asyncio.run(play()) == (1, "answered")
    assert find_max_long(1) >= 2


async def find_refusal(threads: Threads) -> None:
    """Asks for room until it is refused: the wait that is expected grows with the time that the first job has run."""
    while True:
        threads.check_room("a")
        await asyncio.sleep(0)


def test_too_many_waiting_jobs_are_refused(pool: Executor) -> None:
    """A job that hangs has as many behind it as are allowed, the next is refused, and one that leaves is not run."""
    gate = Event()
    ran: list[int] = []

    async def play() -> None:
        threads = Threads(pool, 1)
        threads.submit("a", "model a", partial(gate.wait, LIMIT_S))
        jobs = [
            threads.submit("a", "model a", partial(ran.append, index))
            for index in range(MIN_WAITING)
        ]
        with pytest.raises(Overloaded, match="wait for model a already"):
            await find_refusal(threads)

        threads.cancel(jobs[0])
        gate.set()
        await asyncio.wait_for(asyncio.wrap_future(jobs[-1].future), LIMIT_S)

    asyncio.run(asyncio.wait_for(play(), LIMIT_S))

    assert ran == list(range(1, MIN_WAITING))


def test_a_cost_that_depends_on_values_takes_a_thread(
    tmp_path: Path, pool: Executor
) -> None:
    """A graph with a loop is neither quick nor short, however quick it was when measured, and a plain one may be."""
    graph = load(tmp_path, "counter")
    plain = load_graph(write_simple(tmp_path), name="simple")
    for each in (graph, plain):
        each.measure()

    used: list[int] = []
    run_graph = graph.run

    def run(names: list[str], inputs: Any) -> list[Any]:
        used.append(get_ident())
        return run_graph(names, inputs)

    graph.run = run  # type: ignore[method-assign]
    left = make_run(graph, 1)

    assert graph.max_quick_rows == 0
    assert plain.max_quick_rows > 0
    assert left.reply_if_quick(0) is left

    for each in (graph, plain):
        each.row_s = 0.001
    assert not left.is_short
    assert make_run(plain, 1).is_short
    assert not make_run(plain, 1, timeout_s=60).is_short

    asyncio.run(count(make_batches(pool), left))

    assert used
    assert get_ident() not in used


def test_what_was_begun_goes_ahead_of_what_was_not(pool: Executor) -> None:
    """A run whose request a thread has decoded is made before another request is decoded."""
    order: list[str] = []
    may_end = Event()

    async def play() -> None:
        threads = Threads(pool, 1)
        jobs = [threads.submit("other", "other", may_end.wait)]
        decode = partial(order.append, "decoding")
        jobs += [threads.submit("decoding", "decoding", decode) for _ in range(2)]
        run = partial(order.append, "run")
        jobs.append(threads.submit("graph", "graph", run, is_begun=True))
        may_end.set()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*(asyncio.wrap_future(each.future) for each in jobs))

    asyncio.run(play())

    assert order == ["run", "decoding", "decoding"]
