"""Comparisons of one turn run their classifiers together, and are answered as if each had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from service.calls.comparison_run import ComparisonRun
from service.calls.data_plane import DataPlane
from service.contract.codec import as_json
from service.contract.requests import CompareRequest
from service.errors import InvalidRequest
from service.execution.run import Reply
from service.execution.turn_batching import TurnBatch, TurnRun
from service.models.registry import Registry
from service.settings import Settings
from tests.support.model_folders import link_models
from tests.support.server import Server

TASK = "breast_cancer"
N_FEATURES = 30


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> DataPlane:
    """Returns a data plane of the shipped classifiers of tumours, which count as quick."""
    folder = link_models(tmp_path_factory.mktemp("models"), f"{TASK}-*")
    loaded = DataPlane(Registry.load(folder), Settings(models=folder))
    for model in loaded.registry.task(TASK):
        model.graph.alone_s = 2e-5
        model.graph.row_s = 2e-6

    return loaded


def draw_rows(seed: int, n_rows: int) -> list[list[float]]:
    draw = np.random.default_rng(seed)
    rows: list[list[float]] = draw.uniform(0, 100, (n_rows, N_FEATURES)).tolist()
    return rows


def make_run(
    plane: DataPlane, seed: int, n_rows: int = 1, **other: Any
) -> ComparisonRun:
    return plane.compare(
        CompareRequest(task=TASK, inputs=draw_rows(seed, n_rows), **other)
    )


def play(
    runs: list[ComparisonRun], act: Callable[[list[TurnRun]], None] = lambda _: None
) -> list[Any]:
    """Has all runs come in one turn, acts, ends the turn, and returns each reply or error, or None."""
    delivered: list[Any] = [None] * len(runs)

    async def come() -> None:
        turn = TurnBatch()
        waiting = [turn.take(run) for run in runs]
        for number, each in enumerate(waiting):
            each.finish = lambda result: (
                result if isinstance(result, Reply) else Reply(result)
            )
            each.deliver = lambda reply, number=number: delivered.__setitem__(  # type: ignore[misc]  # mypy takes it for another
                number, reply
            )

        act(waiting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(come())

    return delivered


def check(found: Any, right: Any) -> None:
    """Checks that two answers are equal but for times and the rounding of other sums."""
    if isinstance(right, dict):
        assert found.keys() == right.keys()
        for name, value in right.items():
            if name != "latency_ms":
                check(found[name], value)
    elif isinstance(right, list):
        assert len(found) == len(right)
        for each in zip(found, right, strict=True):
            check(*each)
    elif isinstance(right, float):
        assert found == pytest.approx(right, abs=1e-6)
    else:
        assert found == right


@pytest.fixture
def joined_rows(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns the list of the rows of each run of the first classifier."""
    rows: list[int] = []
    model = plane.registry.task(TASK)[0]
    run = model.run_unchecked

    def note(names: list[str], inputs: Any) -> Any:
        rows.append(len(inputs))
        return run(names, inputs)

    monkeypatch.setattr(model, "run_unchecked", note)
    return rows


def test_comparisons_of_one_turn_are_made_together(
    plane: DataPlane, joined_rows: list[int]
) -> None:
    """Requests of one turn share runs of at most sixteen rows, and each has the answer that it has alone."""
    n_rows = [1 + seed % 3 for seed in range(12)]
    runs = [make_run(plane, seed, each) for seed, each in enumerate(n_rows)]
    found = play(runs)
    shared = list(joined_rows)

    assert sum(shared) == sum(n_rows)
    assert max(shared) <= 16
    assert len(shared) == 2
    for reply, run in zip(found, runs, strict=True):
        check(as_json(reply.content), as_json(run.reply().content))


def test_a_truth_is_that_of_its_own_request(plane: DataPlane) -> None:
    """Requests with labels share runs with others, and are scored by their own labels."""
    labels: Any = [["malignant", "benign"], ["benign", "benign"], None]
    runs = [make_run(plane, seed, 2, labels=each) for seed, each in enumerate(labels)]
    found = play(runs)

    for reply, run in zip(found, runs, strict=True):
        check(as_json(reply.content), as_json(run.reply().content))
    assert "cochran_q" in found[0].content
    assert "cochran_q" not in found[2].content


def test_other_classifiers_are_another_run(
    plane: DataPlane, joined_rows: list[int]
) -> None:
    """Requests that name some of the classifiers share no run with those for all of them."""
    names = [model.name for model in plane.registry.task(TASK)[:2]]
    runs = [make_run(plane, seed) for seed in range(3)]
    some = [make_run(plane, seed, models=names) for seed in range(2)]
    found = play([*runs, *some])

    assert joined_rows == [3, 2]
    assert [len(reply.content["models"]) for reply in found] == [8, 8, 8, 2, 2]


def test_a_comparison_fails_alone(plane: DataPlane) -> None:
    """A row of which a classifier makes no finite number refuses its own request, and no other of the turn."""
    bad = plane.compare(CompareRequest(task=TASK, inputs=[[3.4e38] * N_FEATURES]))
    good = [make_run(plane, seed) for seed in range(2)]
    found = play([good[0], bad, good[1]])

    with pytest.raises(InvalidRequest) as alone:
        bad.reply()
    assert str(found[1].content) == str(alone.value)
    for reply, run in zip(found[::2], good, strict=True):
        check(as_json(reply.content), as_json(run.reply().content))


def test_a_shared_run_that_fails_is_repeated_one_by_one(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request gets what it gets alone where a classifier refuses the rows of several together."""
    model = plane.registry.task(TASK)[3]
    run = model.run_unchecked

    def refuse_zeros(names: list[str], inputs: Any) -> Any:
        if not inputs.any(axis=1).all():
            raise InvalidRequest("a row of zeros")
        return run(names, inputs)

    monkeypatch.setattr(model, "run_unchecked", refuse_zeros)
    zeros = plane.compare(CompareRequest(task=TASK, inputs=[[0.0] * N_FEATURES]))
    good = make_run(plane, 1)
    found = play([zeros, good])

    assert str(found[0].content) == "a row of zeros"
    check(as_json(found[1].content), as_json(good.reply().content))


def test_a_shared_comparison_counts_once(plane: DataPlane) -> None:
    """Each classifier counts one execution of all rows, and each reply has the time for which its request waited."""
    graphs = [model.graph for model in plane.registry.task(TASK)]
    before = [graph.statistics.executions for graph in graphs]
    replies = play([make_run(plane, seed, 2) for seed in range(3)])

    assert [graph.statistics.executions for graph in graphs] == [
        each + 1 for each in before
    ]
    for reply in replies:
        assert [record.graph for record in reply.records] == graphs
        for record in reply.records:
            assert record.times.rows == 2
            assert record.times.executions == 0
            assert record.times.queue_ns > 0
            assert record.times.infer_ns > 0


def test_what_nobody_waits_for_is_not_compared(
    plane: DataPlane, joined_rows: list[int]
) -> None:
    """A comparison that was given up is not made, and counts for each classifier as one that was cancelled."""
    graphs = [model.graph for model in plane.registry.task(TASK)]
    before = [graph.statistics.failed["cancelled"] for graph in graphs]
    found = play(
        [make_run(plane, seed) for seed in range(3)],
        lambda waiting: waiting[1].give_up(),
    )

    assert joined_rows == [2]
    assert found[1] is None
    assert [graph.statistics.failed["cancelled"] for graph in graphs] == [
        each + 1 for each in before
    ]


@pytest.mark.parametrize(
    ("alone_s", "row_s", "is_worth"),
    [
        (2e-5, 2e-6, True),
        (2e-5, 2e-5, False),
        (1e-6, 1e-9, False),
        (5e-4, 1e-6, False),
        (np.inf, 1e-3, False),
    ],
    ids=["quick", "no gain by joining", "too quick", "slow in all", "a slow one"],
)
def test_comparisons_are_joined_where_it_is_worth_it(
    plane: DataPlane,
    monkeypatch: pytest.MonkeyPatch,
    *,
    alone_s: float,
    row_s: float,
    is_worth: bool,
) -> None:
    """They are joined where one takes .1 to 2 ms for all classifiers, and another row at most half of that."""
    run = make_run(plane, 0)
    assert run.is_worth_joining
    n_changed = 1 if alone_s == np.inf else 8
    for model in run.models[:n_changed]:
        monkeypatch.setattr(model.graph, "alone_s", alone_s)
        monkeypatch.setattr(model.graph, "row_s", row_s)

    assert run.is_worth_joining is is_worth


def test_no_more_rows_are_joined_than_are_quick(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch, joined_rows: list[int]
) -> None:
    """Rows that take all classifiers 2 ms together are as many as one run has, since the event loop waits for it."""
    runs = [make_run(plane, seed) for seed in range(8)]
    for model in runs[0].models:
        monkeypatch.setattr(model.graph, "alone_s", 1e-4)
        monkeypatch.setattr(model.graph, "row_s", 4e-5)

    play(runs)

    assert joined_rows == [4, 4]


def test_comparisons_of_many_clients_are_right(server: Server) -> None:
    """Each of many clients at once has the comparison of its own row, whatever it was joined with."""
    requests = [
        {"task": TASK, "inputs": draw_rows(seed, 1 + seed % 2)} for seed in range(48)
    ]

    def ask(number: int) -> list[Any]:
        with server.connect() as client:
            return [
                client.post("/compare", json=each).raise_for_status().json()
                for each in requests[number::12]
            ]

    alone = [ask_alone(server, each) for each in requests]
    with ThreadPoolExecutor(12) as threads:
        for _ in range(3):
            found = list(threads.map(ask, range(12)))
            for number, answers in enumerate(found):
                check(answers, alone[number::12])


def ask_alone(server: Server, request: dict[str, Any]) -> Any:
    return server.post("/compare", request).raise_for_status().json()
