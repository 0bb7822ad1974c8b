"""onnxruntime runs alone, in a process of its own, on inputs that lie ready: the limit that no server can pass."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.contenders.processes import make_variables, pin_to_first_processor
from benchmarks.load.closed_loop import ClosedLoopResult
from benchmarks.paths import ROOT
from benchmarks.workloads.workload import Workload

PROGRAM = "benchmarks.servers.in_process"


def measure(
    python: Path, workload: Workload, scratch: Path, *, seconds: int
) -> ClosedLoopResult:
    """Runs the workload's models for so many seconds; the inputs are written to the folder `scratch`."""
    inputs = scratch / "inputs.npy"
    np.save(inputs, workload.inputs)
    words = [python, "-m", PROGRAM, inputs, seconds, *workload.files]

    printed = subprocess.run(
        [*pin_to_first_processor(), *map(str, words)],
        cwd=ROOT,
        env=make_variables(),
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    found = json.loads(printed)
    rate = found["runs"] / found["seconds"]
    cpu_s = found["cpu_s"] / found["runs"] * 1000

    return ClosedLoopResult(
        rate=rate, cpu_s_per_1000=cpu_s, p50_ms=1000 / rate, p99_ms=0.0
    )
