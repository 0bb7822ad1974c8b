"""This module runs a server with given settings, a process of its own on 127.0.0.1, which ends with its block."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from service.errors import LoadTestError
from service.settings import PREFIX

HOST = "127.0.0.1"
START_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0
POLL_S = 0.05
KEPT = ("MODELS", "DEVICE", "STRICT")
"""The servers have these settings of the caller too; a journal, tokens or certificates have no place here."""
MAX_LOG_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """This is a server that is ready."""

    url: str
    process_id: int

    def measure_memory_mib(self) -> float:
        """Returns the memory of all its processes; what they share counts once (proportional set size)."""
        return sum(map(_read_pss_kib, _list_processes(self.process_id))) / 1024


@contextmanager
def run_server(
    variables: Mapping[str, str], *, models: Path | None, folder: Path
) -> Iterator[RunningServer]:
    """Yields a server with these settings once it is ready; `folder` takes its log and what BentoML keeps."""
    port = _find_free_port()
    log = folder / "server.log"
    command = [sys.executable, "-m", "service", "--host", HOST, "--port", str(port)]
    environment = _make_environment(variables, models=models, folder=folder)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    try:
        _wait_until_ready(process, port, log)
        yield RunningServer(url=f"http://{HOST}:{port}", process_id=process.pid)
    finally:
        _stop(process)


def _make_environment(
    variables: Mapping[str, str], *, models: Path | None, folder: Path
) -> dict[str, str]:
    kept = {f"{PREFIX}{name}" for name in KEPT}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) or name in kept
    }
    chosen = {} if models is None else {f"{PREFIX}MODELS": str(models)}

    return {**inherited, "BENTOML_HOME": str(folder / "bentoml"), **chosen, **variables}


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]

    return port


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Raises LoadTestError where the server ends, refuses its models, or takes too long."""
    until_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise LoadTestError(
                f"the server ended with {process.returncode}: {_read_end(log)}"
            )
        status, content = _ask(port)
        if status == HTTPStatus.OK:
            return
        if status == HTTPStatus.SERVICE_UNAVAILABLE:  # it has read its folder
            words = content[:MAX_LOG_CHARACTERS].decode(errors="replace")
            raise LoadTestError(f"the server has not what it needs: {words}")

        time.sleep(POLL_S)

    raise LoadTestError(
        f"the server was not ready after {START_LIMIT_S:.0f} s: {_read_end(log)}"
    )


def _ask(port: int) -> tuple[int, bytes]:
    """Returns the status and the content of `/readyz`, 0 where nothing answers yet."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def _read_end(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip()
    return text[-MAX_LOG_CHARACTERS:] or "it wrote nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the server to end, and ends all of its processes where that takes too long."""
    started = _list_processes(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        for each in started:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        process.wait()


def _list_processes(root: int) -> list[int]:
    """Returns a process and all that it started, directly or not; workers have sessions of their own."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        parents[int(path.parent.name)] = int(fields[1])

    found = [root]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]

    return found


def _read_pss_kib(process_id: int) -> int:
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0

    for line in lines:
        if line.startswith("Pss:"):
            return int(line.split()[1])

    return 0
