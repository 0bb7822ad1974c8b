"""The program of a worker is looked at in a real server, which logs the imports of its processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from service.server.worker import main
from tests.support.server import Server

LIBRARIES = ("numpy.random._pickle", "importlib.metadata", "uvloop", "websockets")


def has_imported(server: Server, module: str) -> bool:
    """Returns whether a process of the server has imported a module, by Python's own log of imports."""
    lines = server.log.read_text().splitlines()
    return any(line.rpartition("|")[2].strip() == module for line in lines)


def test_no_worker_imports_bentoml(
    models: Path, start_server: Callable[..., Server]
) -> None:
    """Calls and views need no BentoML, nor do the files of Swagger UI, and the description that its client reads."""
    with start_server(VEREDICTO_MODELS=models, PYTHONPROFILEIMPORTTIME=1) as server:
        answer = server.post(
            "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
        )
        swagger = server.client.get("/static_content/swagger-ui.css")
        described = server.client.get("/schema.json")
        asked = server.client.head("/schema.json")

        assert answer.status_code == 200
        assert swagger.headers["content-type"].startswith("text/css")
        assert described.headers["content-type"] == "application/json"
        assert described.json()["name"] == "veredicto"
        assert described.headers.get_list("x-content-type-options") == ["nosniff"]
        assert asked.headers["content-length"] == str(len(described.content))
        assert "veredicto_request" in server.client.get("/metrics").text
        assert has_imported(server, "onnxruntime")
        assert not has_imported(server, "bentoml")


def test_what_serves_is_imported_before_the_models_are_loaded(
    models: Path, start_server: Callable[..., Server]
) -> None:
    """No library is left for the time in which nothing but the imports is waited for."""
    with start_server(VEREDICTO_MODELS=models, PYTHONPROFILEIMPORTTIME=1) as server:
        before, after = server.log.read_text().split("serving 2 models", maxsplit=1)

    late = {name for name in LIBRARIES if f" {name}\n" in after}
    assert late == set()
    assert f" {LIBRARIES[0]}\n" in before


def test_a_worker_needs_a_socket(capsys: pytest.CaptureFixture[str]) -> None:
    """The program says what it lacks where somebody starts it by hand."""
    with pytest.raises(SystemExit):
        main([])

    assert "the following arguments are required: --fd" in capsys.readouterr().err
