"""Runs of one graph wait in a queue, and those that can share a run leave it together."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter, perf_counter_ns
from typing import Any, NamedTuple

from service.execution.run import Outputs, Run
from service.execution.threads import PACE_SHARE, Job


class Finished(NamedTuple):
    """A finished run has its outputs, the nanoseconds that its request waited for it, and those that it took.

    A request of many rows has its `content` too, which was written in `output_ns`.
    """

    outputs: Outputs
    queue_ns: int
    infer_ns: int
    content: Any = None
    output_ns: int = 0


@dataclass(eq=False)
class WaitingRun:
    """A run waits for its turn since `came_ns`, and its request waits for `future`."""

    run: Run
    future: asyncio.Future[Finished]
    came_ns: int = field(default_factory=perf_counter_ns)
    batch: SharedRun | None = None


@dataclass(eq=False)
class SharedRun:
    """A run in a thread ends early where all requests that share it were given up."""

    shared: list[WaitingRun]
    job: Job | None = None
    started: float = field(default_factory=perf_counter)

    def has_ended(self) -> bool:
        """Returns whether its thread is done with it."""
        return self.job is not None and self.job.future.done()

    def give_up(self, waiting: WaitingRun) -> bool:
        """Takes one request away, and returns whether that was the last one."""
        self.shared.remove(waiting)
        return not self.shared

    def forget(self) -> None:
        """Lets go of what refers to the run, so that its arrays go with the last of its requests."""
        for each in self.shared:
            each.batch = None
        self.shared.clear()
        self.job = None


@dataclass(eq=False)
class RunQueue:
    """The queue of one graph holds `n_rows` waiting rows and has some runs in threads."""

    waiting: deque[WaitingRun] = field(default_factory=deque)
    n_rows: int = 0
    running: list[SharedRun] = field(default_factory=list)
    interval_s: float = 0.0
    """This is the mean time that one more waiting request takes."""
    finished: float = 0.0

    def expect_wait_s(self, max_batch_rows: int) -> float:
        """Returns the seconds that one more request would wait, where a run takes up to so many rows.

        Each run takes at least as long as the oldest has already. One that has ended, of which a late event loop has
        not heard yet, tells nothing.
        """
        paced_s = len(self.waiting) * self.interval_s
        going = [each for each in self.running if not each.has_ended()]
        if not going or not self.waiting:
            return paced_s

        n_runs = len(self.waiting)
        if self.waiting[0].run.graph.is_batchable:
            n_runs = min(n_runs, -(-self.n_rows // max_batch_rows))
        oldest_s = perf_counter() - going[0].started

        return max(paced_s, n_runs * oldest_s / len(going))

    def note_end(self, running: SharedRun, n_requests: int) -> None:
        """Learns from a run of so many requests how long one more of them waits."""
        self.running.remove(running)
        now = perf_counter()
        if self.waiting:
            passed_s = now - max(self.finished, running.started)
            self.interval_s += PACE_SHARE * (passed_s / n_requests - self.interval_s)
        self.finished = now


def take_batch(queue: RunQueue, *, max_rows: int) -> list[WaitingRun]:
    """Takes from the queue the first waiting run, and those after it that can share its run."""
    first = queue.waiting.popleft()
    chosen = [first]
    n_rows = first.run.n_rows
    if first.run.graph.is_batchable:
        kind = first.run.kind
        for waiting in list(queue.waiting):
            fits = n_rows + waiting.run.n_rows <= max_rows
            if fits and waiting.run.kind == kind:
                chosen.append(waiting)
                n_rows += waiting.run.n_rows
                queue.waiting.remove(waiting)

    queue.n_rows -= n_rows

    return chosen
