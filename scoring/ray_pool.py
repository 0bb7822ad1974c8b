"""A cluster of Ray takes the same blocks: one actor for each core, the models' bytes once in the object store.

This is the only module that knows Ray. All nodes must see the data and the folder of the answers at the same paths.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import ray

from cli.ray_address import join_cluster
from scoring.job import Job, Task
from scoring.models import load_contents
from scoring.pool import AT_A_TIME, MAX_ATTEMPTS, ONE_THREAD, Done, describe_error
from scoring.scorer import Scorer
from service.errors import EvaluationError, VeredictoError
from service.models.content import ModelContent

MAX_WAIT_S = 120
"""So long a run waits for a first processor of the cluster, as after the loss of all nodes but the head."""
LOST = (ray.exceptions.RayActorError, ray.exceptions.NodeDiedError)


class _Actor:
    """An actor is a process of the cluster with sessions of its own."""

    def __init__(self, job: Job, contents: dict[str, ModelContent]) -> None:
        self._job = job
        self._contents = contents
        self._scorer: Scorer | None = None

    def open(self) -> str:
        """Loads the models, and returns what is wrong with them, if anything is."""
        try:
            self._scorer = Scorer(self._job, self._contents)
        except (VeredictoError, OSError) as error:
            return describe_error(error)
        return ""

    def score(self, task: Task) -> dict[str, int] | str:
        """Returns what was counted in a block, or why it cannot be scored."""
        assert self._scorer is not None
        try:
            return self._scorer.score(task)
        except (VeredictoError, OSError) as error:
            return describe_error(error)


@dataclass(kw_only=True, eq=False)
class _Worker:
    """A worker is an actor's handle; `tasks` are the blocks that it has, the first of them at work.

    It has none before it is open, since it may wait for a processor that no node has any more.
    """

    actor: Any
    is_open: bool = False
    tasks: deque[Task] = field(default_factory=deque)


class RayPool:
    """Actors of a cluster; one that is lost with its node is replaced, and its blocks are scored again."""

    def __init__(self, job: Job, n_workers: int | None, *, address: str) -> None:
        if not ray.is_initialized():
            try:
                join_cluster(address)
            except ConnectionError as error:
                raise EvaluationError(str(error)) from None

        self._job = replace(job, tasks=[])
        n_processors = int(ray.cluster_resources().get("CPU", 0))
        wanted = n_workers or n_processors
        self.n_workers = max(1, min(wanted, n_processors))

    def run(self, tasks: Iterable[Task]) -> Iterator[Done]:
        run = _Run(self._job, self.n_workers, iter(tasks))
        try:
            yield from run.score_all()
        finally:
            run.close()


class _Run:
    def __init__(self, job: Job, n_workers: int, tasks: Iterator[Task]) -> None:
        self._job = job
        self._tasks = tasks
        self._to_repeat: deque[Task] = deque()
        self._attempts: dict[int, int] = {}
        self._stored = (ray.put(job), ray.put(load_contents(job.models)))
        self._waiting: dict[Any, _Worker] = {}
        """Of each answer that is to come, the worker that gives it."""
        self._workers = [self._start() for _ in range(n_workers)]

    def score_all(self) -> Iterator[Done]:
        while self._is_at_work():
            ready, _ = ray.wait(list(self._waiting), num_returns=1, timeout=MAX_WAIT_S)
            if not ready and not any(each.tasks for each in self._workers):
                raise EvaluationError(
                    f"--ray: expected a free processor of the cluster, got none in {MAX_WAIT_S} s"
                )

            for answer in ready:
                yield from self._receive(answer, self._waiting.pop(answer))

    def close(self) -> None:
        for worker in self._workers:
            ray.kill(worker.actor)

    def _is_at_work(self) -> bool:
        """Returns whether a block is to be scored; an actor that is still being started alone is none."""
        if any(each.tasks for each in self._workers) or self._to_repeat:
            return True

        following = next(self._tasks, None)
        if following is None:
            return False

        self._to_repeat.append(following)
        return True

    def _start(self) -> _Worker:
        kind = ray.remote(_Actor).options(
            num_cpus=1, max_restarts=0, runtime_env={"env_vars": ONE_THREAD}
        )
        worker = _Worker(actor=kind.remote(*self._stored))
        self._waiting[worker.actor.open.remote()] = worker

        return worker

    def _receive(self, answer: Any, worker: _Worker) -> Iterator[Done]:
        try:
            said = ray.get(answer)
        except LOST:
            self._replace(worker)
            return
        except ray.exceptions.RayTaskError as error:
            raise EvaluationError(describe_error(error.cause or error)) from error

        if isinstance(said, str) and said:
            raise EvaluationError(said)
        if said == "":
            worker.is_open = True
            self._assign_next(worker)
            return

        task = worker.tasks.popleft()
        self._assign_next(worker)
        yield task, said

    def _assign_next(self, worker: _Worker) -> None:
        while len(worker.tasks) < AT_A_TIME:
            task = self._take_task()
            if task is None:
                return

            worker.tasks.append(task)
            self._waiting[worker.actor.score.remote(task)] = worker

    def _take_task(self) -> Task | None:
        """Returns a block to be scored again, else the next one, None after the last."""
        if self._to_repeat:
            return self._to_repeat.popleft()

        return next(self._tasks, None)

    def _replace(self, worker: _Worker) -> None:
        """Starts an actor in place of one that is lost; raises EvaluationError where its block has ended several."""
        if worker not in self._workers:
            return

        answers = [each for each, giver in self._waiting.items() if giver is worker]
        for answer in answers:
            del self._waiting[answer]
        if worker.tasks:
            self._count_attempt(worker.tasks[0])

        self._to_repeat.extend(worker.tasks)
        self._workers[self._workers.index(worker)] = self._start()
        for each in self._workers:
            if each.is_open:
                self._assign_next(each)

    def _count_attempt(self, task: Task) -> None:
        """Counts an actor that was lost at a block; raises EvaluationError where that were several."""
        attempts = self._attempts.get(task.number, 0) + 1
        self._attempts[task.number] = attempts
        if attempts == MAX_ATTEMPTS:
            name = self._job.inputs[task.input].name
            raise EvaluationError(
                f"block {task.number}, of {name}: {attempts} actors were lost at it"
            )
