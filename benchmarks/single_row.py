"""Requests a second of single-row `/predict`, as a share of the floor (see `floor.py`).

    python -m benchmarks.single_row [--rounds 21] [--seconds 1]

Needs `wrk` (Debian: apt-get install wrk). Both servers run one worker on one model file with one thread;
rounds are interleaved, so that a noisy machine is noisy for both, and the ratio is of medians. Servers are
kept on one processor and wrk on another, where there are two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).resolve().parent.parent
MODEL = "breast_cancer-logistic"
CONCURRENCIES = (1, 32)
START_LIMIT_S = 60
SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {
            "floor": stack.enter_context(serve_floor()),
            "veredicto": stack.enter_context(serve_veredicto(folder)),
        }
        script = folder / "predict.lua"
        script.write_text(SCRIPT.format(body=_body(urls["veredicto"])))
        rates: dict[tuple[str, int], list[float]] = {
            (name, concurrency): [] for concurrency in CONCURRENCIES for name in urls
        }
        for _ in range(options.rounds):
            for (name, concurrency), measured in rates.items():
                measured.append(measure(f"{urls[name]}/predict", script, concurrency, options.seconds))
    print(f"{MODEL}, one row of JSON, keep-alive, one worker; {options.rounds} rounds of {options.seconds} s")
    packages = ("bentoml", "uvicorn", "onnxruntime", "msgspec", "orjson")
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages))
    print(f"{'concurrency':>11}  {'floor, 1/s':>10}  {'veredicto, 1/s':>14}  {'ratio':>5}  middle half of the rounds")
    for concurrency in CONCURRENCIES:
        floor, ours = rates["floor", concurrency], rates["veredicto", concurrency]
        ratio = statistics.median(ours) / statistics.median(floor)
        quarters = statistics.quantiles([own / bare for own, bare in zip(ours, floor, strict=True)], n=4)
        each = f"{quarters[0]:.2f} to {quarters[2]:.2f}"
        print(
            f"{concurrency:>11}  {statistics.median(floor):>10,.0f}  {statistics.median(ours):>14,.0f}  "
            f"{ratio:>5.2f}  {each}"
        )


def measure(url: str, script: Path, concurrency: int, seconds: int) -> float:
    """Requests a second; refuses a run in which any answer was not 200."""
    command = [*pinned(-1), "wrk", "-t", "1", "-c", str(concurrency), "-d", f"{seconds}s", "-s", str(script), url]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        sys.exit(f"{url} did not answer every request:\n{report}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", report)
    assert found, report
    return float(found[1])


@contextmanager
def serve_floor() -> Iterator[str]:
    port = free_port()
    arguments = ["uvicorn", "benchmarks.floor:app", "--host", "127.0.0.1", "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    environment = {"FLOOR_MODEL": str(ROOT / "exported_models" / f"{MODEL}.onnx")}
    with serving([*arguments, *quiet, "--lifespan", "off"], environment):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serve_veredicto(folder: Path) -> Iterator[str]:
    port = free_port()
    arguments = ["bentoml", "serve", "service.app:Veredicto", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    with serving(arguments, environment):
        wait_for_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def serving(arguments: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [*pinned(0), sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def pinned(which: int) -> list[str]:
    """The start of a command that keeps to the first or the last processor, where there are several."""
    allowed = getattr(os, "sched_getaffinity", None)
    processors = sorted(allowed(0)) if allowed else []
    if len(processors) < 2 or shutil.which("taskset") is None:
        return []
    return ["taskset", "-c", str(processors[which])]


def wait_for_port(port: int) -> None:
    deadline = monotonic() + START_LIMIT_S
    while monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    sys.exit(f"nothing listens on port {port} after {START_LIMIT_S} s")


def wait_for_ready(url: str) -> None:
    deadline = monotonic() + START_LIMIT_S
    while monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
            return
        except (urllib.error.URLError, ConnectionError):
            sleep(0.1)
    sys.exit(f"{url} is not ready after {START_LIMIT_S} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _body(url: str) -> str:
    with urllib.request.urlopen(f"{url}/models/{MODEL}", timeout=5) as answer:
        example = json.load(answer)["input"]["example"]
    return json.dumps({"model": MODEL, "inputs": [example]})


if __name__ == "__main__":
    main()
