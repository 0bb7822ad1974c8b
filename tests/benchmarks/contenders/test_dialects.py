"""Dialects send the very numbers of a workload, and know right answers from wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.contenders import dialects
from benchmarks.workloads.workload import make_workloads


def test_json_holds_the_very_numbers(folder: Path) -> None:
    """Every float32 comes out of its decimal digits again."""
    (rows,) = make_workloads(folder, ["rows"])
    sent = json.loads(dialects.NATIVE.make_request(rows).body)["inputs"]
    assert np.array_equal(np.array(sent, dtype=np.float32), rows.inputs)


def test_a_wrong_label_is_not_right(folder: Path) -> None:
    """Names and indices of the right labels are right, others are not."""
    (row,) = make_workloads(folder, ["row"])
    right = json.dumps({"predictions": row.predictions}).encode()
    assert dialects.NATIVE.is_right(row, right, {})
    assert not dialects.NATIVE.is_right(row, b'{"predictions": ["benign"]}', {})
    assert dialects.METHOD.is_right(row, json.dumps(row.labels).encode(), {})
