"""A server that grows is started with what it is to hold, and asked one thing again and again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from benchmarks.paths import ROOT
from benchmarks.resources import ProcessTree

LIMIT_S = 300.0
POLL_S = 0.02
WARM_UP = 20


class Cost(NamedTuple):
    """A cost is what a request took: time in the median, and the server's processor time in the mean."""

    latency_ms: float
    processor_ms: float


@dataclass(kw_only=True)
class GrownServer:
    """A GrownServer was ready after `start_s` seconds, and took `cpu_s` seconds of processor time for it."""

    port: int
    processes: ProcessTree
    start_s: float
    cpu_s: float

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)

    def measure(
        self, method: str, path: str, body: object = None, *, times: int = 200
    ) -> Cost:
        """Returns what one request costs, over so many of one connection, which all must succeed."""
        client = self.connect()
        content = None if body is None else json.dumps(body)
        for _ in range(min(WARM_UP, times)):
            ask(client, method, path, content)
        taken_ms = []
        before_s = self.processes.cpu_s()
        for _ in range(times):
            started = perf_counter()
            ask(client, method, path, content)
            taken_ms.append((perf_counter() - started) * 1000)
        used_s = self.processes.cpu_s() - before_s

        return Cost(median(taken_ms), 1000 * used_s / times)

    def measure_first(self, path: str) -> float:
        """Returns the milliseconds of the server's processor time that the first answer to a GET takes."""
        client = self.connect()
        before_s = self.processes.cpu_s()
        ask(client, "GET", path, None)

        return 1000 * (self.processes.cpu_s() - before_s)

    def get(self, path: str) -> Any:
        """Returns the JSON of a GET."""
        return json.loads(ask(self.connect(), "GET", path, None))


@contextmanager
def grow(folder: Path, **settings: object) -> Iterator[GrownServer]:
    """Serves with these settings until the block ends; BentoML's home and the log lie in the folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        f"VEREDICTO_{name.upper()}": str(each) for name, each in settings.items()
    }
    variables["BENTOML_HOME"] = str(folder / "bentoml")
    started = monotonic()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    try:
        _wait_for(lambda: _is_ready(port), process, folder / "server.log")
        processes = ProcessTree(process.pid)
        yield GrownServer(
            port=port,
            processes=processes,
            start_s=monotonic() - started,
            cpu_s=processes.cpu_s(),
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def ask(
    client: http.client.HTTPConnection, method: str, path: str, content: str | None
) -> bytes:
    """Returns the body of an answer; ends the program where it is none."""
    headers = {} if content is None else {"Content-Type": "application/json"}
    client.request(method, path, content, headers)
    response = client.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(
            f"{path}: expected an answer, got {response.status}: {answer[:300]!r}"
        )

    return answer


def _is_ready(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()


def _wait_for(
    holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path
) -> None:
    until_s = monotonic() + LIMIT_S
    while not holds():
        if process.poll() is not None or monotonic() > until_s:
            raise SystemExit(f"the server is not ready: {log.read_text()[-2000:]}")
        Event().wait(POLL_S)
