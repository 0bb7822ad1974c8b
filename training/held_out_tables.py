"""`python -m training.held_out_tables` writes the held-out rows of the bundled tasks beside their models, as CSV.

A table has the features and the class last. It is written where its rows are those that a file of the task keeps
answers to, so that a server may show them with their truth.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from row_records import fingerprint_held_out, hash_rows, read_held_out
from training.data.datasets import DATASETS, Dataset, load, split

EXPORTED_MODELS = Path(__file__).resolve().parent.parent / "exported_models"
SUFFIX = ".held_out.csv"
SEED = 0
"""The shipped files were made with this seed."""


def main(folder: Path = EXPORTED_MODELS) -> int:
    """Writes the table of each bundled task whose models are in the folder, and says which."""
    for task in DATASETS:
        dataset = load(task)
        rows = split(dataset, seed=SEED).held_out
        if dataset.classes and _fingerprint(dataset, rows) in _read_kept(folder, task):
            path = folder / f"{task}{SUFFIX}"
            write_table(path, dataset, rows)
            sys.stdout.write(f"{path.name}: {len(rows)} rows\n")

    return 0


def write_table(path: Path, dataset: Dataset, rows: NDArray[np.int64]) -> None:
    """Writes these rows, each number as the shortest text that is the same float32."""
    with path.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow([*dataset.feature_names, "class"])
        for row in rows:
            values = [_write_number(value) for value in dataset.features[row]]
            writer.writerow([*values, dataset.classes[int(dataset.target[row])]])


def _write_number(value: np.float32) -> str:
    """Returns the shortest text of a number, without a fraction where it has none."""
    return str(int(value)) if value == int(value) else str(value)


def _fingerprint(dataset: Dataset, rows: NDArray[np.int64]) -> str:
    truth = dataset.target[rows].astype(np.int64)
    return fingerprint_held_out(hash_rows(dataset.features[rows]), truth)


def _read_kept(folder: Path, task: str) -> set[str]:
    """Returns the fingerprints of the held-out rows that the task's files keep answers to."""
    found = set()
    for path in folder.glob(f"{task}-*.onnx"):
        properties = onnx.load(path).metadata_props
        record = read_held_out({each.key: each.value for each in properties})
        if record is not None:
            found.add(record.rows)

    return found


if __name__ == "__main__":
    sys.exit(main())
