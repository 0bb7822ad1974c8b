"""A client's header shortens the deadline, and what is late or left is ended in a real server."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from onnx import TensorProto

from service.errors import InvalidRequest
from service.http.request_timeout import TIMEOUT_HEADERS, read_timeout_ms
from tests.support.connections import connect, read
from tests.support.graphs import write_identity
from tests.support.loop_graphs import ENDLESS_TRIPS, write_counter
from tests.support.responses import error_of
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny

HEADER = "X-Request-Timeout-Ms"
PATH = "/v2/models/counter/infer"
DEADLINE_S = 40


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has two graphs that count as far as a request says, two that are quick, and a long deadline."""
    folder = tmp_path_factory.mktemp("models")
    write_counter(folder)
    write_counter(folder, "other")
    write_identity(folder, "rows", TensorProto.FLOAT, ["n", 2])
    write_tiny(folder, tiny_card())
    home = tmp_path_factory.mktemp("home")
    with serve(
        home, VEREDICTO_MODELS=folder, VEREDICTO_DEADLINE_S=DEADLINE_S
    ) as running:
        yield running


def body(trips: int) -> bytes:
    entry = {"name": "trips", "datatype": "INT64", "shape": [1], "data": [trips]}
    return json.dumps({"inputs": [entry]}).encode()


def count(
    server: Server, trips: int, timeout_ms: str | None = None, path: str = PATH
) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    if timeout_ms is not None:
        headers[HEADER] = timeout_ms
    return server.client.post(path, content=body(trips), headers=headers)


def check_counts(server: Server, path: str = PATH) -> None:
    """Asserts that a graph counts to 3 well before the server's deadline."""
    response = count(server, 3, str(DEADLINE_S * 500), path)

    assert response.status_code == 200, response.text
    assert response.json()["outputs"][0]["data"] == [3]


def test_the_time_of_a_header_runs_while_the_body_comes(counting: Server) -> None:
    """A request whose body does not come is answered 504 once its own time is over, long before the server's."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{HEADER}: 300\r\nContent-Length: 100\r\n\r\n"
    with connect(counting) as client:
        client.settimeout(DEADLINE_S / 2)
        client.sendall(head.encode() + b"{")
        status, document = read(client)[0]

    assert (status, document["error"]) == (
        504,
        "no answer within 300 ms, which the request's header allows",
    )


def test_a_header_shortens_the_deadline(counting: Server) -> None:
    """Runs that would never end are answered 504 after the header's time, and their threads are free again."""
    for _ in range((os.cpu_count() or 1) + 1):
        response = count(counting, ENDLESS_TRIPS, "100")

        assert "100 ms" in error_of(response, 504)

    check_counts(counting)


def test_a_longer_time_changes_no_answer(counting: Server) -> None:
    """A request that is answered in its time is answered as without a header."""
    assert count(counting, 5, "30000").json() == count(counting, 5).json()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "soon", "", "9" * 10])
def test_a_bad_time_is_refused(counting: Server, value: str) -> None:
    """A header that is no whole number of milliseconds is answered 400, with its name."""
    response = count(counting, 1, value)

    assert HEADER.lower() in error_of(response, 400).lower()


ROWS = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/v2/models/rows/infer", {"inputs": [ROWS]}),
        ("/predict", {"model": "colour-first", "inputs": [[0.5, "red"]]}),
    ],
)
def test_a_bad_time_is_refused_where_the_answer_is_there_at_once(
    counting: Server, path: str, content: dict[str, object]
) -> None:
    """A quick model answers without a deadline; whatever is no time is refused all the same, however often it comes."""
    for value in ("soon", "soon", "0", "soon"):
        response = counting.client.post(path, json=content, headers={HEADER: value})
        assert HEADER.lower() in error_of(response, 400).lower()

    response = counting.client.post(path, json=content, headers={HEADER: "9000"})
    assert response.status_code == 200, response.text


def test_a_client_that_leaves_ends_its_run(counting: Server) -> None:
    """More clients than there are threads leave in the middle of runs without end, and the graph still answers."""
    host, port = counting.url.removeprefix("http://").split(":")
    content = body(ENDLESS_TRIPS)
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    clients = []
    for _ in range((os.cpu_count() or 1) + 1):
        client = socket.create_connection((host, int(port)))
        client.sendall(head.encode() + content)
        clients.append(client)

    # The other graph's answer comes while these runs go on, and none of them is on the event loop.
    check_counts(counting, "/v2/models/other/infer")

    for client in clients:
        client.close()

    check_counts(counting)


def test_the_servers_deadline_ends_a_run(tmp_path: Path) -> None:
    """The server's own deadline ends a run without a header, and the graph answers after it."""
    folder = tmp_path / "models"
    write_counter(folder)
    with serve(tmp_path, VEREDICTO_MODELS=folder, VEREDICTO_DEADLINE_S=1) as server:
        for _ in range(2):
            late = count(server, ENDLESS_TRIPS)

            assert "VEREDICTO_DEADLINE_S" in error_of(late, 504)

        assert count(server, 3).json()["outputs"][0]["data"] == [3]


def test_the_shortest_time_counts() -> None:
    """The shortest time of several headers counts, and other headers say nothing."""
    first, second = TIMEOUT_HEADERS

    assert read_timeout_ms([(first, b"900"), (second, b" 20 ")]) == 20
    assert read_timeout_ms([(b"x-other", b"1")]) is None

    with pytest.raises(InvalidRequest, match=second.decode()):
        read_timeout_ms([(first, b"900"), (second, b"never")])
