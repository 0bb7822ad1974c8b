"""`python -m benchmarks.scoring.rate` says how many rows a second a core scores, beside onnxruntime alone.

    python -m benchmarks.scoring.rate --rows 1000000

Both run the same files on the same rows, 1,024 at a time, on one thread. onnxruntime alone has its rows in memory as it
takes them; scoring reads a file, checks each value, writes the answers and waits for the disk. Rates are by processor
time, so that they hold on a machine that does other things meanwhile.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import polars as pl

from benchmarks.paths import ROOT, SHIPPED_MODELS

TASK = "breast_cancer"
ROWS_AT_A_TIME = 1024
SEED = 0
NOISE = 0.05


class Rate(NamedTuple):
    """A Rate is how many rows are scored in a second of one processor, and of the clock."""

    by_processor: float
    by_clock: float


def write_rows(folder: Path, n_rows: int) -> pl.DataFrame:
    """Writes held-out rows, drawn again and again with a little noise, as CSV and as Parquet."""
    held_out = pl.read_csv(SHIPPED_MODELS / f"{TASK}.held_out.csv")
    generator = np.random.default_rng(SEED)
    drawn = held_out[generator.integers(0, held_out.height, n_rows)]
    noisy = [
        (column * pl.Series(1 + NOISE * generator.normal(size=n_rows))).round(5)
        for column in drawn
        if column.dtype.is_float()
    ]
    frame = drawn.with_columns(noisy)
    frame.write_csv(folder / "rows.csv")
    frame.write_parquet(folder / "rows.parquet")

    return frame.drop("class")


def run_alone(names: list[str], rows: np.ndarray) -> Rate:
    """Returns the rate of onnxruntime alone: all models on all rows."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    sessions = [
        onnxruntime.InferenceSession(
            SHIPPED_MODELS / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
        )
        for name in names
    ]
    started, clock = time.process_time(), time.perf_counter()
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        batch = {"features": rows[start : start + ROWS_AT_A_TIME]}
        for session in sessions:
            session.run(["label", "probabilities"], batch)

    return Rate(
        len(rows) / (time.process_time() - started),
        len(rows) / (time.perf_counter() - clock),
    )


def run_scoring(
    names: list[str], path: Path, out: Path, n_rows: int, *further: str
) -> Rate:
    """Returns the rate of one process of `python -m scoring`, its start and its end included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock = time.perf_counter()
    words = [
        "--model",
        *names,
        "--data",
        path,
        "--out",
        out,
        "--workers",
        "1",
        *further,
    ]
    subprocess.run(
        [sys.executable, "-m", "scoring", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return Rate(n_rows / used_s, n_rows / (time.perf_counter() - clock))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring.rate")
    parser.add_argument("--rows", type=int, default=1_000_000)
    n_rows = parser.parse_args().rows
    everything = sorted(path.stem for path in SHIPPED_MODELS.glob(f"{TASK}-*.onnx"))
    asked = {
        "all classifiers": everything,
        "random_forest": [f"{TASK}-random_forest"],
        "logistic": [f"{TASK}-logistic"],
    }

    with tempfile.TemporaryDirectory(prefix="scoring-") as home:
        folder = Path(home)
        frame = write_rows(folder, n_rows)
        rows = frame.to_numpy().astype(np.float32)
        del frame
        print(
            "| models | what | rows/s of a processor | of onnxruntime | rows/s by the clock |"
        )
        print("|---|---|--:|--:|--:|")
        for shown, names in asked.items():
            alone = run_alone(names, rows)
            _print(shown, "onnxruntime alone", alone, alone)
            for what, suffix, further in (
                ("Parquet", "parquet", ()),
                ("CSV", "csv", ()),
                ("CSV with labels", "csv", ("--label", "class", "--keep-learnt")),
            ):
                out = folder / f"{shown} {what}"
                path = folder / f"rows.{suffix}"
                found = run_scoring(names, path, out, n_rows, *further)
                _print(shown, what, found, alone)


def _print(shown: str, what: str, rate: Rate, alone: Rate) -> None:
    share = rate.by_processor / alone.by_processor
    print(
        f"| {shown} | {what} | {rate.by_processor:,.0f} | {share:.2f} | {rate.by_clock:,.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
