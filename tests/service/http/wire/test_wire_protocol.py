"""One connection costs little whatever it sends: heads, offers, bodies and answers have an end at a real server."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from service.contract.limits import (
    MAX_CHUNK_LINE_BYTES,
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_REQUEST_LINE_BYTES,
    MAX_TRAILER_BYTES,
)
from tests.support.connections import connect, measure_memory, read, read_to_end, write
from tests.support.server import Server

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
QUICK = {"model": "points-mlp", "inputs": [[1, 2]]}
OFFERS = {
    "h2c": (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ),
    "websocket": (
        "Connection: keep-alive, Upgrade",
        "UPGRADE: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ),
    "unknown": ("connection: upgrade", "upgrade: spdy/3"),
}
N_BUNDLED = 64
N_BUNDLERS = 6
N_ROWS = 20
MAX_BETWEEN = 40
ENOUGH_BYTES = 20_000_000
WAIT_S = 0.1
"""So long a client waits at a time until there is room for what it sends."""
MAX_GROWTH_BYTES = 40_000_000


@pytest.fixture
def connection(server: Server) -> Iterator[socket.socket]:
    """The connection leads to a server of the shipped models."""
    with connect(server) as opened:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield opened


def chunk(body: bytes) -> bytes:
    """Returns a body in two chunks."""
    parts = body[:7], body[7:], b""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def refuse(connection: socket.socket, sent: bytes) -> tuple[int, str]:
    """Returns status and error of what the server answers before it ends the connection."""
    with suppress(OSError):
        connection.sendall(sent)

    head, _, body = read_to_end(connection).partition(b"\r\n\r\n")

    assert b"connection: close" in head
    assert b"content-type: application/json" in head

    error: str = json.loads(body)["error"]

    return int(head.split()[1]), error


@pytest.mark.parametrize("offer", OFFERS.values(), ids=list(OFFERS))
@pytest.mark.parametrize("form", ["length", "chunks"])
@pytest.mark.parametrize("piece_bytes", [40, 10_000])
def test_an_offer_of_another_protocol_is_declined(
    connection: socket.socket,
    offer: tuple[str, ...],
    form: str,
    piece_bytes: int,
) -> None:
    """A request that offers another protocol is answered as HTTP/1.1 with its body, and so is the next."""
    request = write("/predict", QUICK, *offer)
    if form == "chunks":
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [
            each for each in head.split(b"\r\n") if not each.startswith(b"Content-L")
        ]
        lines.append(b"Transfer-Encoding: chunked\r\n\r\n")
        request = b"\r\n".join(lines) + chunk(body)

    data = request + GET + b"\r\n" + request
    for start in range(0, len(data), piece_bytes):
        connection.sendall(data[start : start + piece_bytes])

    first, second, third = read(connection, 3)

    assert first == third
    assert (first[0], first[1]["model"]) == (200, "points-mlp")
    assert second == (200, {"live": True})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Content-Type", ("application/json", "text/csv")),
        ("Authorization", ("Bearer a", "Bearer b")),
        ("Inference-Header-Content-Length", ("0", "5")),
        ("Origin", ("http://a.example", "http://b.example")),
    ],
)
def test_a_field_of_one_value_is_not_believed_twice(
    server: Server, name: str, values: tuple[str, str]
) -> None:
    """Two values are refused, since a proxy might have looked at the other one; the same value twice is one."""
    lines = [f"{name}: {value}" for value in values]
    with connect(server) as connection:
        error = refuse(connection, write("/predict", QUICK, *lines))

    shown = f"malformed request: expected one {name} field, got two that differ"
    assert error == (400, shown)


def test_a_field_that_says_the_same_twice_is_taken(connection: socket.socket) -> None:
    """A proxy that repeats a field changes nothing."""
    twice = ("Content-Type: application/json",) * 2
    connection.sendall(write("/predict", QUICK, *twice))

    assert read(connection)[0][0] == 200


@pytest.mark.parametrize(
    "field", ["Inference-Header-Content-Length: %d \t", "Expect: 100-continue \t"]
)
def test_white_space_behind_a_value_is_no_part_of_it(
    connection: socket.socket, field: str
) -> None:
    """A number of bytes and an expectation are read as they are without what follows them."""
    row = {"name": "features", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    document = {"inputs": [row]}
    n_bytes = len(json.dumps(document))

    connection.sendall(
        write(
            "/v2/models/points-mlp/infer", document, field.replace("%d", f"{n_bytes}")
        )
    )

    assert read(connection)[0][0] == 200


def test_an_offer_is_declined_without_a_word(server: Server) -> None:
    """Nothing is logged of an offer, least of all advice to install a library."""
    with connect(server) as connection:
        connection.sendall(write("/predict", QUICK, *OFFERS["websocket"]))

        assert read(connection)[0][0] == 200

    assert "upgrade" not in server.log.read_text().lower()


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (
            b"GET /" + b"a" * MAX_REQUEST_LINE_BYTES,
            414,
            "the request line is over the limit",
        ),
        (
            b"GET /" + b"a" * MAX_REQUEST_LINE_BYTES + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            414,
            "the request line is over the limit",
        ),
        (
            GET + b"X-A: " + b"a" * (MAX_FIELD_BYTES + 10),
            431,
            "a header field is over the limit",
        ),
        (
            GET + b"X-A: " + b"a" * MAX_FIELD_BYTES + b"\r\n\r\n",
            431,
            "a header field is over the limit",
        ),
        (
            GET + b"X-A: b\r\n" * MAX_FIELDS + b"\r\n",
            431,
            f"{MAX_FIELDS + 1} header fields are over the limit of {MAX_FIELDS}",
        ),
        (
            GET + (b"X-A: " + b"a" * 9_000 + b"\r\n") * 8,
            431,
            f"the header fields are over the limit of {MAX_HEAD_BYTES} bytes",
        ),
        (
            CHUNKED + b"5;a=" + b"a" * MAX_CHUNK_LINE_BYTES,
            400,
            "malformed request: the size of a chunk and its extensions are over the limit",
        ),
        (
            CHUNKED + b"0\r\n" + b"X-A: b\r\n" * (MAX_TRAILER_BYTES // 8 + 1),
            431,
            "the fields after the chunks are over the limit",
        ),
    ],
)
def test_what_is_longer_than_a_head_may_be_is_refused(
    connection: socket.socket, sent: bytes, status: int, words: str
) -> None:
    """A request line, a field, fields, extensions and trailers over their limits are refused, whole or not."""
    got, error = refuse(connection, sent)

    assert got == status
    assert error.startswith(words)


def test_a_field_without_an_end_costs_nothing(server: Server) -> None:
    """A field of 100 MB is refused after its first bytes, and what still comes is dropped."""
    before = measure_memory(server)
    with connect(server) as connection:
        connection.sendall(GET + b"X-A: ")
        answer = b""
        with suppress(OSError):
            for _ in range(1_000):
                connection.sendall(b"a" * 100_000)
        with suppress(OSError):
            answer = connection.recv(1_000)
        grown = measure_memory(server) - before

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert grown < MAX_GROWTH_BYTES


def test_heads_within_the_limits_are_read(connection: socket.socket) -> None:
    """A head with the most fields, one of them the longest, is read, byte by byte too."""
    many = GET + b"X-A: b\r\n" * (MAX_FIELDS - 1) + b"\r\n"
    long = GET + b"X-A: " + b"a" * (MAX_FIELD_BYTES - 5) + b"\r\n\r\n"
    connection.sendall(many + long + b"\r\n\r\n" + many)
    for byte in many:
        connection.send(bytes([byte]))

    assert [status for status, _ in read(connection, 4)] == [200] * 4


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "HTTP/2"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99), 400, "TLS"),
        (
            b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + GET + b"\r\n",
            400,
            "the PROXY protocol",
        ),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" + GET + b"\r\n", 400, "the PROXY protocol"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), 400, "the PROXY protocol"),
        (b"PROXY /livez HTTP/1.1\r\nHost: x\r\n\r\n", 400, "expected HTTP/1.1"),
        (b"\x00\x01\x02 garbage", 400, "the first line is no request line"),
        (b"hello there\r\n", 400, "the first line is no request line"),
        (b"GET /livez HTTP/1.1\nHost: x\n\n", 400, "CR LF"),
        (b"GET /livez HTTP/1.1\r\n\r\n", 400, "expected one Host field, got none"),
        (GET + b"Host: y\r\n\r\n", 400, "expected one Host field, got 2"),
        (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 400, "HTTP/2.0 is not spoken"),
        (b"GET /livez HTTP/1.7\r\nHost: x\r\n\r\n", 400, "version"),
        (b"GET /livez\r\n\r\n", 400, "HTTP/0.9 is not spoken"),
        (GET + b"X A: b\r\n\r\n", 400, "header"),
        (b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n", 400, "its target is no URL"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, "no proxy"),
        (POST + b"Content-Length: abc\r\n\r\n", 400, "Content-Length"),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Duplicate"),
        (
            POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "Transfer-Encoding",
        ),
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400, "gzip, chunked"),
        (
            b"POST /predict HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "HTTP/1.0 has no Transfer-Encoding",
        ),
        (CHUNKED + b"zz\r\n", 400, "expected the size of a chunk, got 'zz'"),
        (CHUNKED + b"3\r\nabcde\r\n", 400, "malformed request"),
        (POST + b"Expect: 200-maybe\r\n\r\n", 417, "200-maybe"),
    ],
)
def test_what_is_not_http_is_refused_in_json(
    connection: socket.socket, sent: bytes, status: int, words: str
) -> None:
    """Bytes that are not HTTP are answered at once, as JSON that says what is wrong, and the connection ends."""
    got, error = refuse(connection, sent)

    assert got == status
    assert words in error


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("form", ["length", "chunks"])
def test_an_early_answer_reaches_who_is_still_sending(
    connection: socket.socket, version: str, form: str
) -> None:
    """A connection that ends with an answer is not reset by what of the request was not read."""
    body = b"x" * 3_000_000
    if form == "chunks" and version == "1.0":
        pytest.skip("HTTP/1.0 has no chunks")

    framing = f"Content-Length: {len(body)}"
    if form == "chunks":
        framing = "Transfer-Encoding: chunked"
        body = chunk(body)

    head = f"POST /nowhere HTTP/{version}\r\nHost: x\r\nConnection: close\r\n{framing}\r\n\r\n"
    connection.sendall(head.encode() + body)

    assert read(connection)[0][0] == 404
    assert connection.recv(1) == b""


def test_nothing_is_logged_of_what_is_not_http(server: Server) -> None:
    """A request that cannot be read is answered, and leaves no line in the log."""
    before = server.log.read_text()
    for sent in (b"\x00\x01 garbage", POST + b"Content-Length: abc\r\n\r\n"):
        with connect(server) as connection:
            assert refuse(connection, sent)[0] == 400

    assert server.log.read_text() == before


def test_what_follows_chunks_is_no_field_of_the_request(
    connection: socket.socket,
) -> None:
    """A content type that comes after the body changes nothing of how it is read."""
    body = json.dumps(QUICK).encode()
    trailer = b"Content-Type: image/png\r\n\r\n"
    connection.sendall(CHUNKED + chunk(body)[:-2] + trailer + GET + b"\r\n")

    assert [status for status, _ in read(connection, 2)] == [200, 200]


@pytest.mark.parametrize(
    "request_bytes",
    [
        write("/predict", QUICK),
        b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n",
        write("/nothing", {}),
    ],
    ids=["row", "view", "unknown"],
)
def test_requests_whose_answers_are_not_read_stay_with_their_client(
    server: Server, request_bytes: bytes
) -> None:
    """Requests in a row without reading fill the network's buffers, and not the server's memory."""
    before = measure_memory(server)
    block = request_bytes * 2_000

    with ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(3)]
        deadline = time.monotonic() + 2
        for client in clients:
            client.settimeout(0)

        n_sent = 0
        while time.monotonic() < deadline and n_sent < ENOUGH_BYTES:
            _, writable, _ = select.select([], clients, [], WAIT_S)
            for client in writable:
                with suppress(BlockingIOError):
                    n_sent += client.send(block[n_sent % len(request_bytes) :])

        grown = measure_memory(server) - before

        assert server.post("/predict", QUICK).status_code == 200

    assert grown < MAX_GROWTH_BYTES


def test_requests_in_a_row_let_others_in_between(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Slow requests that come in bundles are answered a few at a time between two rows of another connection."""
    labelled = {"task": "colour", "inputs": [[0.5, "red"]] * 2, "labels": ["yes"] * 2}
    bundle = write("/compare", labelled) * N_BUNDLED
    row = write("/predict", {"model": "colour-first", "inputs": [[1, "red"]]})
    done = threading.Event()
    with (
        start_server(VEREDICTO_MODELS=models) as server,
        connect(server) as other,
        ThreadPoolExecutor(N_BUNDLERS) as pool,
    ):
        counts = [
            pool.submit(send_bundles, server, bundle, done) for _ in range(N_BUNDLERS)
        ]
        try:
            for _ in range(N_ROWS):
                other.sendall(row)
                assert other.recv(65_536).startswith(b"HTTP/1.1 200 ")
        finally:
            done.set()

    assert sum(each.result() for each in counts) < MAX_BETWEEN * N_ROWS


def send_bundles(server: Server, bundle: bytes, done: threading.Event) -> int:
    """Sends bundles until it is done; returns how many of their requests were answered by then."""
    n_answers = n_before = 0
    with connect(server) as opened:
        while not done.is_set():
            n_before += N_BUNDLED
            opened.sendall(bundle)
            while n_answers < n_before and not done.is_set():
                n_answers += opened.recv(262_144).count(b"HTTP/1.1 200 ")

    return n_answers


def test_many_large_bodies_stay_within_their_budget(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Bodies over the budget get 503 at once or 408 where they stall, others are answered, and memory is given back."""
    n_bytes = 4_000_000
    head = POST + b"Content-Length: %d\r\n\r\n" % n_bytes
    part = b" " * (n_bytes - 1)
    request = {"model": "colour-first", "inputs": [[1, "red"]]}

    with (
        start_server(
            VEREDICTO_MODELS=models, VEREDICTO_MAX_BODIES_BYTES=16_000_000
        ) as server,
        ExitStack() as stack,
    ):
        before = measure_memory(server)
        clients = [stack.enter_context(connect(server)) for _ in range(20)]
        for client in clients:
            client.sendall(head + part)

        grown = measure_memory(server) - before
        slow = stack.enter_context(connect(server))
        small = write("/predict", request)
        slow.sendall(small[:-1])
        slow.sendall(small[-1:])
        status = read(slow)[0][0]
        refused = [client.recv(1_000)[9:12] for client in _wait_for_17(clients)]

    assert status == 200
    assert grown < 16_000_000 + MAX_GROWTH_BYTES
    assert 17 <= len(refused) < 20
    assert set(refused) <= {b"503", b"408"}


def _wait_for_17(clients: list[socket.socket]) -> list[socket.socket]:
    """Returns the clients that were answered, once they are as many as are over the budget; waits a minute at most."""
    end = time.monotonic() + 60
    answered: list[socket.socket] = []
    while len(answered) < 17 and time.monotonic() < end:
        answered = select.select(clients, [], [], 1)[0]
        time.sleep(0.02)
    return answered


def test_connections_over_the_limit_are_told_so(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """One connection more than allowed gets 503 and its end, and there is room again once another has ended."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_MAX_CONNECTIONS=3) as server:
        # A connection that sends nothing but probes is none of the event loop's.
        request = GET.replace(b"/livez", b"/models") + b"\r\n"
        with ExitStack() as stack:
            for _ in range(3):
                opened = stack.enter_context(connect(server))
                opened.sendall(request)

                assert read(opened)[0][0] == 200

            with connect(server) as one_too_many:
                status, error = refuse(one_too_many, request)

            assert status == 503
            assert "VEREDICTO_MAX_CONNECTIONS" in error

        deadline = time.monotonic() + 60
        statuses = []
        while time.monotonic() < deadline and 200 not in statuses:
            with connect(server) as later, suppress(OSError):
                later.sendall(request)
                statuses.append(int(later.recv(1_000).split()[1]))

    assert 200 in statuses


def test_an_idle_connection_is_kept_as_long_as_the_setting_says(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A connection without a request ends after VEREDICTO_KEEP_ALIVE_S, whoever answered it, and not before."""
    with start_server(
        VEREDICTO_MODELS=models,
        VEREDICTO_KEEP_ALIVE_S=2,
        VEREDICTO_DEADLINE_S=120,
        VEREDICTO_FAST_PATH=0,
    ) as server:
        for path in (b"/livez", b"/models"):
            with connect(server) as idle:
                started = time.monotonic()
                idle.sendall(GET.replace(b"/livez", path) + b"\r\n")

                assert read(idle)[0][0] == 200, path
                assert read_to_end(idle) == b"", path
                assert time.monotonic() - started >= 2, path


def test_heads_are_limited_without_the_fast_path_too(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """VEREDICTO_FAST_PATH=0 declines offers and limits heads as the fast path does."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_FAST_PATH=0) as server,
        connect(server) as connection,
    ):
        connection.sendall(write("/predict", request, *OFFERS["h2c"]))

        assert read(connection)[0][0] == 200
        assert refuse(connection, GET + b"X-A: " + b"a" * 70_000)[0] == 431


def test_json_that_is_nested_without_end_is_refused(server: Server) -> None:
    """Arrays in arrays are refused by their depth, in words of ours."""
    body = b'{"unknown": ' + b"[" * 100_000 + b"]" * 100_000 + b', "inputs": []}'
    response = server.post_raw("/v2/models/points-mlp/infer", body)

    assert response.status_code == 400
    assert "nested too deeply" in response.json()["error"]
