"""A process is forked only where it has one thread; one that has just ended is not counted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.server import ROOT

COUNT = """
import threading
from service.server.forking import has_one_thread
ends = threading.Event()
thread = threading.Thread(target=ends.wait, args=({lasts_s},), daemon=True)
thread.start()
print(has_one_thread())
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="others fork no worker")


@pytest.mark.parametrize(("lasts_s", "found"), [(0.2, "True"), (600, "False")])
def test_a_thread_that_is_about_to_end_is_waited_for(
    lasts_s: float, found: str
) -> None:
    """One that goes on is what keeps a process from being forked."""
    code = COUNT.format(lasts_s=lasts_s)
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)

    assert answer.stdout.decode().split() == [found]
