"""Closed-loop load by wrk: it sends as many requests as the server answers, over so many connections."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from benchmarks.contenders.dialects import Request
from benchmarks.contenders.processes import ContenderFailed, Server

WRK_LIMIT_S = 30
IDLE_S = 0.2
TICK_S = 0.01
"""A server that uses at most one tick of the processor's clock in a fifth of a second is idle."""
_WRK_SCRIPT = """wrk.method = "POST"
{headers}
local file = io.open("{body}", "rb")
wrk.body = file:read("*a")
file:close()
function done(summary, latency, requests)
  local e = summary.errors
  local form = '{{"requests": %d, "duration_us": %d, "refused": %d, "broken": %d, "p50_us": %f, "p99_us": %f}}'
  io.write("\\n", string.format(form,
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)), "\\n")
end
"""


@dataclass(frozen=True, kw_only=True)
class ClosedLoopResult:
    """The figures of one run: `rate` is in requests a second, `cpu_s_per_1000` in processor seconds."""

    rate: float
    cpu_s_per_1000: float
    p50_ms: float
    p99_ms: float


def measure(
    server: Server, request: Request, folder: Path, *, concurrency: int, seconds: int
) -> ClosedLoopResult:
    """Returns the figures of one run; raises ContenderFailed where any answer was not 200.

    It ends once the server is done with the requests that were left when the time was over: some servers compute them
    all, which would slow the next server's run down.
    """
    command = _make_command(
        server, request, folder, concurrency=concurrency, seconds=seconds
    )
    before_s = server.tree.cpu_s()
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + WRK_LIMIT_S,
        check=False,
    )
    cpu_s = server.tree.cpu_s() - before_s
    if run.returncode:
        raise ContenderFailed(f"wrk: {run.stderr.strip() or run.stdout.strip()}")

    found = _read_report(run.stdout, request)
    wait_until_idle(server)

    return ClosedLoopResult(
        rate=found["requests"] / found["duration_us"] * 1e6,
        cpu_s_per_1000=cpu_s / found["requests"] * 1000,
        p50_ms=found["p50_us"] / 1000,
        p99_ms=found["p99_us"] / 1000,
    )


@contextmanager
def saturate(
    server: Server, request: Request, folder: Path, *, concurrency: int, seconds: int
) -> Iterator[None]:
    """Loads the server for at most so many seconds, until the block ends.

    Raises ContenderFailed where any answer was not 200.
    """
    command = _make_command(
        server, request, folder, concurrency=concurrency, seconds=seconds
    )
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )

    try:
        yield
        # It ends, and reports what it has seen so far.
        process.send_signal(signal.SIGINT)
        _read_report(process.communicate(timeout=WRK_LIMIT_S)[0], request)
    finally:
        process.kill()
        process.wait()


def wait_until_idle(server: Server) -> None:
    """Waits until the server uses next to no processor time; raises ContenderFailed where it goes on and on."""
    latest = monotonic() + WRK_LIMIT_S
    before_s = server.tree.cpu_s()
    while monotonic() < latest:
        sleep(IDLE_S)
        cpu_s = server.tree.cpu_s()
        is_idle = cpu_s - before_s < 1.5 * TICK_S
        # On a busy machine a server may wait for a processor all the time.
        if is_idle and not server.tree.is_computing():
            return
        before_s = cpu_s

    raise ContenderFailed(
        f"{server.contender.name} is not done {WRK_LIMIT_S} s after its last client has left"
    )


def _read_report(output: str, request: Request) -> dict[str, float]:
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    if found["refused"] or found["broken"] or not found["requests"]:
        raise ContenderFailed(
            f"{request.path}: of {found['requests']} requests {found['refused']} were not answered with 200 and "
            f"{found['broken']} not at all"
        )

    return found


def _make_command(
    server: Server, request: Request, folder: Path, *, concurrency: int, seconds: int
) -> list[str]:
    script = folder / "request.lua"
    body = folder / "request.body"
    body.write_bytes(request.body)
    headers = "\n".join(
        f'wrk.headers["{name}"] = "{value}"'
        for name, value in request.all_headers.items()
    )
    script.write_text(_WRK_SCRIPT.format(headers=headers, body=body))
    url = f"http://127.0.0.1:{server.port}{request.path}"

    command = ["wrk", "-t", "1", "-c", str(concurrency)]
    command += ["-d", f"{seconds}s", "--timeout", f"{WRK_LIMIT_S}s"]
    command += ["-s", str(script), url]

    return command
