"""A container's quota counts, not only the machine's processors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.processors import count_processors


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
def test_a_quota_is_rounded_up(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    """And never more than the affinity allows; without one that alone counts."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert count_processors(tmp_path) == (expected or len(os.sched_getaffinity(0)))
