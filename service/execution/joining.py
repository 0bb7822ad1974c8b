"""Runs of several requests are made together where they are of one graph, ask for the same and have rows of one shape.

A joined run that fails is repeated one by one, so that a request fails for what is its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from service.errors import DeadlinePassed
from service.execution.run import Outputs, Run

logger = logging.getLogger(__name__)

MAX_JOINED_ROWS = 16
"""One run takes at most this many rows of several requests, unless it is set otherwise."""


def find_kind(run: Run) -> tuple[Any, ...]:
    """Returns what runs of a graph must have in common to be joined: names of outputs, and the shapes of rows."""
    return (*run.names, *sorted({each.shape for each in run.inputs}))


def execute_all(runs: Sequence[Run]) -> list[Outputs | BaseException]:
    """Returns the outputs or the error of each run of one kind; raises DeadlinePassed where all were ended."""
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
    joined: Any
    if isinstance(runs[0].inputs, list):
        joined = list(chain.from_iterable(each.inputs for each in runs))
    else:
        joined = np.concatenate([each.inputs for each in runs])

    return replace(runs[0], inputs=joined, n_rows=len(joined))


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
