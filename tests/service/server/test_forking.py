"""A process is forked with one thread alone, and one that is just ending is waited for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.clients import find_workers
from tests.support.server import ROOT, SERVICE, serve

PROGRAM = """
from threading import Event, Thread
from service.server.forking import has_one_thread
before = has_one_thread()
Thread(target=Event().wait, args=({wait_s},), daemon=True).start()
print(before, has_one_thread())
"""

WITHOUT_PROC = ("-rm", "sh", "-c", 'mount -t tmpfs none /proc && exec "$0" "$@"')
"""With these words `unshare` starts a program that sees nothing in /proc."""


def may_hide_proc() -> bool:
    """Returns whether this user may make a world without /proc here."""
    program = shutil.which("unshare")
    if program is None:
        return False
    tried = subprocess.run(
        [program, *WITHOUT_PROC, "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a fork server")
@pytest.mark.parametrize(("wait_s", "expected"), [(0.05, "True"), (60, "False")])
def test_a_thread_that_ends_is_waited_for(wait_s: float, expected: str) -> None:
    """The system still has a thread that was joined, for longer on a busy machine; one that stays forbids a fork."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(wait_s=wait_s)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.split() == ["True", expected]


@pytest.mark.skipif(not may_hide_proc(), reason="/proc cannot be hidden here")
def test_workers_serve_without_proc(models: Path, tmp_path: Path) -> None:
    """Each worker loads the models itself, and says why, where nothing tells how many threads a process has."""
    words = (*WITHOUT_PROC, sys.executable, *SERVICE)
    request = {"model": "colour-first", "inputs": [[1, "green"]]}
    with serve(
        tmp_path,
        python="unshare",
        words=words,
        VEREDICTO_MODELS=models,
        VEREDICTO_WORKERS=2,
    ) as server:
        answered = server.post("/predict", request)
        workers = find_workers(server)

    assert answered.status_code == 200
    assert len(workers) == 2
    assert server.process.returncode == 0
    assert "each worker loads the models itself: there is no /proc" in (
        server.log.read_text()
    )
