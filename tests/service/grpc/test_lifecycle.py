"""gRPC starts, is held up and stops together with HTTP, whose limits it shares."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import httpx
import pytest

from tests.support.clients import LIMIT_S
from tests.support.grpc_requests import (
    MODEL_INFER,
    colour_request,
    refusal,
    wait_for,
)
from tests.support.server import ROOT, Server, free_port, serve
from tests.support.server import SERVICE as SERVICE_WORDS
from tests.support.triton_grpc import service_pb2
from tests.support.waiting import wait_until


class Stalled:
    """A stalled request sends its message only when `go_on` is called."""

    def __init__(self, channel: grpc.Channel, message: bytes) -> None:
        self._go = Event()
        self._message = message
        self.answer = channel.stream_unary(MODEL_INFER).future(self._wait())

    def _wait(self) -> Iterator[bytes]:
        self._go.wait(30)
        yield self._message

    def go_on(self) -> None:
        self._go.set()


def test_requests_in_flight_are_counted_with_those_of_http_and_end_in_time(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """HTTP and gRPC share one limit of requests in flight and one deadline, from the arrival on."""
    port = free_port()
    limits = {"VEREDICTO_MAX_IN_FLIGHT": 2, "VEREDICTO_DEADLINE_S": 4}

    with (
        start_server(
            VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port, **limits
        ) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        stalled = [Stalled(channel, colour_request()) for _ in range(2)]
        wait_for(channel)
        text = "2 requests are being answered already, the limit is 2 (VEREDICTO_MAX_IN_FLIGHT): try again"

        assert refusal(lambda: channel.unary_unary(MODEL_INFER)(colour_request())) == (
            "UNAVAILABLE",
            text,
        )

        answer = server.post(
            "/predict_proba?top=1", {"model": "colour-first", "inputs": [[1, "red"]]}
        )

        assert (answer.status_code, answer.json()["error"]) == (503, text)

        late = "no answer within 4 s (VEREDICTO_DEADLINE_S), counted from the request's arrival"
        for each in stalled:
            assert refusal(each.answer.result) == ("DEADLINE_EXCEEDED", late)
            each.go_on()

        assert channel.unary_unary(MODEL_INFER)(colour_request())


def is_open(server: Server) -> bool:
    """The server is open while it takes connections, which one that has begun to stop does not."""
    try:
        with server.connect() as client:
            return client.get("/livez").status_code == 200
    except httpx.TransportError:
        return False


def test_a_client_that_takes_no_long_answer_is_no_defect(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A client that leaves at the first bytes of an answer that it finds too long has no traceback in the log."""
    port = free_port()
    request = service_pb2.ModelInferRequest.FromString(colour_request())
    request.id = "x" * 8_000_000
    content = request.SerializeToString()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        infer = channel.unary_unary(MODEL_INFER)
        codes = {refusal(lambda: infer(content))[0] for _ in range(8)}
        wait_for(channel)
        log = server.log.read_text()

    assert codes == {"RESOURCE_EXHAUSTED"}
    assert "Traceback" not in log


def test_clients_that_hold_connections_keep_nobody_out_for_long(
    models: Path, tmp_path: Path
) -> None:
    """Connections to gRPC that ask for nothing leave HTTP its descriptors, are ended in time, and then there is room.

    Each takes a descriptor: all of them would be gone, and nothing answered any more, no probe either.
    """
    port = free_port()
    words = ("-c", 'ulimit -n 300; exec "$0" "$@"', sys.executable, *SERVICE_WORDS)
    settings = {"VEREDICTO_GRPC_PORT": port, "VEREDICTO_KEEP_ALIVE_S": 2}
    with (
        serve(
            tmp_path, python="sh", words=words, VEREDICTO_MODELS=models, **settings
        ) as server,
        ExitStack() as stack,
    ):
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in range(400)
        ]
        with httpx.Client(base_url=server.url, timeout=LIMIT_S) as another:
            assert another.get("/livez").status_code == 200
            row = {"model": "colour-first", "inputs": [[1, "red"]]}
            assert another.post("/predict", json=row).status_code == 200

        for each in held:
            each.settimeout(LIMIT_S)
            read_until_end(each)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            wait_for(channel)


def read_until_end(connection: socket.socket) -> None:
    """Returns once a server has ended a connection, in whatever way."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass


def test_a_request_in_flight_is_answered_before_it_stops(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A request whose message is still to come when SIGTERM arrives is answered before the process ends."""
    port = free_port()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port) as server,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        wait_for(channel)
        stalled = Stalled(channel, colour_request())
        wait_for(channel)
        server.process.send_signal(signal.SIGTERM)
        while is_open(server):
            pass

        stalled.go_on()
        answer = service_pb2.ModelInferResponse.FromString(
            stalled.answer.result(timeout=30)
        )

        assert answer.model_name == "colour-first"
        assert server.process.wait(timeout=30) == 0
        assert "Traceback" not in server.log.read_text()


def test_two_workers_share_the_port(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Two workers take connections of one port, and their requests are counted together."""
    port = free_port()
    options = {
        "VEREDICTO_MODELS": models,
        "VEREDICTO_WORKERS": 2,
        "VEREDICTO_GRPC_PORT": port,
    }

    with start_server(**options) as server:
        for _ in range(30):
            own = [("grpc.use_local_subchannel_pool", 1)]
            with grpc.insecure_channel(f"127.0.0.1:{port}", options=own) as channel:
                assert channel.unary_unary(MODEL_INFER)(
                    colour_request(), wait_for_ready=True
                )

        expected = f'veredicto_requests_total{{route="{MODEL_INFER}",status="OK"}} 30.0'
        wait_until(lambda: expected in server.client.get("/metrics").text)


def fail_to_start(folder: Path, **variables: object) -> str:
    """Returns what a server that does not start writes to stderr."""
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "bentoml",
            "serve",
            "service.app:Veredicto",
            "--port",
            str(free_port()),
        ],
        cwd=ROOT,
        env=os.environ
        | {name: str(value) for name, value in variables.items()}
        | {"BENTOML_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode != 0
    return finished.stderr


def test_a_port_that_is_taken_refuses_to_start(tmp_path: Path) -> None:
    """A port that is taken ends the start before any model is loaded, also where workers share the port among
    themselves.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stderr = fail_to_start(tmp_path, VEREDICTO_GRPC_PORT=port, VEREDICTO_WORKERS=2)
    expected = f"VEREDICTO_GRPC_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"

    assert f"veredicto does not start: {expected}\n" in stderr


@pytest.fixture
def without_grpc(tmp_path: Path) -> dict[str, str]:
    """The fixture gives an environment whose interpreters find no grpcio."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['grpc'] = None\n"
    )
    return {"PYTHONPATH": str(tmp_path)}


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, without_grpc: dict[str, str]
) -> None:
    """A server with a gRPC port does not start without grpcio, and says what to install."""
    stderr = fail_to_start(tmp_path, VEREDICTO_GRPC_PORT=free_port(), **without_grpc)
    expected = "VEREDICTO_GRPC_PORT: gRPC needs what is not installed here: pip install 'grpcio>=1.60'"

    assert f"veredicto does not start: {expected}\n" in stderr


def test_without_the_library_http_is_served(
    models: Path, start_server: Callable[..., Any], without_grpc: dict[str, str]
) -> None:
    """A server without a gRPC port answers over HTTP without grpcio."""
    with start_server(VEREDICTO_MODELS=models, **without_grpc) as server:
        assert (
            server.post(
                "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
            ).status_code
            == 200
        )
