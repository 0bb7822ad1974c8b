"""A process is forked with one thread alone, and one that is just ending is waited for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.server import ROOT

PROGRAM = """
from threading import Event, Thread
from service.server.forking import has_one_thread
before = has_one_thread()
Thread(target=Event().wait, args=({wait_s},), daemon=True).start()
print(before, has_one_thread())
"""


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
