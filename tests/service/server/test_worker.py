"""The program of a worker is looked at in a real server, which logs the imports of its processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from service.errors import NotReady
from service.server.description import describe
from service.server.worker import main
from tests.support.server import ROOT, Server

MAX_GROWN_BYTES = 20 * 1024 * 1024
"""BentoML takes 45 MB of the process that imports it."""
OWN_DESCRIPTION = """
import json
from service.app import Veredicto
print(json.dumps(Veredicto.schema()))
"""


def has_imported(server: Server, module: str) -> bool:
    """Returns whether a process of the server has imported a module, by Python's own log of imports."""
    lines = server.log.read_text().splitlines()
    return any(line.rpartition("|")[2].strip() == module for line in lines)


def test_bentoml_is_imported_when_something_asks_for_it(
    models: Path, start_server: Callable[..., Server]
) -> None:
    """Calls, views and the files of Swagger UI need no BentoML; its client's description needs it once, in a process."""
    with start_server(VEREDICTO_MODELS=models, PYTHONPROFILEIMPORTTIME=1) as server:
        answer = server.post(
            "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
        )
        swagger = server.client.get("/static_content/swagger-ui.css")

        assert answer.status_code == 200
        assert swagger.headers["content-type"].startswith("text/css")
        assert server.client.get("/metrics").status_code == 200
        assert has_imported(server, "onnxruntime")
        assert not has_imported(server, "bentoml")

        described = server.client.get("/schema.json").json()

        assert described["name"] == "veredicto"
        assert "predict" in {route["name"] for route in described["routes"]}
        assert has_imported(server, "bentoml")
        assert server.client.get("/schema.json").json() == described
        assert "veredicto_request" in server.client.get("/metrics").text


def test_the_description_is_bentoml_s_own() -> None:
    """Another process says of BentoML's service what it would have told its client here."""
    found = subprocess.run(
        [sys.executable, "-c", OWN_DESCRIPTION],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )

    assert json.loads(describe()) == json.loads(found.stdout)


def test_the_description_leaves_no_bentoml_in_the_worker(
    models: Path, start_server: Callable[..., Server]
) -> None:
    """What a worker has for itself stays as it was, and HEAD has the length of what GET has."""
    with start_server(VEREDICTO_MODELS=models) as server:
        assert server.client.get("/models").status_code == 200
        (worker,) = psutil.Process(server.process.pid).children()
        before_bytes = worker.memory_full_info().uss
        described = server.client.get("/schema.json")
        asked = server.client.head("/schema.json")
        grown_bytes = worker.memory_full_info().uss - before_bytes

    assert described.headers["content-type"] == "application/json"
    assert asked.headers["content-length"] == str(len(described.content))
    assert asked.content == b""
    assert grown_bytes < MAX_GROWN_BYTES


def test_a_description_that_cannot_be_written_may_be_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that refuses to start has said why in the log, and the client is told to try again."""
    monkeypatch.setenv("VEREDICTO_WORKERS", "none")

    with pytest.raises(NotReady, match="could not be written: try again"):
        describe()

    assert "description could not be written" in caplog.text


def test_a_worker_needs_a_socket(capsys: pytest.CaptureFixture[str]) -> None:
    """The program says what it lacks where somebody starts it by hand."""
    with pytest.raises(SystemExit):
        main([])

    assert "the following arguments are required: --fd" in capsys.readouterr().err
