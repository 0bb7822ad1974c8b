"""Work that nobody waits for ends: a run of a graph in its middle, anything else at its next look."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from service.errors import DeadlinePassed, InvalidRequest
from service.models.cancellation import (
    CancellationToken,
    activate,
    check,
    current,
    watch,
)
from service.models.graph import Graph
from service.models.model import load_graph
from tests.support.graphs import write_gather
from tests.support.loop_graphs import ENDLESS_TRIPS, write_counter

LIMIT_S = 60


@pytest.fixture
def counter(tmp_path: Path) -> Graph:
    return load_graph(write_counter(tmp_path), name="counter")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def count(graph: Graph, trips: int) -> Any:
    return graph.run(["sum"], {"trips": np.array([trips])})[0].tolist()


def test_a_run_is_ended_in_its_middle(counter: Graph, pool: ThreadPoolExecutor) -> None:
    """A run that would never end is ended by its token, and its thread runs the same graph again."""
    token = CancellationToken()
    has_begun = Event()
    session_run = counter.session.run

    def run(names: list[str], inputs: Any, options: Any) -> Any:
        has_begun.set()
        return session_run(names, inputs, options)

    hung = pool.submit(token.run, run, ["sum"], {"trips": np.array([ENDLESS_TRIPS])})
    assert has_begun.wait(LIMIT_S)
    token.cancel()

    with pytest.raises(DeadlinePassed, match="nobody waits for its answer"):
        hung.result(LIMIT_S)

    assert pool.submit(count, counter, 3).result(LIMIT_S) == [3]


def test_work_that_was_cancelled_before_does_not_begin(counter: Graph) -> None:
    """A token that was cancelled lets nothing begin, and keeps the time of the first cancellation."""
    token = CancellationToken()
    token.cancel()
    first = token.cancelled_at
    token.cancel()

    with pytest.raises(DeadlinePassed):
        token.run(counter.session.run, ["sum"], {"trips": np.array([1])})

    with pytest.raises(DeadlinePassed), activate(token):
        pytest.fail("the block began")

    assert token.cancelled_at == first
    assert current.token is None


def test_an_error_of_a_wanted_run_stays(tmp_path: Path) -> None:
    """A run that fails by itself under a token has its own error."""
    graph = load_graph(write_gather(tmp_path), name="gather")

    with activate(CancellationToken()), pytest.raises(InvalidRequest, match="gather"):
        graph.run(["row"], {"index": np.array([7])})


def test_items_are_watched() -> None:
    """A loop over items ends at the first item after the cancellation."""
    token = CancellationToken()

    with activate(token):
        items = watch(range(10))
        seen = [next(items), next(items)]
        token.cancel()
        with pytest.raises(DeadlinePassed):
            next(items)

    assert seen == [0, 1]


def test_work_without_a_token_is_never_ended() -> None:
    """All items come where no token is active, and a look raises nothing."""
    check()

    assert list(watch(range(3))) == [0, 1, 2]


def test_the_token_before_comes_back() -> None:
    """Work inside work has its own token, and the outer one is back behind it."""
    outer = CancellationToken()
    inner = CancellationToken()

    with activate(outer):
        with activate(inner):
            assert current.token is inner
        assert current.token is outer

    assert current.token is None
