"""`python -m benchmarks.sizing [MODEL ...]` prints what a server of one worker and one model takes.

Its memory is that of supervisor and worker, what both share counted twice, and its rates are by its own processor time:
so the table holds on a machine that does other things meanwhile.
"""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

from PIL import Image

from benchmarks.paths import ROOT, SHIPPED_MODELS
from benchmarks.resources import PROC, ProcessTree

MODELS = (
    "breast_cancer-logistic",
    "breast_cancer-random_forest",
    "digits-cnn",
    "cifar10-cnn",
    "cat_or_automobile-mlp",
    "cat_or_automobile-pretrained",
)
LIMIT_S = 120
BURST_S = 3.0
WARM_UP = 50
IMAGE_PX = 640
ROWS_AT_ONCE = 100


class Measured(NamedTuple):
    """One server took so many MiB at rest and after the bursts, and requests or rows in a second of one processor."""

    start_mib: float
    end_mib: float
    requests_per_s: float
    rows_per_s: float


def main(names: list[str]) -> None:
    """Prints one row of the table for each model."""
    print(
        "| model | MiB at rest | MiB after | requests/s a core | rows/s a core, 100 at once |"
    )
    print("|---|--:|--:|--:|--:|")
    for name in names or MODELS:
        found = measure(name)
        print(
            f"| `{name}` | {found.start_mib:.0f} | {found.end_mib:.0f} "
            f"| {found.requests_per_s:,.0f} | {found.rows_per_s:,.0f} |",
            flush=True,
        )


def measure(name: str) -> Measured:
    """Returns what a server takes that has this model alone."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home, "models")
        folder.mkdir()
        shutil.copy(SHIPPED_MODELS / f"{name}.onnx", folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        variables = {"VEREDICTO_MODELS": str(folder), "BENTOML_HOME": home}
        server = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(port)],
            cwd=ROOT,
            env=os.environ | variables,
            stderr=subprocess.DEVNULL,
        )
        try:
            return _measure(server, port, name)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def _measure(server: subprocess.Popen[bytes], port: int, name: str) -> Measured:
    client = _connect(port)
    processes = ProcessTree(server.pid)
    row = _make_row(client, name)
    one = json.dumps({"model": name, "inputs": [row]})
    many = json.dumps({"model": name, "inputs": [row] * ROWS_AT_ONCE})

    for _ in range(WARM_UP):
        _ask(client, one)
    start_mib = _read_mib(processes)
    requests_per_s = _find_rate(processes, client, one)
    is_image = isinstance(row, dict)
    rows_per_s = (
        requests_per_s
        if is_image
        else _find_rate(processes, client, many) * ROWS_AT_ONCE
    )

    return Measured(start_mib, _read_mib(processes), requests_per_s, rows_per_s)


def _find_rate(
    processes: ProcessTree, client: http.client.HTTPConnection, body: str
) -> float:
    """Returns the requests that the server answers in a second of its own processor time."""
    before_s = processes.cpu_s()
    until_s = monotonic() + BURST_S
    n_requests = 0
    while monotonic() < until_s:
        _ask(client, body)
        n_requests += 1

    return n_requests / (processes.cpu_s() - before_s)


def _read_mib(processes: ProcessTree) -> float:
    """Returns the resident memory of all processes."""
    pages = [
        int((PROC / str(each.pid) / "statm").read_text().split()[1])
        for each in processes.members()
    ]
    return sum(pages) * os.sysconf("SC_PAGESIZE") / 2**20


def _connect(port: int) -> http.client.HTTPConnection:
    """Returns a connection to the server once it is ready."""
    until_s = monotonic() + LIMIT_S
    while monotonic() < until_s:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        try:
            client.request("GET", "/readyz")
            if client.getresponse().read().startswith(b'{"ready":true'):
                return client
        except OSError:
            pass
        Event().wait(0.1)

    raise SystemExit("the server did not become ready")


def _ask(client: http.client.HTTPConnection, body: str) -> None:
    client.request("POST", "/predict", body, {"Content-Type": "application/json"})
    response = client.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(
            f"expected an answer, got {response.status}: {content[:300]!r}"
        )


def _make_row(client: http.client.HTTPConnection, name: str) -> Any:
    """Returns the example of the model's card, or a JPEG of 640 pixels a side."""
    client.request("GET", f"/models/{name}")
    card = json.loads(client.getresponse().read())
    if card["input"]["type"] == "features":
        return card["input"]["example"]

    file = io.BytesIO()
    # As smooth as a photograph, whose files have about so many bytes.
    noise = Image.effect_noise((IMAGE_PX // 8, IMAGE_PX // 8), 60).convert("RGB")
    noise.resize((IMAGE_PX, IMAGE_PX)).save(file, "JPEG", quality=85)
    return {"b64": base64.b64encode(file.getvalue()).decode()}


if __name__ == "__main__":
    main(sys.argv[1:])
