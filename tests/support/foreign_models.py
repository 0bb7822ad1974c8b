"""Models of other libraries are exported here for tests, with the rows that they have not learnt."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.adopt.__main__ import main

FLOWERS = ("setosa", "versicolor", "virginica")


def make_flowers(n_rows: int = 120) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Returns generated flowers `(n_rows, 4)` and their names, three clouds that overlap a little."""
    generator = np.random.default_rng(7)
    kinds = np.arange(n_rows) % 3
    features = kinds[:, None] + generator.normal(scale=0.5, size=(n_rows, 4))
    return features.astype(np.float32), np.array(FLOWERS)[kinds]


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Writes a table and returns its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
    return path


def write_flowers(folder: Path, *, seed: int = 1, n_rows: int = 60) -> Path:
    """Writes a table of other flowers, whose last column is their name."""
    generator = np.random.default_rng(seed)
    kinds = np.arange(n_rows) % 3
    features = kinds[:, None] + generator.normal(scale=0.5, size=(n_rows, 4))
    rows = [
        [*(f"{each:.4f}" for each in row), FLOWERS[kind]]
        for row, kind in zip(features, kinds, strict=True)
    ]
    return write_csv(folder / "flowers.csv", ["a", "b", "c", "d", "kind"], rows)


def adopt(*words: str | Path) -> int:
    """Runs the command in this process and returns its exit code."""
    return main([str(each) for each in words])
