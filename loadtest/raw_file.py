"""This module writes all requests of a test to a Parquet file, which `--replay` reads again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from cli.places import write_file
from loadtest.run import Run


def write(runs: Sequence[Run], path: Path) -> None:
    """Writes a row for each request: its repeat, when it was due, its latency, and what came of it."""
    frames = [
        pl.DataFrame(
            {
                "repeat": np.full(len(run.samples.due_s), number, dtype=np.uint16),
                "due_s": run.samples.due_s,
                "latency_ms": (1000 * run.samples.latency_s).astype(np.float32),
                "outcome": np.array(run.samples.kinds)[run.samples.outcomes],
            }
        )
        for number, run in enumerate(runs, start=1)
    ]
    content = io.BytesIO()
    pl.concat(frames).write_parquet(content, compression="zstd")
    write_file(path, content.getvalue())
