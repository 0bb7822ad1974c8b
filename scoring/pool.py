"""A pool has one process for each core, with sessions of one thread, which takes a block when one is done."""

from __future__ import annotations

import os
import signal
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from scoring.job import Job, Task
from scoring.models import load_contents
from scoring.scorer import Scorer
from service.errors import EvaluationError, VeredictoError

AT_A_TIME = 2
"""A process has one block that it scores and one that waits, so that it need not wait itself."""
MAX_ATTEMPTS = 3
"""A block that ends its process so often is given up: its rows would end it again."""
ONE_THREAD = {
    "POLARS_MAX_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}

Done = tuple[Task, dict[str, int]]


class Pool(Protocol):
    """A pool scores blocks in several processes, here or on other machines."""

    n_workers: int

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        """Yields each block when it is done, in whatever order, and takes no more blocks than are being scored."""
        ...


class _Worker:
    """A worker is a process and the pipe to it; `tasks` are the blocks that it has, the first of them at work."""

    def __init__(self, job: Job) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.tasks: deque[Task] = deque()
        self._process = context.Process(target=_serve, args=(theirs, job), daemon=True)
        with _interrupts_held():
            self._process.start()
        theirs.close()

    def assign(self, task: Task) -> None:
        self.tasks.append(task)
        try:
            self.pipe.send(task)
        except OSError:
            return  # it has ended, which its pipe says

    def end(self) -> None:
        """Ends the process whatever it does: what it had not finished has no name yet."""
        self.pipe.close()
        self._process.terminate()
        self._process.join()

    def describe_end(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        return f"signal {-code}" if code < 0 else f"code {code}"


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Holds Ctrl+C back, for good in a process that is started meanwhile, which the end of its pipe ends.

    The process that looks after resources would let it through when it starts, so it is started before.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class ProcessPool:
    """Processes of this machine; one that ends is replaced, and its blocks are scored again."""

    def __init__(self, job: Job, n_workers: int) -> None:
        self._job = replace(job, tasks=[])
        self.n_workers = n_workers

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        os.environ.update(ONE_THREAD)
        with closing(_Run(self._job, self.n_workers, iter(tasks))) as run:
            yield from run.score_all()


class _Run:
    def __init__(self, job: Job, n_workers: int, tasks: Iterator[Task]) -> None:
        self._job = job
        self._tasks = tasks
        self._to_repeat: deque[Task] = deque()
        self._attempts: dict[int, int] = {}
        self._workers = [_Worker(job) for _ in range(n_workers)]

    def score_all(self) -> Iterator[Done]:
        for _ in range(AT_A_TIME):
            for worker in self._workers:
                self._assign_next(worker)

        while busy := [each for each in self._workers if each.tasks]:
            ready = wait([each.pipe for each in busy])
            for worker in busy:
                if worker.pipe in ready:
                    yield from self._receive(worker)

    def close(self) -> None:
        for worker in self._workers:
            worker.end()

    def _assign_next(self, worker: _Worker) -> None:
        task = self._to_repeat.popleft() if self._to_repeat else next(self._tasks, None)
        if task is not None:
            worker.assign(task)

    def _receive(self, worker: _Worker) -> Iterator[Done]:
        try:
            answer: Any = worker.pipe.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return

        task = worker.tasks.popleft()
        if isinstance(answer, str):
            raise EvaluationError(answer)
        self._assign_next(worker)
        yield task, answer

    def _replace(self, worker: _Worker) -> None:
        """Starts a process in place of one that ended; raises EvaluationError where its block has ended several."""
        reason = worker.describe_end()
        first = worker.tasks[0]
        attempts = self._attempts.get(first.number, 0) + 1
        self._attempts[first.number] = attempts
        if attempts == MAX_ATTEMPTS:
            name = self._job.inputs[first.input].name
            raise EvaluationError(
                f"block {first.number}, of {name}: {attempts} processes have ended at it, the last with {reason}"
            )

        self._to_repeat.extend(worker.tasks)
        worker.end()
        new = _Worker(self._job)
        self._workers[self._workers.index(worker)] = new
        for _ in range(AT_A_TIME):
            self._assign_next(new)


def _serve(pipe: Connection, job: Job) -> None:
    """Scores blocks until the pipe ends, as it does with the process that began this one."""
    try:
        scorer = Scorer(job, load_contents(job.models))
        while True:
            pipe.send(scorer.score(pipe.recv()))
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:
        if not isinstance(error, VeredictoError | OSError):
            traceback.print_exc()
        with suppress(OSError):  # whoever began this may have ended
            pipe.send(describe_error(error))


def describe_error(error: Exception) -> str:
    """Returns an error of ours, or of the system with its file, as one line."""
    if isinstance(error, OSError):
        reason = error.strerror or " ".join(str(error).split())
        return reason if error.filename is None else f"{error.filename}: {reason}"
    if not isinstance(error, VeredictoError):
        return f"a defect of the program: {type(error).__name__}: {error}"
    return " ".join(str(error).split())
