"""Runs that take their time are made in threads; requests that come while a graph is busy share its next run.

There is no timer: a request that finds its graph idle is run at once and alone. Rows are joined where a measurement at
the start showed that together they take less time than one by one. A run ends when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor
from functools import partial
from time import perf_counter_ns
from typing import Any, TypeVar

import numpy as np

from service.errors import DeadlinePassed, Overloaded, TooLarge, VeredictoError
from service.execution.joined_runs import MAX_JOINED_ROWS, Batch, run_batch
from service.execution.processors import count_processors
from service.execution.run import MAX_INLINE_TEXTS, Outputs, Reply, Run, RunRecord
from service.execution.run_queue import (
    Finished,
    RunQueue,
    SharedRun,
    WaitingRun,
    take_batch,
)
from service.execution.threads import MAX_WAIT_S, MIN_WAITING, Job, Threads, make_pool
from service.models.graph import Graph
from service.models.model_statistics import Times
from service.settings import Settings

MAX_WAITING_REQUESTS = 16
"""The rows of this many requests of the largest size may wait for a graph together."""
MAX_AHEAD = 16
"""So many runs that cannot be joined wait where threads find them without the event loop, which may be late."""
MAX_BEGUN_WAIT_S = 10.0
"""A run whose request was decoded in a thread is refused only where it would wait longer than this.

Its decoding was most of the work. What waits so is bounded by what is decoded, which is refused much sooner.
"""
MAX_INLINE_BYTES = 32_000
"""Outputs of at most this size become an answer on the event loop, in half a millisecond at most."""
T = TypeVar("T")


class Batches:
    """The queues of all graphs share one event loop and one pool; `max_waiting_rows` rows may wait for each graph."""

    def __init__(
        self,
        pool: Executor,
        *,
        n_threads: int,
        max_waiting_rows: int,
        max_batch_rows: int = MAX_JOINED_ROWS,
        deadline_s: float = np.inf,
    ) -> None:
        self.threads = Threads(pool, n_threads)
        self._n_threads = n_threads
        self._max_waiting_rows = max_waiting_rows
        self.max_batch_rows = max_batch_rows
        self._deadline_s = deadline_s
        self._queues: dict[Graph, RunQueue] = {}

    @classmethod
    def of(cls, settings: Settings) -> Batches:
        """Returns the queues of a pool that has a thread for each processor unless set, and some for long work."""
        n_threads = settings.request_threads or count_processors()
        return cls(
            make_pool(n_threads),
            n_threads=n_threads,
            max_waiting_rows=MAX_WAITING_REQUESTS * settings.max_rows,
            max_batch_rows=settings.max_batch_rows,
            deadline_s=settings.deadline_s,
        )

    def submit(
        self,
        key: Hashable,
        name: str,
        work: Callable[[], T],
        *,
        is_begun: bool = False,
    ) -> Job:
        """Does a piece of work in a thread, so that a large request does not delay the small ones.

        `key` is the account that it belongs to, `name` what errors call it. It raises Overloaded.
        """
        return self.threads.submit(key, name, work, is_begun=is_begun)

    async def offload(self, function: Callable[..., T], *arguments: Any) -> T:
        """Returns the result of a function that is called in a thread; it is ended where nobody waits any more."""
        job = self.submit("offload", "an answer", partial(function, *arguments))
        result: T = await self.wait_for(job)
        return result

    async def wait_for(self, job: Job) -> Any:
        """Returns what a job gives; a job that is no longer waited for is ended."""
        try:
            return await asyncio.wrap_future(job.future)
        except asyncio.CancelledError:
            self.threads.cancel(job)
            raise

    async def carry_out(self, run: Run) -> Reply:
        """Returns the reply of a run that takes its time; an error or a cancellation is counted for its graph."""
        try:
            self._check_cost(run)
            finished = await self._run_in_time(run)
            content, output_ns = finished.content, finished.output_ns
            if content is None:
                started_ns = perf_counter_ns()
                content = await self._write(run, finished.outputs)
                output_ns = perf_counter_ns() - started_ns
        except VeredictoError as error:
            error.model = run.graph
            raise
        except asyncio.CancelledError:
            run.graph.statistics.fail("cancelled", 0)
            raise

        times = Times(
            run.decode_ns,
            finished.queue_ns,
            finished.infer_ns,
            output_ns,
            run.n_rows,
            executions=0,
        )

        return Reply(content, (RunRecord(run.graph, times),))

    def _check_cost(self, run: Run) -> None:
        """Raises TooLarge for a run that cannot end within the deadline, by what was measured at the start."""
        expected_s = run.n_rows * run.graph.row_s
        if expected_s > self._deadline_s:
            raise TooLarge(
                f"{run.n_rows} rows take {run.graph.name} about {expected_s:.0f} s, over the deadline of "
                f"{self._deadline_s:g} s (VEREDICTO_DEADLINE_S): send them in several requests"
            )

    async def _run_in_time(self, run: Run) -> Finished:
        """Returns the outputs of a run; raises DeadlinePassed after the time that the request itself allows."""
        if run.timeout_s is None:
            return await self.run(run)

        try:
            async with asyncio.timeout(run.timeout_s - run.decode_ns / 1e9):
                return await self.run(run)
        except TimeoutError:
            raise DeadlinePassed(
                f"no answer within {run.timeout_s:g} s, which the request's timeout allows"
            ) from None

    async def _write(self, run: Run, outputs: Outputs) -> Any:
        """Returns the answer, written in a thread where that takes long."""
        n_bytes = sum(each.nbytes for each in outputs)
        if n_bytes > MAX_INLINE_BYTES or run.n_texts > MAX_INLINE_TEXTS:
            return await self.offload(run.write, outputs)
        return run.write(outputs)

    async def run(self, run: Run) -> Finished:
        """Waits for a run's turn and returns its outputs; raises InvalidRequest as the graph does.

        It raises Overloaded where too many rows wait for the graph already, or one more request would wait too long.
        """
        queue = self._queues.setdefault(run.graph, RunQueue())
        self._check_room(queue, run)
        waiting = WaitingRun(run, asyncio.get_running_loop().create_future())
        queue.waiting.append(waiting)
        queue.n_rows += run.n_rows
        self._start(queue)

        try:
            return await waiting.future
        except asyncio.CancelledError:
            self._give_up(queue, waiting)
            raise

    def _check_room(self, queue: RunQueue, run: Run) -> None:
        """Raises Overloaded where too many rows wait for the graph, or a request would wait too long."""
        name = run.graph.name
        if queue.n_rows and queue.n_rows + run.n_rows > self._max_waiting_rows:
            raise Overloaded(
                f"{queue.n_rows} rows wait for {name} already, the limit is {self._max_waiting_rows} "
                f"({MAX_WAITING_REQUESTS} times VEREDICTO_MAX_ROWS): try again"
            )

        if len(queue.waiting) >= MIN_WAITING:
            wait_s = queue.expect_wait_s(self.max_batch_rows)
            if wait_s > (MAX_BEGUN_WAIT_S if run.is_begun else MAX_WAIT_S):
                raise Overloaded(
                    f"{len(queue.waiting)} requests wait for {name} already, for about {wait_s:.1g} s: try again"
                )

    def _give_up(self, queue: RunQueue, waiting: WaitingRun) -> None:
        """Takes a request out of the queue, or ends its run where no other request shares that."""
        if waiting in queue.waiting:
            queue.waiting.remove(waiting)
            queue.n_rows -= waiting.run.n_rows
            return

        batch = waiting.batch
        if batch is not None and batch.give_up(waiting) and batch.job is not None:
            self.threads.cancel(batch.job)

    def forget(self, graphs: Sequence[Graph]) -> None:
        """Forgets the queues and accounts of graphs that are served no longer."""
        for graph in graphs:
            self._queues.pop(graph, None)
            self.threads.forget(graph)

    def count_waiting_rows(self) -> dict[tuple[str, ...], float]:
        """Returns how many rows wait, by the name and the version of their graph."""
        return {
            (graph.name, graph.version): queue.n_rows
            for graph, queue in self._queues.items()
        }

    def _start(self, queue: RunQueue) -> None:
        while queue.waiting and len(queue.running) < self._count_ahead(queue):
            chosen = take_batch(queue, max_rows=self.max_batch_rows)
            running = SharedRun(list(chosen))
            for each in chosen:
                each.batch = running

            graph = chosen[0].run.graph
            runs = [each.run for each in chosen]
            job = self.submit(
                graph,
                graph.name,
                partial(run_batch, runs),
                is_begun=any(each.is_begun for each in runs),
            )
            running.job = job
            queue.running.append(running)
            ran = asyncio.wrap_future(job.future)
            ran.add_done_callback(partial(self._distribute, queue, running, chosen))

    def _count_ahead(self, queue: RunQueue) -> int:
        """Returns how many runs may be in threads or wait for one; what can be joined waits here, to be more."""
        is_batchable = queue.waiting[0].run.graph.is_batchable
        return self._n_threads + (0 if is_batchable else MAX_AHEAD)

    def _distribute(
        self,
        queue: RunQueue,
        running: SharedRun,
        chosen: Sequence[WaitingRun],
        ran: asyncio.Future[Batch],
    ) -> None:
        queue.note_end(running, len(chosen))
        running.forget()
        self._start(queue)
        if ran.cancelled() or ran.exception() is not None:
            # Nobody waits for it any more.
            return

        results, started_ns, infer_ns, content, output_ns = ran.result()
        n_rows = sum(each.run.n_rows for each in chosen)
        chosen[0].run.graph.statistics.execute(n_rows, infer_ns)

        for waiting, result in zip(chosen, results, strict=True):
            if waiting.future.done():
                # Nobody answers it, which is when an error lets go of its frames otherwise.
                if isinstance(result, VeredictoError):
                    result.forget_frames()
                continue

            if isinstance(result, BaseException):
                waiting.future.set_exception(result)
            else:
                queue_ns = started_ns - waiting.came_ns
                waiting.future.set_result(
                    Finished(result, queue_ns, infer_ns, content, output_ns)
                )
