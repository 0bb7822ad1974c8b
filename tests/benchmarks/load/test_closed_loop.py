"""A run of closed-loop load ends once the server is done with what its clients have left."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.contenders.contender import CONTENDERS
from benchmarks.contenders.processes import ContenderFailed, Server
from benchmarks.load import closed_loop
from benchmarks.resources import ProcessTree
from tests.support.waiting import wait_until

BUSY_S = 0.5
WORK = """
import sys
from pathlib import Path
from time import process_time, sleep
while process_time() < float(sys.argv[1]):
    pass
Path(sys.argv[2]).touch()
sleep(60)
"""


@contextmanager
def serve(busy_s: float, done: Path) -> Iterator[Server]:
    """Runs a process that computes for so many seconds of processor, says that it is done, and rests.

    It computes when the block begins, which on a busy machine is a while after it was started.
    """
    process = subprocess.Popen([sys.executable, "-c", WORK, str(busy_s), str(done)])
    try:
        tree = ProcessTree(process.pid)
        wait_until(lambda: tree.cpu_s() > BUSY_S / 5)
        yield Server(contender=CONTENDERS[0], port=0, tree=tree, start_s=0.0)
    finally:
        process.kill()
        process.wait()


def test_a_run_ends_when_its_server_is_idle(tmp_path: Path) -> None:
    """A server that goes on computing for clients that have left is waited for."""
    done = tmp_path / "done"
    with serve(BUSY_S, done) as server:
        closed_loop.wait_until_idle(server)

        assert done.exists()
        assert server.tree.cpu_s() >= BUSY_S * 0.9


def test_a_server_that_never_rests_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that computes on and on has no figures."""
    monkeypatch.setattr(closed_loop, "WRK_LIMIT_S", 1)
    with (
        serve(60, tmp_path / "done") as server,
        pytest.raises(ContenderFailed, match="is not done 1 s after its last client"),
    ):
        closed_loop.wait_until_idle(server)
