"""Runs of models that take their time, in threads; what comes while a model is busy goes into its next run together.

No timer: a request that finds its model idle is run at once and alone. Rows are joined where a measurement at the
start showed that together they take less time than one by one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from time import perf_counter_ns
from typing import Any, NamedTuple, TypeVar

import numpy as np

from service.errors import Overloaded, VeredictoError
from service.execution.processors import count_processors
from service.execution.run import MOST_TEXTS, Outputs, Ran, Work
from service.models.graph import Graph
from service.models.model_statistics import Times
from service.settings import Settings

logger = logging.getLogger(__name__)

MOST_ROWS = 16
"""Of several requests in one run."""
LARGEST_WAITING = 16
"""Requests with as many rows as one may have, whose rows may wait for a model together."""
MOST_BYTES = 32_000
"""Of outputs that become an answer on the event loop, in half a millisecond at most."""
Result = TypeVar("Result")


class Finished(NamedTuple):
    """What a run gave, and the nanoseconds that the request waited for it and that it took.

    Of a request of many rows the answer too, which took `output_ns`.
    """

    outputs: Outputs
    queue_ns: int
    infer_ns: int
    answer: Any = None
    output_ns: int = 0


@dataclass(eq=False)
class _Waiting:
    work: Work
    future: asyncio.Future[Finished]
    came_ns: int = field(default_factory=perf_counter_ns)


@dataclass
class _Queue:
    """Of one model; `n_rows` are those that wait."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    n_rows: int = 0
    n_running: int = 0


class Batches:
    """The queues of all models, on one event loop; `most_waiting` rows may wait for each."""

    def __init__(self, pool: Executor, *, n_threads: int, most_waiting: int) -> None:
        self._pool = pool
        self._n_threads = n_threads
        self._most_waiting = most_waiting
        self._queues: dict[Graph, _Queue] = {}

    @classmethod
    def of(cls, settings: Settings) -> Batches:
        """With a thread for each processor."""
        n_threads = count_processors()
        pool = ThreadPoolExecutor(n_threads, thread_name_prefix="veredicto")
        return cls(
            pool, n_threads=n_threads, most_waiting=LARGEST_WAITING * settings.max_rows
        )

    async def offload(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Off the event loop, so that a large request does not delay the small ones."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, function, *arguments
        )

    async def carry_out(self, work: Work) -> tuple[Any, Ran]:
        """The answer to work that has to be run; like a cancellation, what goes wrong is the model's to count."""
        try:
            outputs, queue_ns, infer_ns, answer, output_ns = await self.run(work)
            if answer is None:
                started_ns = perf_counter_ns()
                is_large = (
                    sum(each.nbytes for each in outputs) > MOST_BYTES
                    or work.texts > MOST_TEXTS
                )
                answer = (
                    await self.offload(work.finish, outputs)
                    if is_large
                    else work.finish(outputs)
                )
                output_ns = perf_counter_ns() - started_ns
        except VeredictoError as error:
            error.model = work.graph
            raise
        except asyncio.CancelledError:
            work.graph.statistics.fail("cancelled", 0)
            raise
        return answer, Ran(
            work.graph,
            Times(
                work.input_ns, queue_ns, infer_ns, output_ns, work.n_rows, executions=0
            ),
        )

    async def run(self, work: Work) -> Finished:
        """Raises InvalidRequest as the model does, and Overloaded where too many rows wait for it already."""
        queue = self._queues.setdefault(work.graph, _Queue())
        if queue.n_rows and queue.n_rows + work.n_rows > self._most_waiting:
            raise Overloaded(
                f"{queue.n_rows} rows wait for {work.graph.name} already, the limit is {self._most_waiting} "
                f"({LARGEST_WAITING} times VEREDICTO_MAX_ROWS): try again"
            )

        waiting = _Waiting(work, asyncio.get_running_loop().create_future())
        queue.waiting.append(waiting)
        queue.n_rows += work.n_rows
        self._start(queue)

        try:
            return await waiting.future
        finally:
            if waiting in queue.waiting:  # given up while it waited
                queue.waiting.remove(waiting)
                queue.n_rows -= work.n_rows

    def _start(self, queue: _Queue) -> None:
        while queue.waiting and queue.n_running < self._n_threads:
            chosen = _take(queue)
            queue.n_running += 1
            run = asyncio.get_running_loop().run_in_executor(
                self._pool, _run, [each.work for each in chosen]
            )
            run.add_done_callback(partial(self._hand_out, queue, chosen))

    def _hand_out(
        self, queue: _Queue, chosen: Sequence[_Waiting], run: asyncio.Future[_Run]
    ) -> None:
        queue.n_running -= 1
        self._start(queue)
        results, started_ns, infer_ns, answer, output_ns = run.result()
        chosen[0].work.graph.statistics.execute(
            sum(each.work.n_rows for each in chosen), infer_ns
        )

        for waiting, result in zip(chosen, results, strict=True):
            if waiting.future.done():
                continue
            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                queue_ns = started_ns - waiting.came_ns
                waiting.future.set_result(
                    Finished(result, queue_ns, infer_ns, answer, output_ns)
                )


def _take(queue: _Queue) -> list[_Waiting]:
    """The first that waits, and those after it that its run can take along."""
    first = queue.waiting.popleft()
    chosen = [first]
    n_rows = first.work.n_rows
    if first.work.graph.joins:
        key = _key(first.work)
        for waiting in list(queue.waiting):
            if n_rows + waiting.work.n_rows <= MOST_ROWS and _key(waiting.work) == key:
                chosen.append(waiting)
                n_rows += waiting.work.n_rows
                queue.waiting.remove(waiting)

    queue.n_rows -= n_rows

    return chosen


def _key(work: Work) -> tuple[Any, ...]:
    """What requests must have in common to share a run: outputs, and the shape of a row."""
    return (*work.names, *sorted({each.shape for each in work.inputs}))


class _Run(NamedTuple):
    """The outputs of each request, or why it has none; when the run began, and what it took.

    Of a single request of many rows the answer too: to go back for it would take longer than to make it.
    """

    results: list[Outputs | BaseException]
    started_ns: int
    infer_ns: int
    answer: Any = None
    output_ns: int = 0


def _run(works: list[Work]) -> _Run:
    started_ns = perf_counter_ns()
    results = _run_all(works)
    ran_ns = perf_counter_ns()
    run = _Run(results, started_ns, ran_ns - started_ns)
    if works[0].n_rows <= MOST_ROWS or isinstance(results[0], BaseException):
        return run

    try:
        answer = works[0].finish(results[0])
    except Exception as error:  # the request's own
        return run._replace(results=[error])

    return run._replace(answer=answer, output_ns=perf_counter_ns() - ran_ns)


def _run_all(works: list[Work]) -> list[Outputs | BaseException]:
    """What fails together is run alone, and fails alone."""
    if len(works) > 1:
        try:
            return list(_split(works, _join(works).run()))
        except Exception:
            logger.debug("a run of several requests failed", exc_info=True)
    return [_try(work) for work in works]


def _try(work: Work) -> Outputs | BaseException:
    try:
        return work.run()
    except Exception as error:  # the request's own, to be raised where it waits
        return error


def _join(works: list[Work]) -> Work:
    are_images = isinstance(works[0].inputs, list)
    rows = (
        list(chain.from_iterable(each.inputs for each in works)) if are_images else None
    )
    joined: Any = (
        rows if are_images else np.concatenate([each.inputs for each in works])
    )

    return works[0]._replace(inputs=joined, n_rows=len(joined))


def _split(works: list[Work], outputs: Outputs) -> Any:
    """Each request's rows of what came together; what has no rows is everybody's."""
    start = 0
    names = works[0].names

    for work in works:
        rows = slice(start, start + work.n_rows)
        start = rows.stop
        yield [
            each[rows] if work.graph.has_rows(name) else each
            for name, each in zip(names, outputs, strict=True)
        ]
