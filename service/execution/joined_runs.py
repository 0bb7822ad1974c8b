"""Runs of one graph are joined to one: rows go in together, and each request gets its own outputs.

Those that are joined ask for the same outputs, and their rows have one shape.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import DeadlinePassed

if TYPE_CHECKING:
    from service.execution.run import Outputs, Reply, Run

logger = logging.getLogger(__name__)
MAX_JOINED_ROWS = 16
"""One run takes at most this many rows of several requests, unless it is set otherwise."""


class Batch(NamedTuple):
    """A batch has the outputs or the error of each request, the time when its run began, and the nanoseconds it took.

    A single request of many rows has its content too: to go back for it would take longer than to write it.
    """

    results: list[Outputs | BaseException]
    started_ns: int
    infer_ns: int
    content: Any = None
    output_ns: int = 0


def reply_together(
    runs: Sequence[Run], came_ns: Sequence[int]
) -> list[Reply | Exception]:
    """Makes runs that came at these times, in nanoseconds, as one; returns the reply or the error of each."""
    started_ns = perf_counter_ns()
    results = execute_all(runs)
    infer_ns = perf_counter_ns() - started_ns
    n_rows = sum(each.n_rows for each in runs)
    runs[0].graph.statistics.execute(n_rows, infer_ns)

    return [
        run.make_reply(result, queue_ns=started_ns - each_ns, infer_ns=infer_ns)
        for run, result, each_ns in zip(runs, results, came_ns, strict=True)
    ]


def run_batch(runs: list[Run]) -> Batch:
    started_ns = perf_counter_ns()
    results = execute_all(runs)
    ran_ns = perf_counter_ns()
    batch = Batch(results, started_ns, ran_ns - started_ns)
    if runs[0].n_rows <= MAX_JOINED_ROWS or isinstance(results[0], BaseException):
        return batch

    try:
        content = runs[0].write(results[0])
    except Exception as error:
        # It is the request's own, and is raised where that waits.
        return batch._replace(results=[error])

    return batch._replace(content=content, output_ns=perf_counter_ns() - ran_ns)


def execute_all(runs: Sequence[Run]) -> list[Outputs | BaseException]:
    """Returns the outputs of each run; a joined run that fails is repeated one by one, so that each fails alone."""
    if len(runs) > 1:
        try:
            return list(_split(runs, _join(runs).execute()))
        except DeadlinePassed:
            raise
        except Exception:
            logger.debug("a run of several requests failed", exc_info=True)
    return [_execute_safely(run) for run in runs]


def _execute_safely(run: Run) -> Outputs | BaseException:
    try:
        return run.execute()
    except Exception as error:
        # It is the request's own, and is raised where that waits.
        return error


def _join(runs: Sequence[Run]) -> Run:
    """Returns one run of the rows of all these runs."""
    joined = join_rows([each.inputs for each in runs])
    return replace(runs[0], inputs=joined, n_rows=len(joined))


def join_rows(inputs: Sequence[Any]) -> NDArray[Any] | list[Any]:
    """Returns the rows of all requests, in their order: arrays `(n_rows, ...)`, or lists of arrays of other sizes."""
    if isinstance(inputs[0], list):
        return list(chain.from_iterable(inputs))
    return np.concatenate(inputs)


def _split(runs: Sequence[Run], outputs: Outputs) -> Iterator[Outputs]:
    """Yields each request's rows of the joined outputs; an output without rows goes to every request."""
    start = 0
    names = runs[0].names

    for run in runs:
        rows = slice(start, start + run.n_rows)
        start = rows.stop
        yield [
            each[rows] if run.graph.has_rows(name) else each
            for name, each in zip(names, outputs, strict=True)
        ]
