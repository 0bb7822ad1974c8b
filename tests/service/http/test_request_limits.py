"""Long, slow, stalled and many requests meet limits, and all others are answered meanwhile."""

from __future__ import annotations

import json
import select
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.connections import connect, write
from tests.support.loop_graphs import write_counter
from tests.support.model_folders import link_models
from tests.support.responses import error_of
from tests.support.server import Server

LOGISTIC = "breast_cancer-logistic"

ROW = [1.0, 2.0]


def test_a_body_over_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    """A body whose announced length is over the limit is refused before it is read."""
    text = error_of(server.post_raw("/predict", b" " * (8 * 1024 * 1024 + 1)), 413)

    assert text == (
        "a body of 8388609 bytes is over the limit of 8388608 bytes (VEREDICTO_MAX_BODY_BYTES): "
        "send the rows in several requests"
    )


def test_too_many_rows_are_refused(server: Server) -> None:
    """Too many rows are refused with the limit and its setting."""
    text = error_of(
        server.post("/predict", {"model": "points-mlp", "inputs": [ROW] * 10_001}), 413
    )

    assert text == (
        "inputs: 10001 rows are over the limit of 10000 rows a request (VEREDICTO_MAX_ROWS): "
        "send them in several requests"
    )


def test_a_large_request_answers_as_small_ones_do(
    server: Server, generator: np.random.Generator
) -> None:
    """A request that is large enough for a thread gets the answers of small ones."""
    rows = generator.normal(size=(5000, 2)).tolist()
    large = server.post(
        "/predict_proba", {"model": "points-mlp", "inputs": rows}
    ).json()["probabilities"]
    small = server.post(
        "/predict_proba", {"model": "points-mlp", "inputs": rows[:20]}
    ).json()["probabilities"]

    assert large[:20] == small


def test_many_clients_get_their_own_answers(server: Server) -> None:
    """Concurrent clients each get the answer to their own request."""
    model = server.client.get("/models/points-mlp").json()

    assert model["classes"] == ["blue", "orange"]

    def ask(number: int) -> bool:
        row = [-3.0, -2.0] if number % 2 else [3.0, 2.0]
        answer = server.post(
            "/predict", {"model": "points-mlp", "inputs": [row]}
        ).json()
        return answer["predictions"] == ["blue" if number % 2 else "orange"]

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(400)))


def test_the_server_is_well_after_garbage_on_the_socket(server: Server) -> None:
    """The server answers after bytes that are no HTTP, and after a client that left in the middle of a body."""
    for garbage in (
        b"\x00" * 1000,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    ):
        with connect(server) as connection:
            connection.sendall(garbage)

    assert (
        server.post("/predict", {"model": "points-mlp", "inputs": [ROW]}).status_code
        == 200
    )


def test_a_body_in_chunks_is_bounded_by_the_setting(limited: Server) -> None:
    """A body in chunks, whose length nothing announces, is refused when it is over VEREDICTO_MAX_BODY_BYTES."""
    chunks = iter([b" " * 150, b" " * 150])

    response = limited.client.post(
        "/predict", content=chunks, headers={"Content-Type": "application/json"}
    )

    assert "over the limit of 200 bytes (VEREDICTO_MAX_BODY_BYTES)" in error_of(
        response, 413
    )


def test_rows_are_bounded_by_the_setting(limited: Server) -> None:
    """A request of more rows than VEREDICTO_MAX_ROWS is refused."""
    rows = {"model": "colour-first", "inputs": [[1, "red"]] * 3}

    text = error_of(limited.post("/predict", rows), 413)

    assert "3 rows are over the limit of 2 rows a request (VEREDICTO_MAX_ROWS)" in text


@pytest.mark.parametrize("start_of_body", [b"", b"{"], ids=["nothing", "a start"])
def test_a_body_that_never_ends_is_answered_after_the_deadline(
    limited: Server, start_of_body: bytes
) -> None:
    """A request whose body does not come whole within VEREDICTO_DEADLINE_S gets 504."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"

    with connect(limited) as slow:
        slow.sendall(head + start_of_body)
        status_line = slow.makefile("rb").readline()

    assert status_line == b"HTTP/1.1 504 Gateway Timeout\r\n"


def test_a_body_that_announces_too_much_is_refused_at_once(limited: Server) -> None:
    """A request that announces a body over the limit gets 413 though its body never comes."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000000\r\n\r\n{"

    with connect(limited) as huge:
        huge.sendall(head)
        status_line = huge.makefile("rb").readline()

    assert status_line == b"HTTP/1.1 413 Request Entity Too Large\r\n"


def test_more_work_than_allowed_is_turned_away(
    models: Path, start_server: Callable[..., object]
) -> None:
    """Other requests beside one that runs without end get 503 with Retry-After, and are answered once it has left."""
    write_counter(models)
    row = {"model": "colour-first", "inputs": [[1, "red"]]}
    trips = {"name": "trips", "datatype": "INT64", "shape": [1], "data": [2**60]}

    def ask() -> httpx.Response:
        # The fast path answers a plain row at once, which is never one too many.
        return server.post("/predict_proba?top=1", row)

    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_MAX_IN_FLIGHT=1, VEREDICTO_DEADLINE_S=600
    ) as server:
        with connect(server) as endless:
            path = "/v2/models/counter/infer"
            endless.sendall(write(path, {"inputs": [trips]}))
            refused = wait_for(ask, 503)

        answered = wait_for(ask, 200)

    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"] == (
        "1 requests are being answered already, the limit is 1 (VEREDICTO_MAX_IN_FLIGHT): try again"
    )
    assert answered.json()["model"] == "colour-first"


def wait_for(ask: Callable[[], httpx.Response], status: int) -> httpx.Response:
    """Returns the first answer of this status; fails where none comes within a minute."""
    end = time.monotonic() + 60
    while (answer := ask()).status_code != status:
        assert time.monotonic() < end, answer.text
    return answer


def test_bodies_that_do_not_come_keep_nobody_out(
    models: Path, start_server: Callable[..., object]
) -> None:
    """A request whose body is still coming is not in flight, and others are answered beside it."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n"

    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_MAX_IN_FLIGHT=1) as server,
        connect(server) as slow,
    ):
        slow.sendall(head)
        waits_for_body = slow.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        other = server.post("/predict", request)
        slow.sendall(json.dumps(request).encode().ljust(99))
        answer = slow.recv(1000)

    assert waits_for_body
    assert other.status_code == 200
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_is_left(
    start_server: Callable[..., object], tmp_path: Path
) -> None:
    """Answers that a client does not read, more than the system keeps for it, are kept no longer than the deadline."""
    models = link_models(tmp_path / "models", "digits-mlp")
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_DEADLINE_S=3) as server:
        example = server.client.get("/models/digits-mlp").json()["input"]["example"]
        body = json.dumps(
            {"model": "digits-mlp", "inputs": [example] * 10_000}
        ).encode()
        head = f"POST /predict_proba HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"

        with connect(server) as client:
            client.settimeout(1)
            with suppress(TimeoutError):  # then the server reads no more
                for _ in range(40):
                    client.sendall(head.encode() + body)

            hang_up = select.poll()
            hang_up.register(client, select.POLLRDHUP)

            assert hang_up.poll(60_000), "the connection is still there"

        assert server.client.get("/livez").status_code == 200
