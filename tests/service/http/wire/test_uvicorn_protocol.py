"""Requests are bytes on a connection to a real server: in one piece, in several, in a row, as few clients send them."""

from __future__ import annotations

import json
import select
import socket
import struct
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import BytesIO

import numpy as np
import pytest
import uvicorn
from PIL import Image

from service.http.application import Application
from service.http.wire.uvicorn_protocol import (
    AWAITED_S,
    MAX_AWAITED_BYTES,
    FastPathProtocol,
    install,
)
from service.settings import Settings
from tests.support.connections import connect, read, read_to_end, write
from tests.support.server import Server

QUICK = {"model": "points-mlp", "inputs": [[1, 2]]}
SHARED = "digits-knn"
"""Its runs are quick, and several rows take less together than one by one."""


@pytest.fixture
def connection(server: Server) -> Iterator[socket.socket]:
    """The connection leads to a server of the shipped models."""
    with connect(server) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield opened


def test_the_choice_of_a_protocol_is_ours(application: Application) -> None:
    """A server that is left to choose its protocol, as BentoML leaves it to uvicorn, takes the fast path's."""
    install(application, Settings())
    config = uvicorn.Config(application, log_config=None)
    config.load()

    assert config.http_protocol_class is FastPathProtocol
    assert FastPathProtocol.application is application


def test_requests_in_a_row_are_answered_in_order(connection: socket.socket) -> None:
    """Requests that are sent at once are answered in order, and those that are answered where they are read wait for
    those that are not.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    image = {
        "model": "cifar10-cnn",
        "inputs": [{"b64": b64encode(content.getvalue()).decode()}],
    }
    unknown = {"model": "points-mpl", "inputs": [[1, 2]]}
    sent = [QUICK, image, QUICK, unknown, image, unknown, QUICK]
    connection.sendall(b"".join(write("/predict", each) for each in sent))
    answers = read(connection, len(sent))

    assert [status for status, _ in answers] == [200, 200, 200, 404, 200, 404, 200]

    named = [document.get("model") for status, document in answers if status == 200]

    assert named == [
        "points-mlp",
        "cifar10-cnn",
        "points-mlp",
        "cifar10-cnn",
        "points-mlp",
    ]


def test_many_requests_at_once_are_answered(connection: socket.socket) -> None:
    """More requests than one read answers at once are answered, each in its turn."""
    requests = [
        {"model": "points-mlp", "inputs": [[1, 2]] * (1 + number % 7)}
        for number in range(300)
    ]
    connection.sendall(b"".join(write("/predict", each) for each in requests))
    answers = read(connection, len(requests))

    assert [len(document["predictions"]) for _, document in answers] == [
        len(each["inputs"]) for each in requests
    ]


@pytest.mark.parametrize(
    "pause_s", [AWAITED_S / 10, AWAITED_S * 3], ids=["soon", "late"]
)
@pytest.mark.parametrize(
    "places", [[10], [60], [90], [20, 60, 90], [85, 90, 95]], ids=str
)
def test_a_request_in_pieces_is_answered(
    connection: socket.socket, places: list[int], pause_s: float
) -> None:
    """A request is answered wherever it is cut: in its headers, between them and its body, or in its body."""
    request = write("/predict", QUICK)
    for start, end in zip([0, *places], [*places, len(request)], strict=True):
        assert not select.select([connection], [], [], pause_s)[0]
        connection.sendall(request[start:end])

    [(status, document)] = read(connection)

    assert (status, document["model"]) == (200, "points-mlp")


def test_a_body_of_several_reads_is_answered(connection: socket.socket) -> None:
    """A body that is waited for and one that is too long for that are answered, and so is what comes after them."""
    rows = [[1, 2.5]] * 3000, [[1, 2.5]] * 40_000

    assert (
        len(write("/predict", {"inputs": rows[0]}))
        < MAX_AWAITED_BYTES
        < len(write("/predict", {"inputs": rows[1]}))
    )

    requests = [
        {"model": "points-mlp", "inputs": each}
        for each in (rows[0], rows[1], rows[0][:1])
    ]
    connection.sendall(b"".join(write("/predict", each) for each in requests))

    assert [status for status, _ in read(connection, len(requests))] == [200, 413, 200]


def test_a_body_that_does_not_come_is_given_up(impatient_server: Server) -> None:
    """A request whose body does not come gets 504 after the deadline."""
    request = write("/predict", {"model": "colour-first", "inputs": [[1, "red"]]})

    with connect(impatient_server) as slow:
        slow.sendall(request[:-5])

        assert read(slow)[0][0] == 504


def test_a_body_that_does_not_come_behind_a_view_is_given_up(
    impatient_server: Server,
) -> None:
    """A request that was held back while a view was answered has its deadline too, and a body too long its refusal."""
    view = b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"

    for n_bytes, status in ((100, 504), (10**12, 413)):
        with connect(impatient_server) as slow:
            slow.sendall(view + head % n_bytes + b"{")

            assert [status for status, _ in read(slow, 2)] == [200, status]


def test_a_body_in_chunks_is_answered(connection: socket.socket) -> None:
    """A body in chunks, as clients send one of unknown length, is answered."""
    body = json.dumps(QUICK).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:], b"")]
    connection.sendall(head + b"".join(chunks))

    assert read(connection)[0][0] == 200


@pytest.mark.parametrize(
    ("headers", "version"), [(("Connection: close",), "1.1"), ((), "1.0")]
)
def test_a_connection_ends_where_it_should(
    connection: socket.socket, headers: tuple[str, ...], version: str
) -> None:
    """The connection ends after the answer where the client asks for that, and always with HTTP 1.0."""
    connection.sendall(write("/predict", QUICK, *headers, version=version))
    stream = connection.makefile("rb")

    assert stream.read().count(b"predictions") == 1  # to its end


def test_a_client_that_waits_for_leave_gets_it(connection: socket.socket) -> None:
    """A client that holds its body back with `Expect: 100-continue` is told to go on."""
    request = write("/predict", QUICK, "Expect: 100-continue")
    head, _, body = request.partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")

    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")

    connection.sendall(body)

    assert read(connection)[0][0] == 200

    connection.sendall(write("/predict", QUICK))

    assert read(connection)[0][0] == 200


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("POST /nowhere", "Content-Length: 40", 404),
        ("PUT /predict", "Content-Length: 40", 405),
        ("POST /predict", "Content-Type: text/xml\r\nContent-Length: 40", 415),
        ("POST /predict", "Content-Length: 2000000000", 413),
        ("POST /nowhere", "Transfer-Encoding: chunked", 404),
    ],
)
def test_a_client_that_gets_no_leave_has_its_next_request_to_itself(
    connection: socket.socket, line: str, fields: str, status: int
) -> None:
    """An answer ahead of the body of such a client ends the connection, or its next request counts as the body."""
    head = f"{line} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{fields}\r\n\r\n"
    connection.sendall(head.encode())
    answer = read_to_end(connection)

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nconnection: close\r\n" in answer


def test_a_client_that_waits_for_no_leave_keeps_its_connection(
    connection: socket.socket,
) -> None:
    """A request that says that it waits, and comes whole, leaves the connection to those behind it."""
    refused = write("/nowhere", QUICK, "Expect: 100-continue")
    taken = write("/predict", QUICK, "Expect: 100-continue")
    connection.sendall(refused + taken + taken)

    assert [status for status, _ in read(connection, 3)] == [404, 200, 200]


TENSOR = {
    "name": "features",
    "shape": [1, 2],
    "datatype": "FP32",
    "parameters": {"binary_data_size": 8},
}
TENSOR_HEAD = json.dumps({"inputs": [TENSOR]}).encode()


@pytest.mark.parametrize(
    ("path", "field", "body", "status"),
    [
        ("/predict", "Content-Type: text/xml", json.dumps(QUICK).encode(), 415),
        ("/predict", "Origin: https://a.example", json.dumps(QUICK).encode(), 403),
        (
            "/v2/models/points-mlp/infer",
            f"Inference-Header-Content-Length: {len(TENSOR_HEAD)}",
            TENSOR_HEAD + bytes(8),
            200,
        ),
    ],
    ids=["a type not taken", "another site", "a tensor"],
)
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "in pieces"])
def test_fields_count_beside_one_that_comes_twice(
    connection: socket.socket,
    path: str,
    field: str,
    body: bytes,
    status: int,
    *,
    is_whole: bool,
) -> None:
    """Proxies behind each other write a field twice, as HAProxy does X-Forwarded-For: the others say what they said."""
    twice = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2"
    lines = [f"POST {path} HTTP/1.1", "Host: x", twice, field]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    n_first = len(body) if is_whole else 3
    for _ in range(3):
        connection.sendall(head + body[:n_first])
        connection.sendall(body[n_first:])
        assert read(connection)[0][0] == status


def test_other_methods_and_urls_go_the_usual_way(connection: socket.socket) -> None:
    """Other methods and URLs are answered in their turn on the connection of the fast path."""
    requests = [
        (write("/predict", QUICK, method="PUT"), 405),
        (write("/predict?top=1", QUICK), 400),
        (write("/%70redict", QUICK), 200),
        (write("/predict", QUICK), 200),
        (write("/nothing", QUICK), 404),
    ]
    connection.sendall(b"".join(request for request, _ in requests))

    assert [status for status, _ in read(connection, len(requests))] == [
        status for _, status in requests
    ]


def test_who_has_the_page_is_told_no_length_of_it(
    server: Server, connection: socket.socket
) -> None:
    """A cache would take the length of a 304 for that of the page; the connection goes on behind the headers."""
    tag = server.client.get("/").headers["etag"]
    head = f"GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\n\r\n".encode()
    connection.sendall(head * 2 + write("/predict", QUICK))
    received = b""
    while b"predictions" not in received:
        received += connection.recv(65_536)

    first, second, rest = received.split(b"HTTP/1.1 ")[1:]
    for each in (first, second):
        assert each.startswith(b"304 ")
        assert each.endswith(b"\r\n\r\n")
        assert b"content-length" not in each.lower()
        assert b"transfer-encoding" not in each.lower()
    assert rest.startswith(b"200 ")


def test_a_client_that_does_not_read_is_not_read_on(
    server: Server, connection: socket.socket
) -> None:
    """Requests of a client that reads no answers stay with it once the connection is full, and others are served."""
    wide = write("/predict_proba", {"model": "digits-knn", "inputs": [[0] * 64] * 20})
    connection.settimeout(0)
    sent = 0

    for _ in range(100_000):
        if not select.select([], [connection], [], 2)[1]:
            break
        sent += connection.send(wide * 20)
    else:
        pytest.fail(f"{sent} bytes of requests were taken")

    assert server.post("/predict", QUICK).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Slow: "],
    ids=["nothing", "headers"],
)
def test_a_client_that_sends_no_whole_headers_is_let_go(
    impatient_server: Server, sent: bytes
) -> None:
    """A connection without whole headers is closed after the deadline."""
    with connect(impatient_server) as slow:
        slow.sendall(sent)

        assert slow.recv(1000) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n", 413),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 404),
        (
            b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Content-Length: 10\r\n\r\n",
            504,
        ),
    ],
    ids=["long", "nowhere", "upgrade"],
)
def test_a_client_whose_body_does_not_end_is_let_go(
    impatient_server: Server, sent: bytes, status: int
) -> None:
    """A client that was answered, before its body ended or since it did not, is let go after the deadline."""
    with connect(impatient_server) as slow:
        slow.sendall(sent)

        assert slow.recv(1000).startswith(b"HTTP/1.1 %d " % status)

        with suppress(OSError):
            slow.sendall(b"x")
            while slow.recv(1000):  # ends when the server closes the connection
                pass


def test_a_request_that_takes_long_is_answered_behind_a_quick_one(
    connection: socket.socket,
) -> None:
    """A body that takes longer than an idle connection is kept is answered behind a quick request."""
    request = write("/predict", QUICK)
    connection.sendall(request + request[:-5])

    assert read(connection)[0][0] == 200
    assert not select.select([connection], [], [], 6)[0]

    connection.sendall(request[-5:])

    assert read(connection)[0][0] == 200


def test_small_requests_are_counted(server: Server) -> None:
    """Small requests, right or wrong, are counted under their route."""

    def count(status: int) -> float:
        text = server.client.get("/metrics").text
        start = f'veredicto_requests_total{{route="/predict",status="{status}"}} '
        return sum(
            float(line.removeprefix(start))
            for line in text.splitlines()
            if line.startswith(start)
        )

    right = count(200)
    wrong = count(400)

    assert server.post("/predict", QUICK).status_code == 200
    assert (
        server.post("/predict", {"model": "points-mlp", "inputs": []}).status_code
        == 400
    )
    assert (count(200), count(400)) == (right + 1, wrong + 1)


def test_requests_of_many_clients_that_share_runs_have_their_own_answers(
    server: Server,
) -> None:
    """Twenty clients that ask the same model at once, a few rows each, have the answers that each has alone."""
    draw = np.random.default_rng(0)
    requests = [
        {"model": SHARED, "inputs": draw.integers(0, 17, (1 + n % 4, 64)).tolist()}
        for n in range(20)
    ]
    with ExitStack() as opened:
        clients = [opened.enter_context(connect(server)) for _ in requests]
        alone = []
        for client, request in zip(clients, requests, strict=True):
            client.sendall(write("/predict", request))
            alone += read(client)

        for _ in range(5):
            for client, request in zip(clients, requests, strict=True):
                client.sendall(write("/predict", request))
            together = [read(client)[0] for client in clients]

            for (status, found), (_, right) in zip(together, alone, strict=True):
                assert status == 200
                assert found["predictions"] == right["predictions"]


@pytest.mark.parametrize("ends", [False, True], ids=["stays", "sends no more"])
def test_requests_in_a_row_that_may_share_runs_are_answered_in_order(
    connection: socket.socket, *, ends: bool
) -> None:
    """Forty requests that come at once on one connection are answered in order, also where the client ends its side."""
    requests = [
        {"model": SHARED, "inputs": [[n % 17] * 64] * (n + 1)} for n in range(40)
    ]
    connection.sendall(b"".join(write("/predict", each) for each in requests))
    if not ends:
        answers = read(connection, len(requests))
        assert [len(found["predictions"]) for _, found in answers] == list(range(1, 41))
        return

    connection.shutdown(socket.SHUT_WR)
    found = read_to_end(connection).split(b"HTTP/1.1 200 OK")[1:]
    assert len(found) == len(requests)


def test_a_client_that_leaves_takes_no_other_with_it(
    connection: socket.socket, server: Server
) -> None:
    """Clients that reset their connections behind a request that may share a run leave the others their answers."""
    request = write("/predict", {"model": SHARED, "inputs": [[1] * 64]})
    for _ in range(20):
        with connect(server) as client:
            client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            client.sendall(request)
        connection.sendall(request)
        [(status, _)] = read(connection)
        assert status == 200
