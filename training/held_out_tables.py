"""`python -m training.held_out_tables` writes the held-out rows of the bundled tasks beside their models, as CSV.

A table has the features and the class last. It is written where its rows are those that a file of the task keeps
answers to, so that a server may show them with their truth.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from row_records import fingerprint_held_out, hash_rows, read_held_out
from training.data.datasets import DATASETS, Dataset, load, split
from training.held_out_examples import TABLE_SUFFIX, write_table

EXPORTED_MODELS = Path(__file__).resolve().parent.parent / "exported_models"
SEED = 0
"""The shipped files were made with this seed."""


def main(folder: Path = EXPORTED_MODELS) -> int:
    """Writes the table of each bundled task whose models are in the folder, and says which."""
    for task in DATASETS:
        dataset = load(task)
        rows = split(dataset, seed=SEED).held_out
        if dataset.classes and _fingerprint(dataset, rows) in _read_kept(folder, task):
            path = folder / f"{task}{TABLE_SUFFIX}"
            path.write_bytes(write_table(dataset, rows))
            sys.stdout.write(f"{path.name}: {len(rows)} rows\n")

    return 0


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
