"""A container's quota counts beside the machine's processors, and threads have loads and priorities."""

from __future__ import annotations

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.execution import processors
from service.execution.processors import (
    LOW_PRIORITY,
    WINDOW_S,
    Load,
    count_processors,
    lower_priority,
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "90000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
    ids=["none", "half", "one", "old none", "old", "nonsense", "nothing"],
)
def test_a_quota_is_rounded_up(
    tmp_path: Path, files: dict[str, str], expected: int | None
) -> None:
    """The number of processors is the quota rounded up, never more than the affinity allows, and the affinity's where
    there is no quota.
    """
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert count_processors(tmp_path) == (expected or len(os.sched_getaffinity(0)))


def test_the_load_is_what_a_thread_computes() -> None:
    """A waiting thread has no load whatever others do, a computing one has, and the process has its share of the
    processors.
    """
    done = threading.Event()
    waiting = threading.Thread(target=done.wait)
    waiting.start()

    assert waiting.ident is not None

    loads = Load(waiting.ident), Load(threading.get_ident()), Load()
    computed_s = time.thread_time()
    while time.thread_time() - computed_s < 2 * WINDOW_S:
        pass

    # The process is looked at first: a pause of this thread between the looks makes its own share only smaller.
    whole, busy, idle = (load.look() for load in reversed(loads))
    done.set()
    waiting.join()

    assert idle < 0.01 < busy <= 1.01
    assert busy / count_processors() <= whole + 0.01 <= 1.02


def test_there_is_no_load_before_the_end_of_a_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too short a time says nothing, so that the load is 0 until a window has passed."""
    monkeypatch.setattr(processors, "WINDOW_S", 60.0)
    load = Load(threading.get_ident())

    assert [load.look(), load.look()] == [0.0, 0.0]


@pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux's")
def test_a_thread_gives_way_alone() -> None:
    """One thread's priority is lowered and the others keep theirs."""

    def read_priority() -> int:
        lower_priority(LOW_PRIORITY)
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read_priority).result() == LOW_PRIORITY

    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
