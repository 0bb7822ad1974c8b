"""Real servers while everything around them breaks: the short rounds here, CHAOS_N of each by `make chaos`."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.broken_machine import Clock, fill_disk, mount_small_disk, run_nginx
from tests.support.clients import (
    BODY,
    LIMIT_S,
    Client,
    ask,
    ask_port,
    find_workers,
    wait_until,
)
from tests.support.server import Server, free_port, serve

CHAOS_N = int(os.environ.get("CHAOS_N", "100"))
RARELY = max(CHAOS_N // 10, 1)
"""A trouble that takes long each time is made a tenth as often."""
Start = Callable[..., Any]
RESET = struct.pack("ii", 1, 0)
"""A socket that lingers for no time is closed by a reset."""
N_ROWS = 20
DAY_S = 86_400


def times(short: int | None, long: int) -> Any:
    """Makes a test of few rounds, and one of many that only `make chaos` runs.

    None stands for no short one: then tests/end_to_end/test_lifecycle.py has it.
    """
    many = pytest.param(long, marks=pytest.mark.soak)
    return pytest.mark.parametrize(
        "n_times", [many] if short is None else [short, many]
    )


def count_lost(clients: Sequence[Client]) -> Counter[str]:
    """Returns what was not answered 200, by what came instead."""
    total = sum((client.outcomes for client in clients), Counter[str]())
    return Counter({name: count for name, count in total.items() if name != "200"})


def count_serving(server: Server) -> int:
    """Returns how many workers have ever become ready."""
    return server.log.read_text().count(" serves: pid ")


@times(None, CHAOS_N)
def test_drains_lose_nothing(models: Path, start_server: Start, n_times: int) -> None:
    """Ended by SIGTERM at any moment, two workers answer all that they have taken, and exit with 0."""
    chance = random.Random(0)
    for _ in range(n_times):
        settings = {"VEREDICTO_WORKERS": 2, "VEREDICTO_DRAIN_S": 1}
        with start_server(VEREDICTO_MODELS=models, **settings) as server:
            wait_until(lambda: count_serving(server) == 2)
            # A connection that nobody uses or closes is kept through the whole grace.
            server.client.close()
            with ask(server) as clients:
                time.sleep(chance.uniform(0, 0.3))
                server.process.terminate()
                status = server.process.wait(LIMIT_S)

        assert count_lost(clients) == {}
        assert status == 0


@times(None, CHAOS_N)
def test_kills_lose_only_what_the_worker_held(
    models: Path, start_server: Start, n_times: int
) -> None:
    """A worker killed by SIGKILL is replaced each time, and each client loses at most the one request that it held."""
    chance = random.Random(0)
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until(lambda: count_serving(server) == 2)
        with ask(server) as clients:
            for number in range(n_times):
                before = count_lost(clients).total()
                os.kill(chance.choice(find_workers(server)), signal.SIGKILL)
                wait_until(lambda n=number: count_serving(server) == 3 + n)
                assert count_lost(clients).total() - before <= len(clients)

        restarts = read_restarts(server, "died")

    assert not [each for each in count_lost(clients) if each.isdigit()]
    assert restarts == n_times


def read_restarts(server: Server, reason: str) -> float:
    text = server.client.get("/metrics").text
    found = re.search(
        rf'^veredicto_worker_restarts_total{{reason="{reason}"}} (\S+)$', text, re.M
    )
    assert found is not None, text

    return float(found[1])


@times(None, RARELY)
def test_stopped_workers_are_replaced(
    models: Path, start_server: Start, n_times: int
) -> None:
    """A worker that is stopped by SIGSTOP is replaced, and clients of the other worker are answered meanwhile."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        wait_until(lambda: count_serving(server) == 2)
        with ask(server) as clients:
            for number in range(n_times):
                stopped = find_workers(server)[0]
                os.kill(stopped, signal.SIGSTOP)
                wait_until(lambda n=number: count_serving(server) == 3 + n)
                assert stopped not in find_workers(server)

        assert server.client.get("/readyz").status_code == 200

    assert count_lost(clients).total() <= n_times * len(clients)
    assert not [each for each in count_lost(clients) if each.isdigit()]


@times(5, CHAOS_N)
def test_bad_clients_are_let_go(
    models: Path, start_server: Start, n_times: int
) -> None:
    """Clients that drip, leave in the middle or are reset harm nobody else, and nothing of them stays."""
    settings = {"VEREDICTO_DEADLINE_S": 2, "VEREDICTO_KEEP_ALIVE_S": 1}
    with start_server(VEREDICTO_MODELS=models, **settings) as server:
        server.client.close()
        worker = psutil.Process(find_workers(server)[0])
        with ask(server):
            pass  # what the first requests open stays open
        wait_until(lambda: not count_connections(server, worker))
        n_before = worker.num_fds()
        with ask(server) as clients, ExitStack() as stack:
            port = int(server.url.rpartition(":")[2])
            slow = [each for _ in range(n_times) for each in be_bad(port, stack)]
            wait_until(
                lambda: drip(slow) or count_connections(server, worker) <= len(clients)
            )

        wait_until(lambda: not count_connections(server, worker))
        wait_until(lambda: worker.num_fds() <= n_before)

    assert count_lost(clients) == {}


def count_connections(server: Server, process: psutil.Process) -> int:
    """Returns how many connections to the server's port a process has."""
    port = int(server.url.rpartition(":")[2])
    return sum(
        each.pid == process.pid and each.laddr.port == port and bool(each.raddr)
        for each in psutil.net_connections("tcp")
    )


def be_bad(port: int, stack: ExitStack) -> list[socket.socket]:
    """Opens connections of all bad kinds, and returns those that stay half open until the stack ends."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    whole = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
    beginnings = (b"", b"POST", head[:30], head, head + b'{"model"')
    for sent in (*beginnings, whole.encode() + BODY.encode()):
        for is_reset in (False, True):
            opened = socket.create_connection(("127.0.0.1", port))
            opened.sendall(sent)
            if is_reset:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            opened.close()

    kept = []
    for sent in beginnings:
        opened = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        opened.sendall(sent)
        kept.append(opened)

    return kept


def drip(slow: Sequence[socket.socket]) -> bool:
    """Sends one byte more on each connection that the server has not ended yet; returns False."""
    for opened in slow:
        with suppress(OSError):
            opened.send(b"x")

    return False


@times(1, RARELY)
def test_a_full_disk_stops_no_prediction(
    models: Path, tmp_path: Path, n_times: int
) -> None:
    """Predictions go on with no room for counters, journal and temporary files; labels are refused or kept."""
    with mount_small_disk(tmp_path / "disk") as disk:
        (disk / "tmp").mkdir()
        settings = {
            "VEREDICTO_MODELS": models,
            "VEREDICTO_JOURNAL": disk / "journal.db",
            "VEREDICTO_WORKERS": 2,
            "TMPDIR": disk / "tmp",
            "BENTOML_HOME": disk / "bentoml",
        }
        with serve(tmp_path, **settings) as server, ask(server) as clients:
            accepted = []
            for _ in range(n_times):
                accepted += give_labels(server, statuses={200})
                filler = fill_disk(disk)
                accepted += give_labels(server, statuses={200, 404, 503})
                filler.unlink()
                wait_until(lambda: is_feedback_taken(server))
            n_workers = count_serving(server)

        stored = read_labels(disk / "journal.db")

    assert count_lost(clients) == {}
    assert set(accepted) <= stored
    assert n_workers <= 2


def give_labels(server: Server, statuses: set[int]) -> list[str]:
    """Labels some rows, each answered by one of these statuses; returns the rows whose label was accepted."""
    accepted = []
    for _ in range(N_ROWS):
        row_id, status = label_row(server)
        assert status in statuses
        if status == 200:
            accepted.append(row_id)

    return accepted


def label_row(server: Server) -> tuple[str, int]:
    """Predicts a row and tells its truth; returns its id and the status."""
    answer = server.post("/predict", {"model": "colour-first", "inputs": [[1, "red"]]})
    assert answer.status_code == 200
    row_id = str(answer.json()["id"])
    given = server.post("/feedback", {"id": row_id, "label": "yes"})

    return row_id, given.status_code


def is_feedback_taken(server: Server) -> bool:
    return label_row(server)[1] == 200


def read_labels(journal: Path) -> set[str]:
    """Returns the ids of the predictions that have a label, of one row each."""
    with closing(sqlite3.connect(journal)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = connection.execute(
            "SELECT id FROM truths JOIN predictions USING (seq)"
        ).fetchall()

    return {prediction_id for (prediction_id,) in found}


@times(1, RARELY)
def test_a_clock_that_is_set_changes_nothing(
    models: Path, tmp_path: Path, start_server: Start, n_times: int
) -> None:
    """The time of day jumps a day back and 400 days on: requests, labels and workers go on."""
    clock = Clock(tmp_path)
    settings = {"VEREDICTO_JOURNAL": tmp_path / "journal.db", **clock.variables}
    with (
        start_server(VEREDICTO_MODELS=models, **settings) as server,
        ask(server) as clients,
    ):
        for _ in range(n_times):
            for offset_s in (0, -DAY_S, 400 * DAY_S, 0):
                clock.set_by(offset_s)
                give_labels(server, statuses={200})
                assert server.client.get("/readyz").status_code == 200
        n_workers = count_serving(server)

    assert count_lost(clients) == {}
    assert n_workers == 1


@times(1, RARELY)
def test_an_update_behind_a_proxy_loses_nothing(
    models: Path, tmp_path: Path, n_times: int
) -> None:
    """Two replicas behind nginx are ended and started in turn under load, and no client sees it."""
    ports = (free_port(), free_port())
    with run_nginx(tmp_path / "nginx", ports) as port, ExitStack() as stack:
        replicas = [
            stack.enter_context(replica(tmp_path / f"{each}-0", models, each))
            for each in ports
        ]
        with ask_port(port, 8) as clients:
            for number in range(n_times):
                for place, each in enumerate(ports):
                    replicas[place].process.terminate()
                    assert replicas[place].process.wait(LIMIT_S) == 0
                    home = tmp_path / f"{each}-{number + 1}"
                    replicas[place] = stack.enter_context(replica(home, models, each))

        for last in replicas:
            # Nobody asks any more, and a drain would take its time.
            last.process.kill()

    assert count_lost(clients) == {}


@contextmanager
def replica(home: Path, models: Path, port: int) -> Iterator[Server]:
    """Serves on a port that was chosen before, and is ready when the block begins."""
    home.mkdir()
    # nginx keeps connections that are idle, and each replica waits for it to end them.
    settings = {"VEREDICTO_DRAIN_S": 1, "VEREDICTO_GRACE_S": 3}
    with serve(home, port=port, VEREDICTO_MODELS=models, **settings) as server:
        wait_until(lambda: server.client.get("/readyz").status_code == 200)
        yield server
