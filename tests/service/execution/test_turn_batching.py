"""Quick runs that come in one turn of the event loop share a run, and are answered as if each had come alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import InvalidRequest
from service.execution.run import Reply, Run
from service.execution.turn_batching import TurnBatch, TurnRun
from service.models.graph import Graph
from service.models.model import load_graph
from tests.conftest import EXPORTED_MODELS

KNN = EXPORTED_MODELS / "digits-knn.onnx"
MAX_ROWS = 16


@pytest.fixture
def graph() -> Graph:
    """Returns a classifier of digits whose runs count as quick, and that notes the rows of each."""
    loaded = load_graph(Path(KNN), name=KNN.stem)
    loaded.max_quick_rows = 40
    return loaded


@pytest.fixture
def noted(graph: Graph) -> list[int]:
    """Returns the list of the rows of each run of the graph."""
    rows: list[int] = []
    run = graph.run

    def note(names: list[str], inputs: Any) -> list[Any]:
        rows.append(len(inputs))
        return run(names, inputs)

    graph.run = note  # type: ignore[method-assign]
    return rows


def make_run(graph: Graph, inputs: Any, names: list[str] | None = None) -> Run:
    assert graph.model is not None
    return Run(graph, names or graph.model.output_names, inputs, len(inputs), list)


def draw_rows(seed: int, n_rows: int) -> Any:
    draw = np.random.default_rng(seed)
    return draw.uniform(0, 16, (n_rows, 64)).astype(np.float32)


def play(
    runs: list[Run], act: Callable[[list[TurnRun]], None] = lambda _: None
) -> list[Any]:
    """Has all runs come in one turn, acts, ends the turn, and returns what was delivered for each; None for nothing."""
    delivered: list[Any] = [None] * len(runs)

    async def come() -> None:
        turn = TurnBatch(MAX_ROWS)
        waiting = [turn.take(run) for run in runs]
        for number, each in enumerate(waiting):
            each.finish = lambda result: (
                result if isinstance(result, Reply) else Reply(result)
            )
            each.deliver = lambda reply, number=number: delivered.__setitem__(  # type: ignore[misc]  # mypy takes it for another
                number, reply.content
            )

        assert delivered == [None] * len(runs)
        act(waiting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(come())

    return delivered


def check(found: Any, run: Run) -> None:
    """Checks that a request has the outputs that it has alone."""
    right = run.execute()
    assert np.array_equal(found[0], right[0])
    assert np.allclose(found[1], right[1], atol=1e-6)


def test_runs_of_one_turn_are_made_together(graph: Graph, noted: list[int]) -> None:
    """Requests of one turn share runs of at most sixteen rows, and each has its own answer."""
    runs = [make_run(graph, draw_rows(seed, 1 + seed % 5)) for seed in range(12)]
    found = play(runs)
    shared = list(noted)

    assert sum(shared) == sum(each.n_rows for each in runs)
    assert len(shared) < len(runs) / 2
    assert max(shared) <= MAX_ROWS
    for answer, run in zip(found, runs, strict=True):
        check(answer, run)


def test_a_run_takes_no_more_rows_than_are_quick(
    graph: Graph, noted: list[int]
) -> None:
    """Runs have three rows at most where three are as many as are quick, since the event loop waits for them."""
    graph.max_quick_rows = 3
    play([make_run(graph, draw_rows(seed, 1)) for seed in range(7)])

    assert noted == [3, 3, 1]


def test_other_outputs_are_another_run(graph: Graph, noted: list[int]) -> None:
    """Requests that ask for other outputs share no run."""
    label = [make_run(graph, draw_rows(seed, 1), ["label"]) for seed in range(2)]
    whole = [make_run(graph, draw_rows(seed, 1)) for seed in range(2)]
    found = play([label[0], whole[0], label[1], whole[1]])

    assert noted == [2, 2]
    assert [len(each) for each in found] == [1, 2, 1, 2]


def test_a_request_fails_alone(graph: Graph) -> None:
    """A value that the model cannot work with refuses its own request, and no other of the turn."""
    bad = draw_rows(0, 1)
    bad[0, 0] = np.inf
    runs = [make_run(graph, draw_rows(1, 1)), make_run(graph, bad)]
    found = play([*runs, make_run(graph, draw_rows(2, 2))])

    assert isinstance(found[1], InvalidRequest)
    assert found[1].model is graph
    check(found[0], runs[0])
    assert len(found[2][0]) == 2


def test_what_cannot_be_delivered_keeps_nothing_from_the_others(
    graph: Graph, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that fails to take its answer is logged, and the others of the turn get theirs."""
    runs = [make_run(graph, draw_rows(seed, 1)) for seed in range(3)]

    def break_first(waiting: list[TurnRun]) -> None:
        def fail(_: Reply) -> None:
            raise OSError("no such connection")

        waiting[0].deliver = fail

    with caplog.at_level(logging.ERROR):
        found = play(runs, break_first)

    assert found[0] is None
    check(found[1], runs[1])
    check(found[2], runs[2])
    assert "could not be delivered" in caplog.text


def test_a_run_may_be_made_before_the_end_of_the_turn(
    graph: Graph, noted: list[int]
) -> None:
    """A run that is made at once is delivered at once, and not again at the end of the turn."""
    runs = [make_run(graph, draw_rows(seed, 1)) for seed in range(3)]

    def make_second(waiting: list[TurnRun]) -> None:
        waiting[1].make_now()
        waiting[1].make_now()
        assert noted == [1]

    found = play(runs, make_second)

    assert noted == [1, 2]
    for answer, run in zip(found, runs, strict=True):
        check(answer, run)


def test_what_nobody_waits_for_is_not_made(graph: Graph, noted: list[int]) -> None:
    """A run that was given up is not made, and counts once as one that was cancelled."""
    runs = [make_run(graph, draw_rows(seed, 1)) for seed in range(3)]

    def leave(waiting: list[TurnRun]) -> None:
        waiting[0].give_up()
        waiting[0].give_up()

    found = play(runs, leave)

    assert noted == [2]
    assert found[0] is None
    assert graph.statistics.failed["cancelled"] == 1


def test_a_shared_run_counts_once(graph: Graph) -> None:
    """The statistics have one execution of all rows, and each reply has the time for which its request waited."""
    replies: list[Reply] = []

    async def come() -> None:
        turn = TurnBatch()
        for seed in range(3):
            turn.take(make_run(graph, draw_rows(seed, 1))).deliver = replies.append
        await asyncio.sleep(0.01)

    asyncio.run(come())

    assert graph.statistics.executions == 1
    assert [each.records[0].times.executions for each in replies] == [0, 0, 0]
    for reply in replies:
        times = reply.records[0].times
        assert times.rows == 1
        assert times.queue_ns > 0
        assert times.infer_ns > 0
