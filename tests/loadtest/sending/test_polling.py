"""The generator knows how long others had its processor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from loadtest.sending.polling import read_waiting_s

LIMIT_S = 30
WAITED_S = 0.05
"""Two busy processes on one processor give way to each other many times until one of them has waited for so long."""


@pytest.fixture
def shared_processor() -> Iterator[int]:
    """This thread and a process that never rests have one processor together."""
    allowed = os.sched_getaffinity(0)
    processor = min(allowed)
    os.sched_setaffinity(0, {processor})
    rival = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
    try:
        yield processor
    finally:
        rival.kill()
        rival.wait()
        os.sched_setaffinity(0, allowed)


@pytest.mark.usefixtures("shared_processor")
@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="the kernel does not count it"
)
def test_time_without_a_processor_is_counted() -> None:
    """A thread that would run and may not has waited, which its own processor time does not show."""
    start_s = read_waiting_s()
    until_s = monotonic() + LIMIT_S
    while read_waiting_s() - start_s < WAITED_S:
        assert monotonic() < until_s
