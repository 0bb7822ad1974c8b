"""A fork server that dies or cannot be forked keeps no worker from serving; a small script takes its place here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.processes.fork_server import ForkedProcess
from tests.support.server import ROOT
from tests.support.waiting import wait_until

LIMIT_S = 60
WORKER = """
import json, os, signal, sys, time
sys.path.insert(0, {root!r})
from service.processes.link import open_link
number = next(each for each in sys.argv[1:] if each.isdecimal())
link = open_link()
with open({notes!r}, "a") as file:
    file.write(json.dumps([number, link.first["refused"]]) + "\\n")
if number == "0":
    link.tell_loading("colour-first.onnx")
    if not link.first["refused"]:
        os.kill(os.getpid(), signal.SIGKILL)
    link.send("loaded", can_fork=False)
else:
    link.send("ready")
parent = os.getppid()
while os.getppid() == parent:
    link.send("beat")
    time.sleep(0.05)
"""
SUPERVISE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from service.launch import TRIAL
from service.processes.listening import listen
from service.processes.reloader import ReloadOptions
from service.processes.supervisor import Supervisor
from service.processes.supervisor_options import SupervisorOptions
options = SupervisorOptions(
    command=lambda descriptor, number: [sys.executable, {script!r}, str(number)],
    folder={folder!r}, n_workers=2, drain_s=0, grace_s=1, load_s=60, shares_models=True,
    reload=ReloadOptions(
        source=Path({models!r}), store=Path({folder!r}) / "store", command=TRIAL,
        max_model_bytes=10**6, reload_s=None, environment={{"PYTHONPATH": {root!r}}},
        count_reload=lambda _: None,
    ),
)
sys.exit(Supervisor(listen("127.0.0.1", 0, 8), options).run())
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others fork no worker")


def read_notes(path: Path) -> list[tuple[str, dict[str, str]]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def test_a_file_that_ends_the_fork_server_is_refused_and_workers_serve_without_it(
    models: Path, tmp_path: Path
) -> None:
    """The second fork server is told of the file; it cannot be forked, so that both workers load what is left."""
    notes = tmp_path / "notes"
    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(root=str(ROOT), notes=str(notes)))
    code = SUPERVISE.format(
        root=str(ROOT), script=str(script), folder=str(tmp_path), models=str(models)
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    try:
        wait_until(lambda: len(read_notes(notes)) == 4, LIMIT_S)
    finally:
        # The workers end with it.
        process.kill()
        process.wait()

    refused = {"colour-first.onnx": "its load ended the process that loaded it"}
    first, second, *workers = read_notes(notes)
    assert first == ("0", {})
    assert second == ("0", refused)
    assert sorted(workers) == [("1", refused), ("2", refused)]


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 3)])
def test_a_forked_process_is_heard_of_as_one_that_was_started(
    status: int, code: int
) -> None:
    """The end of a forked process is its exit status, which stays."""
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", f"raise SystemExit({status})"],
        os.environ,
    )
    process = ForkedProcess(pid)

    assert process.wait() == code
    assert process.poll() == code


def test_a_forked_process_that_is_killed_ended_by_a_signal() -> None:
    """The status is negative, as that of `subprocess.Popen`."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "input()"], os.environ)
    process = ForkedProcess(pid)
    process.kill()

    assert process.wait() == -9
    process.kill()
