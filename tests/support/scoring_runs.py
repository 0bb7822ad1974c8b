"""Runs of `python -m scoring` are started, ended and counted here."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polars as pl

from tests.support.server import ROOT


def start_scoring(
    *words: object, python: str = sys.executable, **environment: object
) -> subprocess.Popen[str]:
    """Returns a run in a process of its own; what it says is in its pipes."""
    variables = {name: str(value) for name, value in environment.items()}
    return subprocess.Popen(
        [python, "-m", "scoring", *map(str, words)],
        cwd=ROOT,
        env=os.environ | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def count_done(out: Path) -> int:
    """Returns how many blocks have their summary."""
    return len(list((out / "summaries").glob("part-*.json")))


def count_rows(out: Path) -> Counter[tuple[str, object]]:
    """Returns how often the answers and the rows set aside have each row, by file and line."""
    rows = Counter[tuple[str, object]]()
    for path in sorted((out / "predictions").glob("part-*.parquet")):
        frame = pl.read_parquet(path)
        places = frame["line"] if "line" in frame.columns else [""] * frame.height
        rows.update(zip(frame["file"], places, strict=True))

    with (out / "set-aside.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            line = int(row["line"]) if row["line"] else ""
            rows[row["file"], line] += 1

    return rows


def read_outputs(out: Path) -> dict[str, bytes]:
    """Returns the content of each file of a run but that of the lock."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
