"""A person on call sees of a real server a line for each request, and gauges that follow what goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.access.tokens import make_token
from tests.conftest import write_models
from tests.support.connections import connect, write
from tests.support.loop_graphs import ENDLESS_TRIPS, write_counter
from tests.support.server import Server, serve

LIMIT_S = 60
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def wait_until(is_so: Callable[[], bool], server: Server) -> None:
    """Returns once it is so; fails with the log after a minute."""
    end = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """The server writes an access log in JSON and knows one token, which stands beside it."""
    folder = tmp_path_factory.mktemp("watched")
    token, line = make_token("shop", frozenset({"predict", "observe"}))
    tokens = folder / "tokens.txt"
    tokens.write_text(f"{line}\n")
    models = write_models(folder / "models")
    with serve(
        folder,
        VEREDICTO_MODELS=models,
        VEREDICTO_TOKENS=tokens,
        VEREDICTO_LOG="json",
        VEREDICTO_ACCESS_LOG=1000,
    ) as server:
        yield server, token


def ask(
    watched: tuple[Server, str], request_id: str, path: str, body: Any, **headers: str
) -> dict[str, Any]:
    """Returns the line of a request in the access log, once it is there."""
    server, token = watched
    server.client.post(
        path,
        json=body,
        headers={"Authorization": f"Bearer {token}", "X-Request-ID": request_id}
        | headers,
    )
    wait_until(lambda: bool(find_lines(server, request_id)), server)
    (line,) = find_lines(server, request_id)
    return line


def find_lines(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Returns the lines of the access log that are whole and of one request."""
    lines = server.log.read_text().split("\n")[:-1]
    documents = [json.loads(line) for line in lines]
    return [
        each
        for each in documents
        if each["logger"] == "veredicto.access" and each["request_id"] == request_id
    ]


def test_a_line_says_who_asked_for_what(watched: tuple[Server, str]) -> None:
    """The line of a small prediction has route, status, time, size, caller, model and the client's ids."""
    body = {"model": "colour-first", "inputs": [[1, "red"]]}
    line = ask(watched, "row-1", "/predict", body, traceparent=TRACEPARENT)

    assert {
        name: line[name] for name in ("method", "route", "status", "caller", "model")
    } == {
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "caller": "shop",
        "model": "colour-first",
    }
    assert line["ms"] >= 0
    assert line["bytes"] > 0
    assert line["trace_id"] == TRACEPARENT.split("-")[1]


@pytest.mark.parametrize(
    ("request_id", "path", "body", "headers", "status"),
    [
        ("bad-1", "/predict", {"model": "colour-first", "inputs": []}, {}, 400),
        ("bad-2", "/nowhere", {}, {}, 404),
        ("bad-3", "/predict", {}, {"Authorization": "Bearer secret-of-mine"}, 401),
        ("bad-4", "/v2/models/none/infer", {"inputs": []}, {}, 404),
    ],
)
def test_a_refused_request_has_a_line_too(
    watched: tuple[Server, str],
    request_id: str,
    path: str,
    body: Any,
    headers: dict[str, str],
    status: int,
) -> None:
    """The line of a refused request has the answer's status, and neither token nor body is in the log."""
    line = ask(watched, request_id, path, body, **headers)

    assert line["status"] == status
    log = watched[0].log.read_text()
    assert "secret-of-mine" not in log
    assert watched[1] not in log


def test_a_long_path_is_cut(watched: tuple[Server, str]) -> None:
    """A client cannot fill the log by what it asks for."""
    line = ask(watched, "long-1", "/" + "a" * 3000, {})

    assert line["status"] == 404
    assert len(line["route"]) <= 200


def read_gauges(server: Server) -> dict[str, float]:
    """Returns the values of the metrics, each summed over its labels."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(server.client.get("/metrics").text):
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0) + sample.value
    return values


def make_endless_request() -> bytes:
    """Returns a request that keeps a thread busy until its client leaves."""
    trips = {
        "name": "trips",
        "datatype": "INT64",
        "shape": [1],
        "data": [ENDLESS_TRIPS],
    }
    return write("/v2/models/counter/infer", {"inputs": [trips]})


def test_gauges_follow_the_load(tmp_path: Path) -> None:
    """Connections, requests in flight and busy threads are those of the clients that are there, and none after them."""
    models = write_models(tmp_path / "models")
    write_counter(models)
    request = make_endless_request()

    with serve(tmp_path, VEREDICTO_MODELS=models, VEREDICTO_DEADLINE_S=600) as server:
        before = read_gauges(server)
        with ExitStack() as stack:
            for _ in range(3):
                client = stack.enter_context(connect(server))
                client.sendall(request)

            def is_seen() -> bool:
                found = read_gauges(server)
                grown = found["veredicto_connections"] - before["veredicto_connections"]
                return (
                    grown == 3
                    and found["veredicto_in_flight"] == 3
                    and found["veredicto_threads_busy"] >= 1
                )

            wait_until(is_seen, server)

        def is_over() -> bool:
            found = read_gauges(server)
            return (
                found["veredicto_connections"] == before["veredicto_connections"]
                and found["veredicto_in_flight"] == 0
                and found["veredicto_threads_busy"] == 0
                and found["veredicto_queue_rows"] == 0
            )

        wait_until(is_over, server)
        after = read_gauges(server)

    assert after["veredicto_ready"] == 1
    assert after["veredicto_threads_stuck"] == 0
    assert after["veredicto_refused_files"] == 0
    assert after["veredicto_process_open_files"] > 0
