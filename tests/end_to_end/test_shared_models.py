"""Several workers are forked from one process that has loaded the models; where they cannot be, each loads them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from service.processes.fork_server import FORK_SERVER_NAME, WORKER_NAME
from tests.support.clients import LIMIT_S, find_workers
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_until

Start = Callable[..., Any]
ROW = {"model": "colour-first", "inputs": [[1, "red"]]}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others fork no worker")


def find_named(server: Server, name: str) -> list[int]:
    children = psutil.Process(server.process.pid).children()
    return [each.pid for each in children if each.name() == name]


def wait_until_serving(server: Server, n_times: int) -> None:
    """Returns once workers have said so many times that they serve."""
    wait_until(lambda: server.log.read_text().count(" serves: pid") == n_times, LIMIT_S)


def ask_until_each_has_answered(server: Server, n_workers: int) -> list[str]:
    """Returns the answers, over a connection each, of which the listeners take turns."""
    answers = []
    for _ in range(20 * n_workers):
        with server.connect() as client:
            answers.append(client.post("/predict", json=ROW).text)
    return answers


def list_versions(server: Server, n_times: int = 40) -> set[str]:
    """Returns the versions of a model that workers answer with, over a connection each."""
    found = set()
    for _ in range(n_times):
        with server.connect() as client:
            answer = client.get("/models/colour-first")
            found.add(answer.json()["version"])
    return found


def test_workers_are_forked_and_answer_the_same(
    models: Path, start_server: Start
) -> None:
    """Workers are the supervisor's own children, beside the one process that has loaded the models."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=3) as server:
        wait_until_serving(server, 3)
        forked = find_named(server, WORKER_NAME)
        answers = ask_until_each_has_answered(server, 3)
        n_fork_servers = len(find_named(server, FORK_SERVER_NAME))

    assert len(forked) == 3
    assert n_fork_servers == 1
    assert len(set(answers)) == 1


def test_workers_with_an_access_log_share_the_models_too(
    models: Path, start_server: Start
) -> None:
    """The thread that writes a log begins in the worker, not in the process that is to be forked."""
    settings = {"VEREDICTO_WORKERS": 2, "VEREDICTO_ACCESS_LOG": 10}
    with start_server(VEREDICTO_MODELS=models, **settings) as server:
        wait_until_serving(server, 2)
        n_forked = len(find_named(server, WORKER_NAME))
        answer = server.post("/predict", ROW)
        wait_until(lambda: "route=/predict" in server.log.read_text())

    assert answer.status_code == 200
    assert n_forked == 2


def test_a_worker_that_is_killed_is_forked_anew(
    models: Path, start_server: Start
) -> None:
    """The supervisor hears of its end, and the next one is of the fork server too."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until_serving(server, 2)
        killed = find_named(server, WORKER_NAME)[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(
            lambda: len({*find_named(server, WORKER_NAME)} - {killed}) == 2, LIMIT_S
        )
        wait_until_serving(server, 3)
        log = server.log.read_text()

    assert f"(pid {killed}) was ended by SIGKILL" in log


def test_without_the_fork_server_workers_load_the_models(
    models: Path, start_server: Start
) -> None:
    """One that was killed ends no worker, and what is started later does without it."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until_serving(server, 2)
        fork_server = find_named(server, FORK_SERVER_NAME)[0]
        os.kill(fork_server, signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(fork_server), LIMIT_S)
        os.kill(find_workers(server)[0], signal.SIGKILL)
        wait_until_serving(server, 3)
        n_forked = len(find_named(server, WORKER_NAME))
        answers = ask_until_each_has_answered(server, 2)

    assert n_forked == 1
    assert len(set(answers)) == 1


def test_a_worker_that_is_forked_later_serves_what_the_others_do(
    tmp_path: Path, start_server: Start
) -> None:
    """The fork server has the models of the start; what has changed since is loaded by the worker."""
    folder = tmp_path / "changing"
    folder.mkdir()
    write_tiny(folder, tiny_card())
    with start_server(
        VEREDICTO_MODELS=folder, VEREDICTO_WORKERS=2, VEREDICTO_RELOAD_S=1
    ) as server:
        wait_until_serving(server, 2)
        before = list_versions(server)
        other = tmp_path / "other"
        other.mkdir()
        write_tiny(other, tiny_card(summary="Another summary"))
        path = next(other.iterdir())
        shutil.copy(path, folder / f".{path.name}")
        (folder / f".{path.name}").rename(folder / path.name)
        wait_until(lambda: list_versions(server).isdisjoint(before), LIMIT_S)

        os.kill(find_named(server, WORKER_NAME)[0], signal.SIGKILL)
        wait_until_serving(server, 3)
        n_forked = len(find_named(server, WORKER_NAME))
        after = list_versions(server)

    assert n_forked == 2
    assert len(after) == 1
    assert after.isdisjoint(before)


@pytest.mark.parametrize(
    "setting", [{"VEREDICTO_SHARE_MODELS": 0}, {"VEREDICTO_THREADS": 2}]
)
def test_workers_load_the_models_where_they_cannot_be_forked(
    models: Path, start_server: Start, setting: dict[str, int]
) -> None:
    """Sessions with threads of their own would lose them in a fork."""
    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2, **setting
    ) as server:
        wait_until_serving(server, 2)
        names = find_named(server, FORK_SERVER_NAME) + find_named(server, WORKER_NAME)
        n_workers = len(find_workers(server))

    assert not names
    assert n_workers == 2


def test_a_fork_server_that_hangs_is_ended_and_not_started_again(
    models: Path, start_server: Start
) -> None:
    """The worker that it should have forked loads the models itself, and there are no more workers than before."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until_serving(server, 2)
        fork_server = find_named(server, FORK_SERVER_NAME)[0]
        os.kill(fork_server, signal.SIGSTOP)
        os.kill(find_workers(server)[0], signal.SIGKILL)
        wait_until_serving(server, 3)
        n_workers = len(find_workers(server))
        fork_servers = find_named(server, FORK_SERVER_NAME)
        log = server.log.read_text()

    assert n_workers == 2
    assert not fork_servers
    assert "the workers' fork server is ended: it cannot be copied any more" in log


def test_a_fork_server_ends_with_its_supervisor(
    models: Path, start_server: Start
) -> None:
    """A fork server ends with its supervisor even while it is stopped and hears nothing."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until_serving(server, 2)
        fork_server = psutil.Process(find_named(server, FORK_SERVER_NAME)[0])
        fork_server.suspend()
        server.process.kill()
        wait_until(lambda: has_ended(fork_server), LIMIT_S)


def has_ended(process: psutil.Process) -> bool:
    """Returns whether a process has ended, whoever is to take notice of it."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
