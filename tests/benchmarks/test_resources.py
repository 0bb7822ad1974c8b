"""Resources of a process tree are read from /proc."""

from __future__ import annotations

import threading

from benchmarks.resources import ProcessTree


def test_a_tree_has_memory_and_processor_time() -> None:
    """The tree of this very process has memory and processor time."""
    tree = ProcessTree(threading.main_thread().native_id or 0)
    assert tree.memory_mib() > 1
    assert tree.cpu_s() > 0
