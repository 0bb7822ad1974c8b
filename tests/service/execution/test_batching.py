"""Requests that come while a model is busy share its next run, and are answered as if each had come alone."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest

from service.contract.limits import Limits
from service.errors import InvalidRequest, Overloaded
from service.execution.batching import MAX_JOINED_ROWS, Batches
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Pipeline
from service.execution.run import MAX_INLINE_TEXTS, Reply, Run
from service.execution.run_queue import Finished, RunQueue, SharedRun, WaitingRun
from service.http.open_inference import InferRoute
from service.models.graph import Graph
from service.models.model import load_graph
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import write_gather

KNN = EXPORTED_MODELS / "digits-knn.onnx"
CNN = EXPORTED_MODELS / "cat_or_automobile-cnn.onnx"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def load(path: Path) -> Graph:
    graph = load_graph(path, name=path.stem)
    graph.is_batchable = True  # whatever was measured here
    return graph


def make_run(graph: Graph, inputs: Any) -> Run:
    assert graph.model is not None
    return Run(graph, graph.model.output_names, inputs, len(inputs), list)


class Gate:
    """A gate keeps a model's runs back until it is opened, and counts the rows of each run."""

    def __init__(self, graph: Graph) -> None:
        self.rows: list[int] = []
        self.event = Event()
        self._run = graph.run
        graph.run = self.run  # type: ignore[method-assign]

    def run(self, names: list[str], inputs: Any) -> list[Any]:
        self.event.wait(30)
        self.rows.append(len(inputs))
        return self._run(names, inputs)


async def run_all(
    batches: Batches,
    runs: list[Run],
    gate: Gate,
    *,
    cancelled: set[int] = frozenset(),
) -> list[Any]:
    """Runs all requests at once while the model is busy with the first, and cancels those of `cancelled` that wait."""
    tasks = [asyncio.create_task(batches.run(run)) for run in runs]
    await asyncio.sleep(0)
    for index in cancelled:
        tasks[index].cancel()

    gate.event.set()

    return await asyncio.gather(*tasks, return_exceptions=True)


def draw_rows(draw: np.random.Generator, n_rows: int) -> Any:
    """Returns rows of 64 features; one in five requests has a value that no model can work with."""
    inputs = draw.uniform(0, 16, (n_rows, 64)).astype(np.float32)
    if draw.random() < 0.2:
        inputs[0, 0] = np.inf

    return inputs


def draw_images(draw: np.random.Generator, n_images: int) -> Any:
    """Returns images of one of three heights."""
    height = int(draw.choice([8, 32, 40]))
    return list(draw.integers(0, 256, (n_images, height, 30, 3), dtype=np.uint8))


def check_result(result: Any, right: Any) -> None:
    """Checks that a request has the outputs, or the refusal, that it has alone."""
    if isinstance(right, InvalidRequest):
        assert str(result) == str(right)
        return

    assert isinstance(result, Finished)
    assert np.array_equal(result.outputs[0], right[0])
    assert np.allclose(result.outputs[1], right[1], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("path", [KNN, CNN], ids=["rows", "images"])
def test_answers_are_those_of_requests_that_come_alone(
    path: Path, seed: int, pool: ThreadPoolExecutor
) -> None:
    """Every request gets its own answer, also when others are cancelled, fail or have other sizes, and none fails with
    a neighbour.
    """
    draw = np.random.default_rng(seed)
    graph = load(path)
    runs = []
    expected = []

    for _ in range(30):
        n_rows = int(draw.integers(1, 6))
        inputs = draw_rows(draw, n_rows) if path is KNN else draw_images(draw, n_rows)
        runs.append(make_run(graph, inputs))

        try:
            expected.append(runs[-1].execute())
        except InvalidRequest as error:
            expected.append(error)

    gate = Gate(graph)
    cancelled = set(random.Random(seed).sample(range(2, 30), 6))
    found = asyncio.run(
        run_all(
            Batches(pool, n_threads=1, max_waiting_rows=1000),
            runs,
            gate,
            cancelled=cancelled,
        )
    )

    for index, (result, right) in enumerate(zip(found, expected, strict=True)):
        if index in cancelled:
            assert isinstance(result, asyncio.CancelledError)
        else:
            check_result(result, right)

    assert len(gate.rows) < 30, "nothing was run together"


def test_a_lone_request_is_run_at_once(pool: ThreadPoolExecutor) -> None:
    """Requests that come one after the other are run one by one, and none waits for company."""
    graph = load(KNN)
    gate = Gate(graph)
    gate.event.set()
    batches = Batches(pool, n_threads=1, max_waiting_rows=100)

    async def ask() -> None:
        for _ in range(3):
            await batches.run(make_run(graph, np.zeros((2, 64), np.float32)))

    asyncio.run(ask())

    assert gate.rows == [2, 2, 2]
    assert graph.statistics.describe()["batch_stats"][0]["compute_infer"]["count"] == 3


def test_rows_are_counted_and_not_requests(pool: ThreadPoolExecutor) -> None:
    """A run takes as many requests as its limit of rows allows."""
    graph = load(KNN)
    gate = Gate(graph)
    runs = [
        make_run(graph, np.zeros((n_rows, 64), np.float32))
        for n_rows in (1, 10, 10, 4, 2)
    ]
    asyncio.run(run_all(Batches(pool, n_threads=1, max_waiting_rows=100), runs, gate))

    assert gate.rows == [1, 16, 10]
    assert MAX_JOINED_ROWS == 16


def test_the_limit_of_joined_rows_can_be_set(pool: ThreadPoolExecutor) -> None:
    """Runs of one row are joined by four with a limit of 4 rows, behind the one that ran at once."""
    graph = load(KNN)
    gate = Gate(graph)
    runs = [make_run(graph, np.zeros((1, 64), np.float32)) for _ in range(9)]
    batches = Batches(pool, n_threads=1, max_waiting_rows=100, max_batch_rows=4)
    asyncio.run(run_all(batches, runs, gate))

    assert gate.rows == [1, 4, 4]


def test_nothing_is_joined_where_that_takes_longer(pool: ThreadPoolExecutor) -> None:
    """Requests are not joined where the measurement at loading says that joint runs take longer."""
    graph = load(KNN)
    graph.is_batchable = False
    gate = Gate(graph)
    runs = [make_run(graph, np.zeros((1, 64), np.float32)) for _ in range(5)]
    asyncio.run(run_all(Batches(pool, n_threads=1, max_waiting_rows=100), runs, gate))

    assert gate.rows == [1] * 5


def test_more_rows_than_may_wait_are_refused(pool: ThreadPoolExecutor) -> None:
    """A request beyond the limit of waiting rows is refused, and those that wait are answered."""
    graph = load(KNN)
    gate = Gate(graph)
    runs = [make_run(graph, np.zeros((10, 64), np.float32)) for _ in range(5)]
    found = asyncio.run(
        run_all(Batches(pool, n_threads=1, max_waiting_rows=30), runs, gate)
    )

    assert [type(each) for each in found] == [Finished] * 4 + [Overloaded]

    limit = "the limit is 30 (16 times VEREDICTO_MAX_ROWS)"

    assert str(found[4]) == f"30 rows wait for digits-knn already, {limit}: try again"


def test_a_run_that_has_ended_tells_nothing_of_the_wait(
    pool: ThreadPoolExecutor,
) -> None:
    """An event loop that is late, and has not heard of its end, does not take the run for one that goes on."""
    graph = load(KNN)
    batches = Batches(pool, n_threads=1, max_waiting_rows=1000)

    async def ask() -> float:
        tasks = [
            asyncio.create_task(batches.run(make_run(graph, np.zeros((1, 64), "f4"))))
            for _ in range(20)
        ]
        await asyncio.sleep(0)
        (running,) = batches._queues[graph].running
        assert running.job is not None
        running.job.future.result(30)
        running.started -= 1000
        found = batches._queues[graph].expect_wait_s(MAX_JOINED_ROWS)
        await asyncio.gather(*tasks)

        return found

    assert asyncio.run(ask()) == 0


@pytest.mark.parametrize(("n_rows", "wait_s"), [(1, 2 * 8), (8, 12 * 8), (150, 24 * 8)])
def test_the_wait_is_that_of_the_runs_to_come(n_rows: int, wait_s: float) -> None:
    """The expected wait is that of the runs that 24 requests share, each as long as the present one, here 8 s."""
    graph = load(KNN)

    async def expect_wait_s() -> float:
        future = asyncio.get_running_loop().create_future()
        each = WaitingRun(make_run(graph, np.zeros((n_rows, 64), "f4")), future)
        running = SharedRun([each], started=perf_counter() - 8)
        queue = RunQueue(deque([each] * 24), n_rows=24 * n_rows, running=[running])
        return queue.expect_wait_s(MAX_JOINED_ROWS)

    assert asyncio.run(expect_wait_s()) == pytest.approx(wait_s, rel=0.1)


def test_a_request_given_up_leaves_room(pool: ThreadPoolExecutor) -> None:
    """The rows of a cancelled request no longer count as waiting."""
    graph = load(KNN)
    gate = Gate(graph)
    batches = Batches(pool, n_threads=1, max_waiting_rows=10)

    async def ask() -> list[Any]:
        busy, given_up = (
            asyncio.create_task(
                batches.run(make_run(graph, np.zeros((9, 64), np.float32)))
            )
            for _ in "ab"
        )
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        late = asyncio.create_task(
            batches.run(make_run(graph, np.zeros((9, 64), np.float32)))
        )
        await asyncio.sleep(0)
        gate.event.set()

        return await asyncio.gather(busy, late)

    assert len(asyncio.run(ask())) == 2


def test_as_many_runs_as_threads_go_side_by_side(pool: ThreadPoolExecutor) -> None:
    """Two threads carry two runs at once, and the remaining requests share the next."""
    graph = load(KNN)
    gate = Gate(graph)
    runs = [make_run(graph, np.zeros((1, 64), np.float32)) for _ in range(6)]
    asyncio.run(run_all(Batches(pool, n_threads=2, max_waiting_rows=100), runs, gate))

    assert sorted(gate.rows) == [1, 1, 4]


def ask(route: InferRoute, document: Any) -> Any:
    """Returns what the pipeline makes of a body of JSON."""
    with ThreadPoolExecutor(1) as pool:
        pipeline = Pipeline(Batches(pool, n_threads=1, max_waiting_rows=1))
        return pipeline.answer(
            route, json.dumps(document).encode(), route.read_head([])
        )


def ask_protocol(route: InferRoute, name: str, datatype: str, array: np.ndarray) -> Any:
    tensor = {
        "name": name,
        "shape": list(array.shape),
        "datatype": datatype,
        "data": array.reshape(-1).tolist(),
    }
    return ask(route, {"inputs": [tensor]})


async def carry_out_all(batches: Batches, runs: list[Run], gate: Gate) -> list[Any]:
    tasks = [asyncio.create_task(batches.carry_out(run)) for run in runs]
    await asyncio.sleep(0)
    gate.event.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_many_rows_are_run_and_answered_in_one_thread(pool: ThreadPoolExecutor) -> None:
    """The answer of many rows is made in the run's thread, where its errors are the request's own; that of few rows is
    made on the event loop.
    """

    def finish(outputs: Any) -> Any:
        return threading.current_thread().name, len(outputs[0])

    def fail(outputs: Any) -> Any:
        raise InvalidRequest(f"{len(outputs)} outputs are no answer")

    graph = load(KNN)
    rows = [
        np.zeros((n_rows, 64), np.float32)
        for n_rows in (MAX_JOINED_ROWS + 1, MAX_JOINED_ROWS, MAX_JOINED_ROWS + 1)
    ]
    runs = [
        replace(make_run(graph, each), finish=end)
        for each, end in zip(rows, (finish, finish, fail), strict=True)
    ]
    found = asyncio.run(
        carry_out_all(
            Batches(pool, n_threads=1, max_waiting_rows=100), runs, Gate(graph)
        )
    )

    assert found[0][0] == (ANY, MAX_JOINED_ROWS + 1)
    assert found[0][0][0] != threading.main_thread().name
    assert found[0].records[0].times.output_ns > 0
    assert found[1][0] == (threading.main_thread().name, MAX_JOINED_ROWS)
    assert isinstance(found[2], InvalidRequest)
    assert found[2].model is graph


def test_many_texts_are_not_written_on_the_event_loop(pool: ThreadPoolExecutor) -> None:
    """A classification of many rows is written in a thread although the model is quick."""
    graph = load_graph(KNN, name=KNN.stem)
    graph.max_quick_rows = 10**6
    route = InferRoute(graph, Limits(Settings()), RouteMetrics("texts"))

    def classify(n_rows: int) -> Any:
        tensor = {
            "name": "features",
            "shape": [n_rows, 64],
            "datatype": "FP32",
            "data": [0.0] * (64 * n_rows),
        }
        output = {"name": "probabilities", "parameters": {"classification": 10}}
        return ask(route, {"inputs": [tensor], "outputs": [output]})

    few = classify(MAX_INLINE_TEXTS // 10)
    many = classify(MAX_INLINE_TEXTS // 10 + 1)

    assert isinstance(few, Reply)
    assert isinstance(many, Run)

    answer, _ = asyncio.run(
        Batches(pool, n_threads=1, max_waiting_rows=100).carry_out(many)
    )

    assert len(json.loads(answer.body)["outputs"][0]["data"]) == MAX_INLINE_TEXTS + 10


def test_the_protocols_inference_of_a_slow_model_is_joined_too(
    pool: ThreadPoolExecutor,
) -> None:
    """Inference requests of the protocol are joined, and answered as if each had been run alone."""
    graph = load(KNN)
    route = InferRoute(graph, Limits(Settings()), RouteMetrics("joined"))
    rows = np.random.default_rng(0).uniform(0, 16, (5, 1, 64)).astype(np.float32)
    graph.max_quick_rows = 1
    expected = [ask_protocol(route, "features", "FP32", each) for each in rows]
    graph.max_quick_rows = 0
    runs = [ask_protocol(route, "features", "FP32", each) for each in rows]

    assert all(isinstance(each, Reply) for each in expected)
    assert all(isinstance(each, Run) for each in runs)

    gate = Gate(graph)
    found = asyncio.run(
        carry_out_all(Batches(pool, n_threads=1, max_waiting_rows=100), runs, gate)
    )

    assert gate.rows == [1, 4]
    assert [json.loads(answer.body) for answer, _ in found] == [
        json.loads(each.content.body) for each in expected
    ]
    assert [
        (record.graph, record.times.rows, record.times.executions)
        for _, (record,) in found
    ] == [(graph, 1, 0)] * 5


def test_a_graph_without_a_card_is_run_alone(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """Each request for a graph without a card has a run of its own, since nothing says which axes are rows, and one
    that fails fails alone.
    """
    graph = load_graph(write_gather(tmp_path), name="gather")
    graph.max_quick_rows = 0
    route = InferRoute(graph, Limits(Settings()), RouteMetrics("alone"))
    runs = [
        ask_protocol(route, "index", "INT64", np.array([index]))
        for index in (0, 1, 9, 2)
    ]
    gate = Gate(graph)
    found = asyncio.run(
        carry_out_all(Batches(pool, n_threads=1, max_waiting_rows=100), runs, gate)
    )

    assert isinstance(found[2], InvalidRequest)
    assert found[2].model is graph

    answers = [
        json.loads(answer.body)["outputs"][0]["data"]
        for answer, _ in found[:2] + found[3:]
    ]

    assert answers == [[1.0], [2.0], [3.0]]
    assert len(gate.rows) == 4
