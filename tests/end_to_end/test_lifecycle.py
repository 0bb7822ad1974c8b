"""Real servers under load: their workers are killed and stopped, they are told to end, and no request is lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support.clients import LIMIT_S, ask, find_workers
from tests.support.connections import connect, read, read_to_end, write
from tests.support.server import (
    ROOT,
    SERVICE,
    PatientTransport,
    Server,
    free_port,
    serve,
)
from tests.support.waiting import wait_until

WITHOUT_CAPABILITIES = (
    "import ctypes, os, sys\n"
    "for each in range(64):\n"
    "    ctypes.CDLL(None).prctl(24, each, 0, 0, 0)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""This program drops what capabilities a successor would have (PR_CAPBSET_DROP), and begins the rest of its words."""

STOP_ONCE = """
import os, pathlib, signal, threading, time

start = threading.Thread.start

def stop_and_start(self):
    was_stopped = pathlib.Path(os.environ["WAS_STOPPED"])
    if self.name == "listener" and not was_stopped.exists():
        was_stopped.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(600)
    start(self)

threading.Thread.start = stop_and_start
"""
"""Python runs this ahead of each process: the first worker is stopped as it is about to accept connections.

The signal may take its way, and the worker would answer meanwhile: it sleeps until it is killed.
"""

Start = Callable[..., Any]


def wait_until_unready(server: Server) -> httpx.Response:
    """Returns the first answer that says that the server is not ready; the signal takes its way to the worker."""
    while (answer := server.client.get("/readyz")).status_code == 200:
        time.sleep(0.005)
    return answer


@pytest.mark.parametrize(
    "words", [("-m", "service"), ("-m", "bentoml", "serve", "service.app:Veredicto")]
)
def test_a_stop_loses_no_request(
    models: Path, start_server: Start, words: tuple[str, ...]
) -> None:
    """A server that is told to stop is not ready, serves on, ends connections by a header, and exits with 0."""
    with (
        start_server(
            VEREDICTO_MODELS=models, VEREDICTO_DRAIN_S=3, words=words
        ) as server,
        ask(server) as clients,
    ):
        server.process.terminate()
        ready = wait_until_unready(server)
        status = server.process.wait(LIMIT_S)

    assert ready.status_code == 503
    assert ready.json() == {"error": "not ready: the server is stopping"}
    assert status == 0
    assert [set(client.outcomes) for client in clients] == [{"200"}] * len(clients)


def test_an_idle_connection_is_answered_until_its_client_ends_it(
    models: Path, start_server: Start
) -> None:
    """Long after the drain a kept connection is still answered, by a last answer; one that stays idle ends in order."""
    settings = {"VEREDICTO_DRAIN_S": 1, "VEREDICTO_GRACE_S": 5}
    request = write("/predict", {"model": "colour-first", "inputs": [[1, "red"]]})
    with (
        start_server(VEREDICTO_MODELS=models, **settings) as server,
        connect(server) as used,
        connect(server) as idle,
        connect(server) as silent,
    ):
        for each in (used, idle):
            each.sendall(request)
            assert read(each)[0][0] == 200

        server.process.terminate()
        wait_until(lambda: is_refused(server))
        used.settimeout(2)
        with pytest.raises(TimeoutError):
            used.recv(1)

        used.settimeout(LIMIT_S)
        for each in (used, silent):
            each.sendall(request)
            answer = read_to_end(each)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nconnection: close\r\n" in answer

        assert idle.recv(1) == b""
        assert server.process.wait(LIMIT_S) == 0


def is_refused(server: Server) -> bool:
    """Returns whether nobody listens any more."""
    try:
        connect(server).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_worker_that_is_killed_loses_only_what_it_held(
    models: Path, start_server: Start
) -> None:
    """Each client loses at most one request, another worker comes, and both the log and `/metrics` tell of it."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until(lambda: len(find_workers(server)) == 2)
        with ask(server) as clients:
            killed = find_workers(server)[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: len({*find_workers(server)} - {killed}) == 2)

        metrics = server.client.get("/metrics").text
        log = server.log.read_text()

    lost = [client.outcomes.total() - client.outcomes["200"] for client in clients]
    assert max(lost) <= 1
    assert 'veredicto_worker_restarts_total{reason="died"} 1.0' in metrics
    assert f"(pid {killed}) was ended by SIGKILL" in log


def test_a_worker_is_replaced_by_one_of_the_same_settings(
    models: Path, tmp_path: Path, start_server: Start
) -> None:
    """A file of settings that was changed or broken under the server is none of a successor's business."""
    file = tmp_path / "settings.env"
    file.write_text("VEREDICTO_MAX_ROWS=1\n")
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_SETTINGS=file) as server:
        (worker,) = find_workers(server)
        file.write_text("broken\n")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: find_workers(server) not in ([], [worker]))
        two = {"model": "colour-first", "inputs": [[1, "red"]] * 2}
        answer = httpx.post(f"{server.url}/predict", json=two, timeout=LIMIT_S)

    assert answer.status_code == 413
    assert "VEREDICTO_MAX_ROWS" in answer.json()["error"]


def test_a_worker_that_is_stopped_is_replaced(
    models: Path, start_server: Start
) -> None:
    """The only worker, stopped by a signal, is replaced, and the server answers again."""
    with start_server(VEREDICTO_MODELS=models) as server:
        stopped = find_workers(server)[0]
        os.kill(stopped, signal.SIGSTOP)
        wait_until(lambda: stopped not in find_workers(server))

        answer = httpx.get(server.url + "/readyz", timeout=LIMIT_S)

    assert answer.status_code == 200


def test_a_worker_that_is_stopped_as_it_begins_to_answer_is_replaced_soon(
    models: Path, tmp_path: Path, start_server: Start
) -> None:
    """A worker that is about to accept connections has seconds to be heard, not the minute of a start."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(STOP_ONCE)
    was_stopped = tmp_path / "stopped"
    with start_server(
        VEREDICTO_MODELS=models, PYTHONPATH=startup, WAS_STOPPED=was_stopped
    ) as server:
        log = server.log.read_text()

    assert was_stopped.exists()
    assert "said nothing for" in log
    assert "did not become ready" not in log


def test_workers_end_with_their_supervisor(models: Path, tmp_path: Path) -> None:
    """The port is free after a supervisor was killed."""
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port)],
            cwd=ROOT,
            env=make_variables(models, tmp_path),
            stdout=log,
            stderr=log,
        )

    transport = PatientTransport()
    with httpx.Client(transport=transport, timeout=60) as client:
        assert client.get(f"http://127.0.0.1:{port}/livez").status_code == 200

    workers = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=LIMIT_S)

    assert len(gone) == len(workers) > 0
    assert alive == []


def test_a_log_that_nobody_reads_stops_nothing(models: Path, tmp_path: Path) -> None:
    """A server whose log is a full pipe starts, answers, replaces a worker that was killed, and ends in order.

    Whoever wrote one more line would wait for good: the event loop, or the supervisor.
    """
    port = free_port()
    reading, writing = os.pipe()
    fill_pipe(writing)
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", str(port)],
        cwd=ROOT,
        env=make_variables(models, tmp_path),
        stdout=writing,
        stderr=writing,
    )
    transport = PatientTransport()
    supervisor = psutil.Process(process.pid)
    try:
        with httpx.Client(transport=transport, timeout=60) as client:
            url = f"http://127.0.0.1:{port}/readyz"
            assert client.get(url).status_code == 200
            (worker,) = supervisor.children()
            worker.kill()
            wait_until(lambda: worker not in supervisor.children())
            wait_until(lambda: bool(supervisor.children()))

        with httpx.Client(timeout=60) as client:
            assert client.get(url).status_code == 200

        process.terminate()
        assert process.wait(LIMIT_S) == 0
    finally:
        if process.poll() is None:
            for each in (*supervisor.children(), supervisor):
                each.kill()
            process.wait()
        os.close(reading)
        os.close(writing)


def fill_pipe(descriptor: int) -> None:
    """Writes to a pipe until it takes nothing more."""
    os.set_blocking(descriptor, False)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(descriptor, True)


def make_variables(models: Path, folder: Path) -> dict[str, str]:
    """Returns the environment of a server that is started without a fixture."""
    return os.environ | {
        "VEREDICTO_MODELS": str(models),
        "BENTOML_HOME": str(folder / "home"),
    }


def test_the_next_server_removes_what_a_killed_one_left(
    models: Path, tmp_path: Path
) -> None:
    """The copies of a killed server's models would fill the disk some day; those of one that lives are left alone."""
    shared, living_home, killed_home, next_home = (
        tmp_path / name for name in ("shared", "living", "killed", "next")
    )
    for each in (shared, living_home, killed_home, next_home):
        each.mkdir()

    settings = {"VEREDICTO_MODELS": models, "TMPDIR": shared}
    with serve(living_home, **settings) as living:
        of_living = set(shared.iterdir())
        with serve(killed_home, **settings) as killed:
            of_killed = set(shared.iterdir()) - of_living
            workers = psutil.Process(killed.process.pid).children()
            killed.process.kill()
            killed.process.wait()
            psutil.wait_procs(workers, timeout=LIMIT_S)

        is_left = all(each.is_dir() for each in of_killed)
        with serve(next_home, **settings) as successor:
            found = set(shared.iterdir())
            log = successor.log.read_text()
        os.kill(find_workers(living)[0], signal.SIGKILL)
        answer = httpx.get(f"{living.url}/livez", timeout=LIMIT_S)

    assert answer.status_code == 200
    assert len(of_killed) == len(of_living) == 1
    assert is_left
    assert of_living <= found
    assert found.isdisjoint(of_killed)
    assert "temporary folders that killed servers left were removed: 1" in log
    assert list(shared.iterdir()) == []


def limit_files(limit: str) -> tuple[str, ...]:
    """Returns the words by which a shell starts the server under a limit of open files."""
    return ("-c", f'ulimit {limit}; exec "$0" "$@"', sys.executable, *SERVICE)


def test_too_few_descriptors_are_told_in_one_line() -> None:
    """A server that could accept no connection would never be ready, and the log would not say what is to be done."""
    finished = subprocess.run(
        ["sh", *limit_files("-n 63")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )

    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: a process may open 63 files here, and needs 64: ulimit -n 64, or more\n"
    )


def test_few_descriptors_keep_no_client_waiting(models: Path, tmp_path: Path) -> None:
    """A client that says nothing makes room for others at 96 descriptors, and one that stays is told of too many.

    Else a probe would wait behind them without a word, and a healthy server would be restarted.
    """
    words = limit_files("-n 96")
    with (
        serve(tmp_path, python="sh", words=words, VEREDICTO_MODELS=models) as server,
        ExitStack() as stack,
    ):
        for _ in range(150):
            stack.enter_context(connect(server))
        with httpx.Client(base_url=server.url, timeout=LIMIT_S) as another:
            assert another.get("/livez").status_code == 200
            assert another.get("/models").status_code == 200

        statuses = []
        while len(statuses) < 96 and 503 not in statuses:
            opened = stack.enter_context(connect(server))
            opened.sendall(b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n")
            [(status, answer)] = read(opened)
            statuses.append(status)

    assert statuses.count(200) > 10
    assert "or the limit of open files" in answer["error"]


def test_all_descriptors_that_may_be_had_are_taken(
    models: Path, tmp_path: Path
) -> None:
    """Shells begin with few for the sake of old programs: the workers have as many as the system lets them have."""
    words = limit_files("-S -n 200")
    with serve(tmp_path, python="sh", words=words, VEREDICTO_MODELS=models) as server:
        for pid in (server.process.pid, *find_workers(server)):
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            assert soft == hard > 200


def test_a_user_without_a_home_may_start_the_server(
    models: Path, tmp_path: Path
) -> None:
    """A container may run as a user whom its system does not know, without HOME; the server is ready all the same."""
    code = (
        "import os, runpy\n"
        "del os.environ['BENTOML_HOME'], os.environ['HOME']\n"
        "os.getuid = lambda: 54_321\n"
        "runpy.run_module('service', run_name='__main__', alter_sys=True)"
    )
    settings = {"VEREDICTO_MODELS": models, "HOME": tmp_path}
    with serve(tmp_path, words=("-c", code), **settings) as server:
        assert server.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("name", ["a" * 300, "closed/models"])
def test_a_model_folder_that_cannot_be_looked_at_is_told(
    tmp_path: Path, name: str
) -> None:
    """Its path may be too long, or behind a folder that is closed: the server is not ready, and says why."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    # Root without its capabilities is a user as any other.
    words = ("-c", WITHOUT_CAPABILITIES, *SERVICE)
    with serve(tmp_path, words=words, VEREDICTO_MODELS=tmp_path / name) as server:
        ready = server.client.get("/readyz")

    assert ready.status_code == 503
    assert "the folder cannot be read: " in ready.json()["error"]


def test_a_model_folder_that_cannot_be_entered_is_told(
    models: Path, tmp_path: Path
) -> None:
    """A folder may be listed and not entered, as one copied with the mode of a file: each file is refused by name."""
    (models / "versions").mkdir()
    (models / "SHA256SUMS").write_text(f"{'0' * 64}  colour-first.onnx\n")
    models.chmod(0o644)
    words = ("-c", WITHOUT_CAPABILITIES, *SERVICE)
    with serve(tmp_path, words=words, VEREDICTO_MODELS=models) as server:
        ready = server.client.get("/readyz")
        examples = server.client.get("/tasks/colour/examples")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(LIMIT_S) == 0

    assert ready.status_code == 503
    refusal = "colour-first.onnx: it cannot be read: Permission denied"
    assert refusal in ready.json()["error"]
    assert examples.status_code == 404
    log = server.log.read_text()
    assert "passed over versions: Permission denied" in log
    assert "Traceback" not in log


def test_nobody_can_command_the_supervisor(models: Path, start_server: Start) -> None:
    """The supervisor listens on nothing but the server's own port."""
    with start_server(VEREDICTO_MODELS=models) as server:
        processes = {server.process.pid, *find_workers(server)}
        ports = {
            each.laddr.port
            for each in psutil.net_connections("inet")
            if each.pid in processes and each.status == psutil.CONN_LISTEN
        }

    assert ports == {int(server.url.rpartition(":")[2])}


def test_a_port_that_is_taken_is_told_in_one_line(
    models: Path, start_server: Start, tmp_path: Path
) -> None:
    """A second server on the same port ends with status 1 and says which port it is."""
    with start_server(VEREDICTO_MODELS=models) as server:
        port = server.url.rpartition(":")[2]
        finished = subprocess.run(
            [sys.executable, "-m", "service", "--port", port],
            cwd=ROOT,
            env=os.environ | {"BENTOML_HOME": str(tmp_path / "second")},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert finished.stderr.startswith(
        f"veredicto does not start: port {port} of 127.0.0.1 is taken by another process: "
    )
