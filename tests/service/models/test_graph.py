"""A graph is measured at the start: whether its runs are quick, and whether several rows are worth one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.errors import InvalidRequest
from service.models.graph import (
    JOINED_ROWS,
    MIN_RUNS,
    MIN_SHARED_S,
    QUICK_S,
    SURELY_SLOW_S,
    Graph,
)
from service.models.model import load_graph
from service.models.registry import Registry
from service.models.session import Placement
from tests.support.graphs import write_latin
from tests.support.server import ROOT

LONG_S = 3 * SURELY_SLOW_S
MODELS = ROOT / "exported_models"


class Computing:
    """A Computing is a graph's run whose thread computes for exactly so many seconds, by its number of rows.

    It moves the clock that the measurements read, so that what else the system does meanwhile decides nothing.
    """

    def __init__(
        self,
        graph: Graph,
        find_s: Callable[[int], float],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.rows: list[int] = []
        self._computed_s = 0.0
        self._run = graph.session.run
        self._find_s = find_s
        graph.session.run = self
        for module in ("graph", "self_check"):
            monkeypatch.setattr(
                f"service.models.{module}.thread_time", lambda: self._computed_s
            )

    def __call__(self, names: list[str], inputs: dict[str, Any], options: Any) -> Any:
        """Runs, and counts the seconds of so many rows."""
        (rows,) = inputs.values()
        self.rows.append(len(rows))
        self._computed_s += self._find_s(len(rows))
        return self._run(names, inputs, options)


class Delayed:
    """A Delayed is a graph's run that takes longer for as many runs as it is told to."""

    def __init__(self, graph: Graph, n_long: int, *, computes: bool) -> None:
        self.rows: list[int] = []
        self._run = graph.session.run
        self._n_long = n_long
        self._computes = computes
        graph.session.run = self

    def __call__(self, names: list[str], inputs: dict[str, Any], options: Any) -> Any:
        """Waits or computes, then runs."""
        (rows,) = inputs.values()
        self.rows.append(len(rows))
        if len(self.rows) > self._n_long:
            return self._run(names, inputs, options)

        if not self._computes:
            time.sleep(LONG_S)
        else:
            started_s = time.thread_time()
            while time.thread_time() - started_s < LONG_S:
                pass

        return self._run(names, inputs, options)


@pytest.fixture
def graph() -> Graph:
    """Returns a small model whose runs take microseconds."""
    return load_graph(Path(MODELS / "points-logistic.onnx"), name="points-logistic")


def test_a_run_that_was_interrupted_is_made_again(graph: Graph) -> None:
    """A graph whose first runs waited for a busy system, and computed nothing, is quick all the same."""
    run = Delayed(graph, MIN_RUNS - 1, computes=False)
    graph.measure()

    assert run.rows.count(1) >= MIN_RUNS
    assert graph.max_quick_rows > 1


def test_a_run_that_computes_for_long_is_made_once(graph: Graph) -> None:
    """A graph that computes for long in its first run is slow, which no further run would change."""
    run = Delayed(graph, 100, computes=True)
    graph.measure()

    assert run.rows.count(1) == 1
    assert graph.max_quick_rows == 0
    assert graph.row_s >= QUICK_S


def test_a_slow_graph_whose_self_check_gained_nothing_is_not_joined(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of its self-check took as long together as one by one, so no other run of several is made."""
    slow_s = 1.2 * SURELY_SLOW_S
    run = Computing(
        graph,
        lambda n_rows: slow_s * (1.1 * n_rows if n_rows > 1 else 1),
        monkeypatch,
    )
    assert graph.model is not None
    graph.model._check_itself()
    graph.measure()

    assert run.rows == [len(graph.model.card.self_check.input), 1]
    assert not graph.is_batchable
    assert graph.row_s >= slow_s


def test_a_slow_graph_whose_self_check_gained_is_joined(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that takes as long with many rows as with one is worth joining, however slow it is."""
    run = Computing(graph, lambda _: 1.2 * SURELY_SLOW_S, monkeypatch)
    assert graph.model is not None
    graph.model._check_itself()
    graph.measure()

    assert run.rows == [len(graph.model.card.self_check.input), 1, JOINED_ROWS]
    assert graph.is_batchable
    assert graph.row_s < SURELY_SLOW_S


def test_what_several_threads_compute_is_measured_by_the_clock() -> None:
    """A graph whose runs use more than the calling thread counts the time in which that one waits for the others."""
    path = MODELS / "points-logistic.onnx"
    graph = load_graph(path, name=path.stem, placement=Placement(threads=2))
    assert not graph.session.computes_in_caller
    run = Delayed(graph, 100, computes=False)
    graph.measure()

    assert run.rows.count(1) >= MIN_RUNS
    assert graph.max_quick_rows == 0


def test_a_folder_is_measured_while_it_is_loaded(tmp_path: Path) -> None:
    """Graphs that compute in the calling thread are measured by those that load them, others once all are there."""
    shutil.copy(MODELS / "points-logistic.onnx", tmp_path)
    for threads, is_measured in ((1, True), (2, False)):
        registry = Registry.load(
            tmp_path, placement=Placement(threads=threads), at_once=2
        )
        (graph,) = registry
        assert graph.is_measured is is_measured

        registry.measure()
        assert graph.is_measured
        assert graph.max_quick_rows > 1


def test_images_that_take_long_are_not_joined() -> None:
    """A graph whose two images together would hold a thread for too long is not tried with two."""
    name = "cat_or_automobile-cnn"
    graph = load_graph(MODELS / f"{name}.onnx", name=name)
    run = Delayed(graph, 100, computes=True)
    graph.measure()

    assert run.rows == [1]
    assert not graph.is_batchable
    assert graph.row_s >= LONG_S


@pytest.mark.parametrize(
    ("alone_s", "row_s", "is_batchable"),
    [
        (MIN_SHARED_S * 2, MIN_SHARED_S * 0.5, True),
        (MIN_SHARED_S * 2, MIN_SHARED_S * 1.5, False),
        (MIN_SHARED_S * 0.5, MIN_SHARED_S * 0.1, False),
    ],
    ids=["shared", "as much for each row", "too quick"],
)
def test_quick_runs_are_joined_where_that_takes_less(
    graph: Graph,
    monkeypatch: pytest.MonkeyPatch,
    *,
    alone_s: float,
    row_s: float,
    is_batchable: bool,
) -> None:
    """Quick runs share one where they take a tenth of a millisecond, and another row less than half of that."""
    monkeypatch.setattr(
        graph, "_time", lambda n_rows, **_: alone_s + (n_rows - 1) * row_s
    )
    graph.measure()

    assert graph.max_quick_rows > 1
    assert graph.is_batchable is is_batchable
    assert graph.alone_s == alone_s


def test_what_cannot_be_split_is_not_joined(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quick graph with an output that has no row for each input row has no time for comparisons to add up."""
    monkeypatch.setattr(graph, "_time", lambda n_rows, **_: 2e-5 + n_rows * 1e-6)
    monkeypatch.setattr(graph, "has_rows", lambda name: name != "label")
    graph.measure()

    assert graph.max_quick_rows > 1
    assert graph.alone_s == np.inf


def test_a_text_that_is_no_utf_8_is_told_as_the_files_fault(tmp_path: Path) -> None:
    """A graph of texts in another encoding answers by its other outputs, and says what is wrong with that one."""
    write_latin(tmp_path)
    graph = Registry.load(tmp_path).find_graph("latin")
    x = np.zeros(1, np.float32)

    assert graph.run(["y"], {"x": x})[0].tolist() == [0.0]
    with pytest.raises(
        InvalidRequest,
        match=r"^latin answers with a text that is not UTF-8 \(.*\), which its file has to mend: "
        r"ask for its other outputs$",
    ):
        graph.run(["texts"], {"x": x})
