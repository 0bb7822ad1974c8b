"""`python -m benchmarks.scoring.nodes` says how much faster two nodes of Ray score than one; it needs the extra ray.

    python -m benchmarks.scoring.nodes --rows 1000000 --rounds 3

Each node is of one processor, and all are on this machine, which needs two free ones besides those two: the clock is
read. One node and two take turns, and the start of the actors is part of a run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from ray.cluster_utils import Cluster

from benchmarks.paths import ROOT, SHIPPED_MODELS
from benchmarks.scoring.rate import TASK, write_rows

COUNTS = (1, 2)


def start_nodes(n_nodes: int, stack: ExitStack) -> Any:
    """Returns a cluster whose head has no processor, so that the nodes alone score."""
    head = {"num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    stack.callback(cluster.shutdown)
    for _ in range(n_nodes):
        cluster.add_node(num_cpus=1)

    return cluster


def time_scoring(folder: Path, out: Path, n_nodes: int) -> float:
    """Returns the seconds of one run over so many nodes, from the command to its end."""
    with ExitStack() as stack:
        cluster = start_nodes(n_nodes, stack)
        words = ["--task", TASK, "--data", folder / "rows.parquet", "--out", out]
        words += ["--models", SHIPPED_MODELS, "--ray", cluster.address]
        started = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "scoring", *map(str, words)],
            cwd=ROOT,
            env=os.environ | {"POLARS_MAX_THREADS": "1", "PYTHONPATH": str(ROOT)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring.nodes")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    taken_s: dict[int, list[float]] = {n_nodes: [] for n_nodes in COUNTS}
    with tempfile.TemporaryDirectory(prefix="scoring-") as home:
        folder = Path(home)
        write_rows(folder, options.rows)
        for number in range(options.rounds):
            for n_nodes in COUNTS:
                out = folder / f"round-{number}-nodes-{n_nodes}"
                taken_s[n_nodes].append(time_scoring(folder, out, n_nodes))
                print(f"{n_nodes} nodes: {taken_s[n_nodes][-1]:.1f} s", flush=True)

    one_s, two_s = (median(taken_s[n_nodes]) for n_nodes in COUNTS)
    print(f"two nodes are {one_s / two_s:.2f} times as fast as one")


if __name__ == "__main__":
    main()
