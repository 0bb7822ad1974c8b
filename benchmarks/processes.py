"""Servers as processes: started on one processor, found ready, and ended whatever happens."""

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

from benchmarks.contenders import Contender, Place, free_port
from benchmarks.dialects import Request
from benchmarks.resources import Tree
from benchmarks.workloads import Workload

ROOT = Path(__file__).resolve().parent.parent
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


class Failed(Exception):
    """A contender that did not start, or did not answer as it must."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running contender; `start_s` is from its start to its first right answer."""

    contender: Contender
    port: int
    tree: Tree
    start_s: float


@contextmanager
def serve(
    contender: Contender, python: Path, models: Path, probe: Workload
) -> Iterator[Server]:
    """Serves until the block ends; ready when it says so and has answered the probe. Raises Failed."""
    with tempfile.TemporaryDirectory(
        prefix="benchmark-", ignore_cleanup_errors=True
    ) as folder:
        place = Place(models=models, scratch=Path(folder), port=free_port())
        log = place.scratch / "server.log"
        started = perf_counter()

        with log.open("wb") as output:
            process = subprocess.Popen(
                [*pinned_to_first(), str(python), *contender.start(place)],
                cwd=ROOT,
                env=variables()
                | {"BENCHMARK_MODELS": str(models)}
                | (contender.variables(place) if contender.variables else {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Linux shares processors out by session: each contender is one
            )

        tree = Tree(process.pid)

        try:
            _wait(contender, process, place.port, probe)
            yield Server(
                contender=contender,
                port=place.port,
                tree=tree,
                start_s=perf_counter() - started,
            )
        except Failed as error:
            raise Failed(
                f"{error}; its log ends with:\n{log.read_text(errors='replace')[-LOG_END:]}"
            ) from None
        finally:
            _stop(process, tree)


def send(port: int, request: Request) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers (names in lower case) of one POST."""
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


def check(server: Server, workload: Workload) -> None:
    """Raises Failed where the answer is not the label that onnxruntime gives in this process."""
    dialect = server.contender.speaks[workload.name]
    status, body, headers = send(server.port, dialect.ask(workload))
    if status != 200:
        raise Failed(
            f"{server.contender.name} answers {workload.name} with {status}: {body[:300]!r}"
        )

    if not dialect.is_right(workload, body, headers):
        raise Failed(
            f"{server.contender.name} gives a wrong answer to {workload.name}: {body[:300]!r}"
        )


def pinned_to_first() -> list[str]:
    """The start of a command that keeps a server on the first processor, where there are several."""
    processors = _processors()
    return (
        ["taskset", "-c", str(processors[0])]
        if len(processors) > 1 and shutil.which("taskset")
        else []
    )


def keep_to_last() -> None:
    """Keeps this process, and the load that it starts, off the servers' processor, where there are several."""
    if pinned_to_first():
        os.sched_setaffinity(0, {_processors()[-1]})


_ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _processors() -> list[int]:
    """Those that this process had when it started."""
    return _ALLOWED


def variables() -> dict[str, str]:
    """This one's, without what would make a server something else than a newcomer's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VEREDICTO_", "VIRTUAL_ENV"))
    }
    return kept | ENVIRONMENT


def _wait(
    contender: Contender, process: subprocess.Popen[bytes], port: int, probe: Workload
) -> None:
    deadline = monotonic() + START_LIMIT_S
    request = contender.speaks[probe.name].ask(probe)

    while monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(
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

    raise Failed(f"{contender.name} is not ready after {START_LIMIT_S} s")


def _is_ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes], tree: Tree) -> None:
    """Asks the server to end; whatever of its processes is left then, is killed."""
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
