"""Tables of the tiny models' task are written here, with labels that are mostly right."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tests.support.tiny_models import COLOURS, tiny_probabilities


def write_rows(path: Path, *, n_rows: int = 60, seed: int = 0) -> Path:
    """Labels as `colour-first` would give them, but for one in eight."""
    generator = np.random.default_rng(seed)
    features = np.stack(
        [generator.uniform(-1, 1, n_rows), generator.integers(0, 3, n_rows)], axis=1
    )
    label = tiny_probabilities(features).argmax(axis=1) ^ (
        generator.random(n_rows) < 0.125
    )

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["size", "colour", "answer"])

        for (size, colour), each in zip(features, label, strict=True):
            writer.writerow(
                [repr(float(size)), COLOURS[int(colour)], ("no", "yes")[each]]
            )

    return path
