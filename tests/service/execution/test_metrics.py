"""Requests are counted by route and status, never by what a client made up."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.support.server import Server


def count(server: Server, route: str, status: int) -> float:
    text = server.client.get("/metrics").text
    found = re.search(
        rf'^veredicto_requests_total{{route="{route}",status="{status}"}} ([\d.e+]+)$',
        text,
        re.M,
    )
    return float(found[1]) if found else 0.0


def test_requests_are_counted_when_the_worker_is_scraped(server: Server) -> None:
    """A scrape of the worker itself shows each request at once, by its status."""
    before = count(server, "/predict", 200), count(server, "/predict", 404)
    server.post("/predict", {"model": "points-mlp", "inputs": [[1, 2]]})
    server.post("/predict", {"model": "nothing", "inputs": [[1, 2]]})
    assert (count(server, "/predict", 200), count(server, "/predict", 404)) == (
        before[0] + 1,
        before[1] + 1,
    )


def test_durations_are_a_histogram(
    models: Path, start_server: Callable[..., object]
) -> None:
    """The histogram's count is the number of requests, and its last bucket holds all of them."""
    with start_server(VEREDICTO_MODELS=models) as server:
        for _ in range(7):
            server.post("/compare", {"task": "colour", "inputs": [[1, "red"]]})
        text = server.client.get("/metrics").text

    assert 'veredicto_request_seconds_count{route="/compare"} 7.0' in text
    assert 'veredicto_request_seconds_bucket{le="+Inf",route="/compare"} 7.0' in text
    buckets = [
        float(value)
        for value in re.findall(
            r'_seconds_bucket{le="[\d.]+",route="/compare"} ([\d.]+)', text
        )
    ]
    assert buckets == sorted(buckets)


def test_made_up_paths_make_no_series(server: Server) -> None:
    """Requests to made-up paths add no series, so that a stranger cannot fill the memory."""
    for number in range(20):
        server.client.get(f"/made-up-{number}")
        server.post("/predict", {"model": f"made-up-{number}", "inputs": [[1, 2]]})
    assert "made-up" not in server.client.get("/metrics").text


def test_a_models_work_is_counted(server: Server) -> None:
    """Requests, rows, runs, time and failures with their reason are counted under the model's name and version."""
    version = server.client.get("/models/points-perceptron").json()["version"]

    def read(name: str, reason: str = "") -> float:
        text = server.client.get("/metrics").text
        labels = f'model="points-perceptron",{reason}version="{version}"'
        found = re.search(
            rf"^veredicto_model_{name}_total{{{labels}}} ([\d.e+-]+)$", text, re.M
        )

        return float(found[1]) if found else 0.0

    names = ("success", "rows", "executions")
    before = [read(name) for name in names]
    failures = read("failure", 'reason="invalid_request",')
    server.post("/predict", {"model": "points-perceptron", "inputs": [[1, 2]] * 3})
    server.post("/compare", {"task": "points", "inputs": [[1, 2]] * 4})
    server.post("/predict", {"model": "points-perceptron", "inputs": [[1, "x"]]})
    assert [read(name) for name in names] == [
        before[0] + 2,
        before[1] + 7,
        before[2] + 2,
    ]
    assert read("failure", 'reason="invalid_request",') == failures + 1
    parts = [
        read(f"{phase}_seconds")
        for phase in ("queue", "compute_input", "compute_infer", "compute_output")
    ]
    assert 0 < sum(parts) <= read("request_seconds")
