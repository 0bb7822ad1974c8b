"""A real server process: `bentoml serve`, as a newcomer starts it, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_RETRIES = 8  # with httpx's backoff that is about a minute
STOP_LIMIT_S = 30


@dataclass(frozen=True)
class Server:
    """A running server, and a client that keeps its connection."""

    url: str
    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path

    def post(self, path: str, body: object) -> httpx.Response:
        """POSTs a JSON body."""
        return self.client.post(path, json=body)

    def post_raw(
        self, path: str, body: bytes, content_type: str = "application/json"
    ) -> httpx.Response:
        """POSTs bytes as they are."""
        return self.client.post(
            path, content=body, headers={"Content-Type": content_type}
        )


@contextmanager
def serve(
    folder: Path,
    *,
    python: str = sys.executable,
    target: str = "service.app:Veredicto",
    **environment: object,
) -> Iterator[Server]:
    """Serves until the block ends, then asks the process to stop; `folder` takes its home and its log."""
    port = free_port()
    log = folder / "server.log"
    variables = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith("VEREDICTO_")
        },
        "BENTOML_HOME": str(folder / "bentoml"),
        **{name: str(value) for name, value in environment.items()},
    }
    command = [
        python,
        "-m",
        "bentoml",
        "serve",
        target,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]

    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT
        )

    url = f"http://127.0.0.1:{port}"

    try:
        with httpx.Client(
            base_url=url,
            timeout=60,
            transport=httpx.HTTPTransport(retries=START_RETRIES),
        ) as client:
            assert client.get("/livez").status_code == 200, log.read_text()
            yield Server(url, client, process, log)
    except httpx.TransportError as error:
        raise AssertionError(
            f"{error!r}; the server's log:\n{log.read_text()}"
        ) from error
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_LIMIT_S)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
