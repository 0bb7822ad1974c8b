"""The program of a worker is looked at in a real server, which logs the imports of its processes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from service.server.worker import main
from tests.support.clients import find_workers
from tests.support.server import Server, free_port

ARENA_BYTES = 64 * 1024 * 1024
"""glibc reserves so much address space, at a multiple of it, for each arena but the first."""
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


def count_arenas(pid: int) -> int:
    """Returns how many arenas of glibc's allocator a process has beside the first: each is used in part."""
    mappings = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, access = line.split()[:2]
        start, end = (int(each, 16) for each in addresses.split("-"))
        mappings.append((start, end, access))

    return sum(
        access == "rw-p"
        and start % ARENA_BYTES == 0
        and rest == (end, start + ARENA_BYTES, "---p")
        for (start, end, access), rest in pairwise(mappings)
    )


@pytest.mark.skipif(sys.platform != "linux", reason="maps of memory are Linux's")
@pytest.mark.parametrize(
    ("settings", "has_arenas"),
    [({}, False), ({"MALLOC_ARENA_MAX": 8}, True)],
    ids=["as it is", "as an operator sets it"],
)
def test_all_threads_share_one_arena(
    models: Path,
    start_server: Callable[..., Server],
    *,
    settings: dict[str, int],
    has_arenas: bool,
) -> None:
    """A worker's threads allocate from one arena, so that each may use what another has freed."""
    with start_server(
        VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=free_port(), **settings
    ) as server:
        answer = server.post(
            "/predict", {"model": "colour-first", "inputs": [[1, "red"]]}
        )
        (worker,) = find_workers(server)

        assert answer.status_code == 200
        assert (count_arenas(worker) > 0) is has_arenas


def test_a_worker_needs_a_socket(capsys: pytest.CaptureFixture[str]) -> None:
    """The program says what it lacks where somebody starts it by hand."""
    with pytest.raises(SystemExit):
        main([])

    assert "the following arguments are required: --fd" in capsys.readouterr().err
