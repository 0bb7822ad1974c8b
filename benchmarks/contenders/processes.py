"""Starts servers as processes on one processor, waits until they are ready, and ends them whatever happens."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, perf_counter, sleep

from benchmarks.contenders.contender import Contender, Location, free_port
from benchmarks.contenders.dialects import Request
from benchmarks.paths import ROOT
from benchmarks.resources import ProcessTree
from benchmarks.workloads.workload import Workload

START_LIMIT_S = 120
STOP_LIMIT_S = 20
ANSWER_LIMIT_S = 60
POLL_EVERY_S = 0.005
ENVIRONMENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
}
LOG_END = 2000


class ContenderFailed(Exception):
    """A contender did not start, or did not answer as it must."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running contender; `start_s` is the time from its start to its first right answer."""

    contender: Contender
    port: int
    tree: ProcessTree
    start_s: float


@contextmanager
def serve(
    contender: Contender, python: Path, models: Path, probe: Workload
) -> Iterator[Server]:
    """Serves until the block ends, which begins when the probe has been answered; raises ContenderFailed."""
    with tempfile.TemporaryDirectory(
        prefix="benchmark-", ignore_cleanup_errors=True
    ) as folder:
        location = Location(models=models, scratch=Path(folder), port=free_port())
        log = location.scratch / "server.log"
        started = perf_counter()

        with log.open("wb") as output:
            process = subprocess.Popen(
                [*pin_to_first_processor(), str(python), *contender.start(location)],
                cwd=ROOT,
                env=make_variables()
                | {"BENCHMARK_MODELS": str(models)}
                | (contender.variables(location) if contender.variables else {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Linux shares processors out by session: each contender is one
            )

        tree = ProcessTree(process.pid)

        try:
            _wait_until_ready(contender, process, location.port, probe)
            yield Server(
                contender=contender,
                port=location.port,
                tree=tree,
                start_s=perf_counter() - started,
            )
        except ContenderFailed as error:
            raise ContenderFailed(
                f"{error}; its log ends with:\n{log.read_text(errors='replace')[-LOG_END:]}"
            ) from None
        finally:
            _stop(process, tree)


def send(port: int, request: Request) -> tuple[int, bytes, dict[str, str]]:
    """Returns status, body and headers (names in lower case) of the answer to one POST."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_S)
    try:
        connection.request("POST", request.path, request.body, request.all_headers)
        answer = connection.getresponse()
        return (
            answer.status,
            answer.read(),
            {name.lower(): value for name, value in answer.getheaders()},
        )
    finally:
        connection.close()


def check_answer(server: Server, workload: Workload) -> None:
    """Raises ContenderFailed where the answer is not the label that onnxruntime gives in this process."""
    dialect = server.contender.dialects[workload.name]
    status, body, headers = send(server.port, dialect.make_request(workload))
    if status != 200:
        raise ContenderFailed(
            f"{server.contender.name} answers {workload.name} with {status}: {body[:300]!r}"
        )

    if not dialect.is_right(workload, body, headers):
        raise ContenderFailed(
            f"{server.contender.name} gives a wrong answer to {workload.name}: {body[:300]!r}"
        )


def pin_to_first_processor() -> list[str]:
    """Returns the start of a command that keeps a server on the first processor, where there are several."""
    processors = _find_processors()
    return (
        ["taskset", "-c", str(processors[0])]
        if len(processors) > 1 and shutil.which("taskset")
        else []
    )


def pin_to_last_processor() -> None:
    """Keeps this process, and the load that it starts, off the servers' processor, where there are several."""
    if pin_to_first_processor():
        os.sched_setaffinity(0, {_find_processors()[-1]})


_ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _find_processors() -> list[int]:
    """Returns the processors that this process had when it started."""
    return _ALLOWED


def make_variables() -> dict[str, str]:
    """Returns this process's variables without settings of ours, so that every server has its defaults."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VEREDICTO_", "VIRTUAL_ENV"))
    }
    return kept | ENVIRONMENT


def _wait_until_ready(
    contender: Contender, process: subprocess.Popen[bytes], port: int, probe: Workload
) -> None:
    deadline = monotonic() + START_LIMIT_S
    request = contender.dialects[probe.name].make_request(probe)

    while monotonic() < deadline:
        if process.poll() is not None:
            raise ContenderFailed(
                f"{contender.name} ended with {process.returncode} before it was ready"
            )

        try:
            if (contender.ready is None or _is_ready(port, contender.ready)) and send(
                port, request
            )[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass

        sleep(POLL_EVERY_S)

    raise ContenderFailed(f"{contender.name} is not ready after {START_LIMIT_S} s")


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes], tree: ProcessTree) -> None:
    """Asks the server to end, and kills whatever of its processes is left then."""
    members = tree.members()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)

    try:
        process.wait(timeout=STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

    for member in members:
        member.kill()
