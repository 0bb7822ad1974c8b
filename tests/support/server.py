"""A real server process is started as `make serve` starts it, on a free port of 127.0.0.1."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import httpx

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ("-m", "service")
"""Python runs this, as `make serve` does."""
START_LIMIT_S = 60.0
START_WAIT_S = 0.05
STOP_LIMIT_S = 30
PORTS = range(22_000, 32_000)
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""A client that speaks plain HTTP loads no certificates with it, which takes 30 ms of the processor."""
_reservations: list[socket.socket] = []
_turns = itertools.count(os.getpid() * 97)
"""Each process begins elsewhere among the ports."""


@dataclass(frozen=True)
class Server:
    """A running server has a client that keeps its connection."""

    url: str
    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path

    def connect(self) -> httpx.Client:
        """Returns another client of this server without TLS, whose connection any worker may take."""
        return httpx.Client(base_url=self.url, timeout=60, verify=NO_AUTHORITIES)

    def post(self, path: str, body: object) -> httpx.Response:
        """Returns the response to this JSON body."""
        return self.client.post(path, json=body)

    def post_raw(
        self, path: str, body: bytes, content_type: str = "application/json"
    ) -> httpx.Response:
        """Returns the response to these bytes, which are sent as they are."""
        return self.client.post(
            path, content=body, headers={"Content-Type": content_type}
        )


class PatientTransport(httpx.HTTPTransport):
    """A client of this transport asks again until somebody listens at the address.

    The waits of httpx's own retries double: a server that started within two seconds was asked after three and a half.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the response; raises ConnectError where nobody listens for a minute."""
        end_s = time.monotonic() + START_LIMIT_S
        while True:
            try:
                return super().handle_request(request)
            except httpx.ConnectError:
                if time.monotonic() > end_s:
                    raise
                Event().wait(START_WAIT_S)


@contextmanager
def serve(
    folder: Path,
    *,
    python: str = sys.executable,
    words: Sequence[str] = SERVICE,
    cwd: Path = ROOT,
    tls: ssl.SSLContext | None = None,
    port: int | None = None,
    **environment: object,
) -> Iterator[Server]:
    """Serves until the block ends, then asks the process to stop and waits; raises AssertionError with the log.

    Python runs `words` in `cwd`. `folder` takes the log and BentoML's home, so that no two servers share a folder of
    metrics. With `tls` its client speaks TLS by this context. `environment` is all that the server has of VEREDICTO_*
    variables.
    """
    port = port or free_port()
    log = folder / "server.log"
    command = [python, *words, "--host", "127.0.0.1", "--port", str(port)]
    process = _start(command, cwd=cwd, folder=folder, log=log, settings=environment)
    url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"

    try:
        with _make_client(url, tls) as client:
            assert client.get("/livez").status_code == 200, log.read_text()
            yield Server(url, client, process, log)
    except httpx.TransportError as error:
        raise AssertionError(
            f"{error!r}; the server's log:\n{log.read_text()}"
        ) from error
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_LIMIT_S)


def _start(
    command: list[str],
    *,
    cwd: Path,
    folder: Path,
    log: Path,
    settings: Mapping[str, object],
) -> subprocess.Popen[bytes]:
    """Starts a server whose output goes into its log."""
    given = {name: str(value) for name, value in settings.items()}
    variables = _environment(folder) | given
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=cwd, env=variables, stdout=output, stderr=subprocess.STDOUT
        )


def _make_client(url: str, tls: ssl.SSLContext | None) -> httpx.Client:
    """Returns a client that asks again until the server listens."""
    transport = PatientTransport(verify=tls or NO_AUTHORITIES)
    return httpx.Client(base_url=url, timeout=60, transport=transport)


def _environment(folder: Path) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VEREDICTO_")
    }
    return inherited | {"BENTOML_HOME": str(folder / "bentoml")}


def free_port() -> int:
    """Returns the number of a TCP port of 127.0.0.1 that nothing listens on, and that no other test is given.

    The numbers are below those that systems give to outgoing connections, which would take one again before its server
    listens. A UDP socket of the same number, open until this process ends, tells other test processes that it is taken.
    """
    for _ in PORTS:
        port = PORTS[next(_turns) % len(PORTS)]
        reservation = socket.socket(type=socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
        else:
            _reservations.append(reservation)
            return port

    raise OSError(f"no free port from {PORTS[0]} to {PORTS[-1]}")
