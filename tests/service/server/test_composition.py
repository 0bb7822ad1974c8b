"""Several files are loaded at once at a start, and one that ends its process keeps no other from being served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clients import LIMIT_S
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_tiny
from tests.support.waiting import wait_until

CRASH = """
import os, signal, sys

if any(each.startswith("service.server.worker") for each in sys.orig_argv):
    import onnxruntime

    load = onnxruntime.InferenceSession

    def crash_or_load(graph, *arguments, **options):
        if b"colour-crash" in graph:
            os.kill(os.getpid(), signal.SIGSEGV)
        return load(graph, *arguments, **options)

    onnxruntime.InferenceSession = crash_or_load
"""
"""Python runs this ahead of each process: one file ends those that load it, as a fault in onnxruntime would."""


COUNT_THREADS = """
import os, pathlib, sys

if any(each.startswith("service.processes.reload_trial") for each in sys.orig_argv):
    import numpy

    pathlib.Path(os.environ["COUNTED"]).write_text(str(len(os.listdir("/proc/self/task"))))
"""
"""Python runs this ahead of each process: the one that copies the models says how many threads it has with numpy."""


def test_numpy_has_one_thread_where_models_are_copied(
    models: Path, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    """Threads of numpy, of which it makes one for each processor, would take the start longer than all its import."""
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(COUNT_THREADS)
    counted = tmp_path / "counted"
    with start_server(VEREDICTO_MODELS=models, PYTHONPATH=startup, COUNTED=counted):
        assert counted.read_text() == "1"


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_file_that_ends_the_process_is_the_only_one_refused(
    models: Path, tmp_path: Path, start_server: Callable[..., Server], n_workers: int
) -> None:
    """The file is named with the reason, and all that was loaded beside it is served."""
    write_tiny(models, tiny_card(family="crash"))
    write_tiny(models, tiny_card(family="also"))
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(CRASH)

    with start_server(
        VEREDICTO_MODELS=models,
        VEREDICTO_STRICT=0,
        VEREDICTO_WORKERS=n_workers,
        PYTHONPATH=startup,
    ) as server:
        wait_until(lambda: server.client.get("/readyz").status_code == 200, LIMIT_S)
        listed = server.client.post("/v2/repository/index", json={}).json()

    states = {each["name"]: (each["state"], each.get("reason")) for each in listed}
    reason = "its load ended the process that loaded it"
    assert states.pop("colour-crash")[1] == reason
    assert set(states) == {"colour-first", "colour-second", "colour-also"}
    assert {state for state, _ in states.values()} == {"READY"}
