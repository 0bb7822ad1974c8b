"""Workloads have the same inputs each time, and labels that tell a wrong server from a right one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.workloads.workload import NAMES, make_workloads


def test_workloads_are_the_same_each_time(folder: Path) -> None:
    """Two makings of the workloads have equal inputs, labels and photographs."""
    for first, second in zip(
        make_workloads(folder, list(NAMES)),
        make_workloads(folder, list(NAMES)),
        strict=True,
    ):
        assert np.array_equal(first.inputs, second.inputs)
        assert (first.labels, first.photo) == (second.labels, second.photo)


def test_rows_have_both_classes(folder: Path) -> None:
    """A server that always answers the same label would be found out."""
    (rows,) = make_workloads(folder, ["rows"])
    assert set(rows.labels) == {0, 1}
