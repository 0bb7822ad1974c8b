"""Requests are counted by route and status, never by what a client made up."""

from __future__ import annotations

import re

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


def test_durations_are_a_histogram(server: Server) -> None:
    """The histogram's count and its last bucket grow by the number of requests, and no bucket is less than the one
    below it.
    """

    def read() -> tuple[float, list[float]]:
        text = server.client.get("/metrics").text
        (count,) = re.findall(r'_seconds_count{route="/compare"} ([\d.e+]+)', text)
        buckets = re.findall(
            r'_seconds_bucket{le="[\d.+Inf]+",route="/compare"} ([\d.e+]+)', text
        )
        return float(count), [float(value) for value in buckets]

    n_before, buckets_before = read()
    for _ in range(7):
        server.post("/compare", {"task": "points", "inputs": [[1, 2]]})

    n_requests, buckets = read()

    assert n_requests == n_before + 7
    assert buckets[-1] == n_requests
    assert buckets_before[-1] == n_before
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
