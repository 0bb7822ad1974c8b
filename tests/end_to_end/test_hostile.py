"""A real server among hostile clients: it answers none of them with a defect, and others as if there were none."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.support.hostile_load import HOST, NEVER
from tests.support.hostile_requests import HostileRequests, write_hostile_models
from tests.support.mixed_load import Connection, write_json
from tests.support.server import ROOT, Server, free_port, serve
from tests.support.soak import Waits, Watch, estimate_growth, wait_until_ready

HOSTILE_N = int(os.environ.get("HOSTILE_N", "100000"))
N_PREDICTIONS = 60_000
"""What a worker keeps of recent predictions has an end, and is full after 20,000 of its own."""
PIPELINED = 100
LIMIT_S = 60
SEED = int(os.environ.get("HOSTILE_SEED", "0"))
WARM_UP_SEED = 1_000_000
SHORT_N = 1500
WARM_UP_N = 5000
"""Each worker imports and copies what the first requests of each kind need, before its growth says anything."""
MAX_GROWTH = 0.05
MAX_ANSWER_MS = 250
SHORT_MAX_ANSWER_MS = 10_000
"""The short version runs beside other tests, and judges no times but those of a server that hangs."""
WARM_UP_SHARE = 0.4
"""Growth counts from this share of the time on, behind the warm-up."""
ROW_EVERY_S = 0.1
N_WORKERS = 2
ROW = {"model": "colour-first", "inputs": [[0.5, "green"]]}


class Attacked(NamedTuple):
    """This is what became of a server and of its other client."""

    statuses: dict[str, int]
    wrong: list[dict[str, str]]
    growth: float
    max_row_ms: float
    max_probe_ms: float
    max_clock_ms: float
    probe_failures: list[str]
    n_started: int

    @property
    def n_sent(self) -> int:
        return sum(self.statuses.values())


def attack(tmp_path: Path, n_requests: int, *, n_before: int = 0) -> Attacked:
    """Sends so many hostile requests to a server, while another client asks a row and probes.

    `n_before` others warm it up, of which only the answers count.
    """
    grpc_port = free_port()
    settings = {
        "VEREDICTO_MODELS": write_hostile_models(tmp_path / "models"),
        "VEREDICTO_WORKERS": N_WORKERS,
        "VEREDICTO_GRPC_PORT": grpc_port,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_DEADLINE_S": 10,
    }
    with serve(tmp_path, **settings) as server:
        wait_until_ready(server, N_WORKERS)
        if n_before:
            fill_journal(server)
        before = send(server, grpc_port, n_before, seed=SEED + WARM_UP_SEED)
        watch = Watch(server)
        bystander = Bystander(server)
        try:
            found = send(server, grpc_port, n_requests, seed=SEED)
        finally:
            watch.stop()
            bystander.stop()

        return Attacked(
            statuses=dict(Counter(found["statuses"]) + Counter(before["statuses"])),
            wrong=before["wrong"] + found["wrong"],
            growth=find_growth(watch),
            max_row_ms=bystander.waits.max_ms,
            max_probe_ms=watch.waits.max_ms,
            max_clock_ms=max(bystander.waits.max_clock_ms, watch.waits.max_clock_ms),
            probe_failures=watch.failures,
            n_started=server.log.read_text().count(" serves: pid "),
        )


def fill_journal(server: Server) -> None:
    """Has more rows predicted than the workers keep anything of, over connections that they share."""
    port = int(server.url.rpartition(":")[2])
    content = write_json("/predict", ROW) * PIPELINED

    def predict(_: int) -> None:
        received = b""
        with socket.create_connection((HOST, port), timeout=LIMIT_S) as opened:
            opened.sendall(content)
            while received.count(b"HTTP/1.1 200 ") < PIPELINED:
                part = opened.recv(65_536)
                assert part, received[-1000:]
                received += part

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(predict, range(N_PREDICTIONS // PIPELINED)))


def send(
    server: Server, grpc_port: int, n_requests: int, *, seed: int
) -> dict[str, Any]:
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.support.hostile_load", port, str(grpc_port)]
    options = ["--n", str(n_requests), "--seed", str(seed)]
    sent = subprocess.run(
        command + options, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert sent.returncode == 0
    found: dict[str, Any] = json.loads(sent.stdout)
    return found


def find_growth(watch: Watch) -> float:
    """Returns by which share of its median the memory grew, once warmed up."""
    samples = watch.samples[int(WARM_UP_SHARE * len(watch.samples)) :]
    times = np.array([each.at_s for each in samples])
    memory = np.array([each.memory_bytes for each in samples], np.float64)
    if len(samples) < 2:
        return 0.0

    return estimate_growth(times, memory) / float(np.median(memory))


class Bystander:
    """A thread asks one row again and again on a kept connection; any failure ends it, and is raised by `stop`."""

    def __init__(self, server: Server) -> None:
        self.waits = Waits(server)
        self._port = int(server.url.rpartition(":")[2])
        self._error: Exception | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._done.set()
        self._thread.join()
        if self._error is not None:
            raise AssertionError("a row was not answered") from self._error

    def _run(self) -> None:
        connection = Connection(self._port)
        request = write_json("/predict", ROW)
        try:
            while not self._done.wait(ROW_EVERY_S):
                with self.waits.measure():
                    connection.ask(request)
        except Exception as error:
            self._error = error
        finally:
            connection.close()


def check(found: Attacked) -> None:
    assert found.wrong == []
    assert not [each for each in found.statuses if each.split()[1] in NEVER]
    assert found.n_started == N_WORKERS
    assert found.probe_failures == []


def test_hostile_requests_are_those_of_their_seed() -> None:
    """Two generators of one seed make the same requests, of all transports."""
    one, other = HostileRequests(3), HostileRequests(3)
    made = [one.make() for _ in range(300)]
    assert made == [other.make() for _ in range(300)]
    assert {each.transport for each in made} == {"http", "wire", "grpc", "frames"}


def test_few_hostile_requests_are_no_defects(tmp_path: Path) -> None:
    """Broken requests over HTTP and gRPC are refused, no worker dies, and other clients are answered."""
    found = attack(tmp_path, SHORT_N)
    check(found)
    assert found.max_row_ms < SHORT_MAX_ANSWER_MS
    assert found.max_probe_ms < SHORT_MAX_ANSWER_MS


@pytest.mark.soak
def test_many_hostile_requests_are_no_defects(tmp_path: Path) -> None:
    """HOSTILE_N broken requests cost no memory that stays, and the server keeps no other client waiting for 250 ms."""
    found = attack(tmp_path, HOSTILE_N, n_before=WARM_UP_N)
    sys.stdout.write(f"{found.n_sent:,} answers: {found}\n")
    check(found)
    assert found.growth < MAX_GROWTH
    assert found.max_row_ms < MAX_ANSWER_MS
    assert found.max_probe_ms < MAX_ANSWER_MS
