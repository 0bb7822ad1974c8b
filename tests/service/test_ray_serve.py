"""Ray Serve answers as the server does; the tests do not install it: `pip install 'veredicto[ray]'` runs this."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import NO_AUTHORITIES, ROOT, free_port
from tests.support.waiting import wait_until

HAS_SERVE = all(map(importlib.util.find_spec, ("ray", "starlette"))) and (
    importlib.util.find_spec("ray.serve") is not None
)
LIMIT_S = 300
SERVE = """
import signal, sys
import ray
from ray import serve
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=200_000_000)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
from service.ray_serve import application
serve.run(application, route_prefix="/")
print("served", flush=True)
signal.sigwait([signal.SIGTERM])
serve.shutdown()
ray.shutdown()
"""
TIMES = re.compile(rb'("\w+_ms":)[0-9.e-]+')
REQUESTS = (
    ("POST", "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}),
    ("POST", "/predict_proba", {"model": "colour-first", "inputs": [[0, "blue"]] * 9}),
    ("POST", "/compare", {"task": "colour", "inputs": [[1, "green"]]}),
    ("POST", "/predict", {"model": "colour-frist", "inputs": [[1, "red"]]}),
    ("POST", "/predict", {"model": "colour-first", "inputs": [[1, "pink"]]}),
    ("GET", "/v2/models/colour-first", None),
    ("GET", "/nothing", None),
)

pytestmark = [
    pytest.mark.skipif(not HAS_SERVE, reason="the extra ray is not installed"),
    pytest.mark.slow,
]


@pytest.fixture
def ray_url(models: Path) -> Iterator[str]:
    """Serves the tiny models by Ray Serve, in a cluster of its own."""
    port = free_port()
    variables = {"VEREDICTO_MODELS": str(models), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    yield f"http://127.0.0.1:{port}"

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT_S)
    assert said == "served\n"


def ask(url: str, request: tuple[str, str, Any]) -> tuple[int, str, bytes]:
    method, path, body = request
    content = None if body is None else json.dumps(body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    answer = httpx.request(
        method,
        url + path,
        content=content,
        headers=headers,
        timeout=LIMIT_S,
        verify=NO_AUTHORITIES,
    )
    content_without_times = TIMES.sub(rb"\1", answer.content)
    return answer.status_code, answer.headers["Content-Type"], content_without_times


def test_answers_and_errors_are_those_of_the_server(
    ray_url: str, models: Path, start_server: Callable[..., Any]
) -> None:
    """Status, type and body are the same bytes but for times, whatever is asked for."""
    ready = f"{ray_url}/readyz"
    wait_until(
        lambda: httpx.get(ready, verify=NO_AUTHORITIES).status_code == 200, LIMIT_S
    )
    with start_server(VEREDICTO_MODELS=models) as server:
        expected = [ask(server.url, each) for each in REQUESTS]
    found = [ask(ray_url, each) for each in REQUESTS]

    assert found == expected
