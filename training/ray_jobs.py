"""Trainings run over a cluster of Ray: each as on one machine, in a process of its own, where a processor is free.

All nodes must have this program and its libraries, and see data and the folder of models at the same paths. No other
module of training knows Ray.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ray

from cli.ray_address import join_cluster
from training.job_progress import Messages
from training.jobs import Learn, Outcome, learn_here, name_job
from training.learning.family import TrainingError

ROOT = Path(__file__).resolve().parent.parent
OURS = "VEREDICTO_"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Ray sets the first of them, and with another number of threads sums are rounded otherwise: files would differ."""
LOST = (
    "its process or node was lost several times, perhaps for want of memory: "
    "run it again, what was finished is kept"
)


def connect(address: str, *, workers: int | None) -> Learn:
    """Returns what learns over the cluster at an address; raises TrainingError where it cannot be reached."""
    if not ray.is_initialized():
        try:
            join_cluster(address)
        except ConnectionError as error:
            raise TrainingError(str(error)) from None

    return partial(_learn_over_cluster, workers=workers)


def _learn_over_cluster(
    commands: Sequence[list[str]], messages: Messages, *, workers: int | None
) -> list[Outcome]:
    """Returns outcomes of the commands; those of a node that is lost are learnt by the others."""
    task = ray.remote(_learn).options(
        num_cpus=1, runtime_env={"env_vars": {"PYTHONPATH": _write_path()}}
    )
    waiting = deque(enumerate(commands))
    outcomes: dict[int, Outcome] = {}
    running: dict[Any, int] = {}

    while waiting or running:
        while waiting and len(running) < _count_places(workers):
            number, command = waiting.popleft()
            messages.put((name_job(command), "learning"))
            answer = task.remote(command, str(Path.cwd()), _find_variables())
            running[answer] = number

        (answer,), _ = ray.wait(list(running), num_returns=1)
        number = running.pop(answer)
        outcomes[number] = _collect(answer, commands[number])
        messages.put((name_job(commands[number]), ""))

    return [outcomes[number] for number in range(len(commands))]


def _count_places(workers: int | None) -> int:
    """Returns how many trainings the cluster has processors for now; one waits for a processor where it has none."""
    n_processors = int(ray.cluster_resources().get("CPU", 0))
    return max(1, min(workers or n_processors, n_processors))


def _collect(answer: Any, command: list[str]) -> Outcome:
    try:
        outcome: Outcome = ray.get(answer)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause or error
        reason = f"a defect, {type(cause).__name__}: {cause}"
        return Outcome(name=name_job(command), failure=reason)
    except ray.exceptions.RayError:
        return Outcome(name=name_job(command), failure=LOST)

    return outcome


def _write_path() -> str:
    """Returns a search path on which this program comes first."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def _find_variables() -> dict[str, str]:
    """Returns the variables that a training depends on, as they are here."""
    return {name: value for name, value in os.environ.items() if _matters(name)}


def _matters(name: str) -> bool:
    return name.startswith(OURS) or name in THREADS


def _learn(command: list[str], folder: str, variables: dict[str, str]) -> Outcome:
    """Returns what comes of a command in this folder with these variables and no others that matter.

    What learns is a process that this one begins, since libraries look at their variables once, when they are imported.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        reason = f"{folder} on a node of the cluster: {error.strerror}; all nodes must see the same folders"
        return Outcome(name=name_job(command), failure=reason)

    for name in filter(_matters, list(os.environ)):
        del os.environ[name]
    os.environ.update(variables)
    (outcome,) = learn_here([command], DroppedMessages(), workers=1)

    return outcome


class DroppedMessages:
    """Messages of a training on another machine are not shown."""

    def put(self, message: object, /) -> None:
        """Drops the message."""
