"""What is left of a request that has been read: a run of one model, and the answer that its outputs make."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from time import perf_counter_ns
from typing import Any, NamedTuple, TypeVar

from numpy.typing import NDArray

from service.errors import VeredictoError
from service.models.graph import Graph
from service.models.model_statistics import Times

MOST_TEXTS = 100
"""Of an answer that is made on the event loop."""
Outputs = list[NDArray[Any]]
Answer = TypeVar("Answer")


class Work(NamedTuple):
    """One run, of `inputs` for a model with a card, or of a graph's whole feed by name.

    `finish` makes the answer of the outputs, which are in the order of `names`; reading it took `input_ns`. Of its
    answer so many `texts` are written one by one, each of which takes microseconds.
    """

    graph: Graph
    names: list[str]
    inputs: Any
    n_rows: int
    finish: Callable[[Outputs], Any]
    input_ns: int = 0
    texts: int = 0

    def run(self) -> Outputs:
        """Raises InvalidRequest for values that the graph cannot work with, as the fault of this model's request."""
        try:
            return self.graph.run(self.names, self.inputs)
        except VeredictoError as error:
            error.model = self.graph
            raise


class Ran(NamedTuple):
    """A model's part in an answer, for its statistics."""

    graph: Graph
    times: Times


class Promised(NamedTuple):
    """An answer that is true once something has been done, which raises what keeps it from being so."""

    done: Future[None]
    answer: Any


class Answered(NamedTuple):
    """An answer that took several models to make."""

    answer: Any
    runs: tuple[Ran, ...]


def do_or_defer(
    work: Work, respond: Callable[[Any, tuple[Ran, ...]], Answer], started_ns: int
) -> Answer | Work:
    """The response to work that is quick, or the work, which will make it; it was read since `started_ns`."""
    read_ns = perf_counter_ns()
    if work.n_rows > work.graph.quick_rows or work.texts > MOST_TEXTS:
        finish = work.finish
        return work._replace(
            finish=lambda outputs: respond(finish(outputs), ()),
            input_ns=read_ns - started_ns,
        )

    outputs = work.run()
    ran_ns = perf_counter_ns()
    document = work.finish(outputs)
    times = Times(
        read_ns - started_ns,
        0,
        ran_ns - read_ns,
        perf_counter_ns() - ran_ns,
        work.n_rows,
    )

    return respond(document, (Ran(work.graph, times),))
