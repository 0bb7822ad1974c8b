"""This module writes held-out rows or images of a task beside its models, for a server to show with their truth.

The rows of a table are written as CSV, all of them; of images some, as PNG, with the hashes of all.
"""

from __future__ import annotations

import csv
import io
import json
from base64 import b64encode
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from row_records import hash_rows
from training.data.datasets import Dataset
from training.data.images import ImageDataset, ParityImages
from training.export.gate import write_atomically

TABLE_SUFFIX = ".held_out.csv"
IMAGES_SUFFIX = ".held_out.json"
MAX_BYTES = 4 * 1024 * 1024
"""A server reads no larger file."""
MAX_IMAGES = 60
MAX_IMAGES_BYTES = 2_500_000


def write_examples(
    folder: Path, dataset: Dataset | ImageDataset, rows: NDArray[np.int64]
) -> str:
    """Writes the held-out rows of a classifier's data beside its file; returns what was written, or why nothing was.

    `rows` has their numbers in the data, in the order in which the file keeps answers to them.
    """
    if not dataset.classes:
        return "no examples were written: they are rows with a class, and this target has numbers"

    if isinstance(dataset, ParityImages):
        return "no examples were written: a published network is exported, and nothing was held out"

    if isinstance(dataset, ImageDataset):
        path = folder / f"{dataset.task}{IMAGES_SUFFIX}"
        content, n_rows = write_images(dataset, rows)
    else:
        path = folder / f"{dataset.task}{TABLE_SUFFIX}"
        content, n_rows = write_table(dataset, rows), len(rows)

    if len(content) > MAX_BYTES:
        return f"no examples were written: {n_rows} held-out rows take {len(content) // 10**6} MB, and a server reads 4"

    write_atomically(path, content)
    return (
        f"{path.name}: {n_rows} held-out examples with their truth, which a server of this folder shows to whom "
        "it answers"
    )


def write_table(dataset: Dataset, rows: NDArray[np.int64]) -> bytes:
    """Returns the CSV of these rows, the class last.

    Each number is the shortest text that is the same float32, a category is its name, and a gap is empty.
    """
    opened = io.StringIO(newline="")
    writer = csv.writer(opened, lineterminator="\n")
    writer.writerow([*dataset.feature_names, "class"])
    for row in rows:
        values = [
            _write_value(value, names)
            for value, names in zip(
                dataset.features[row], dataset.categories, strict=True
            )
        ]
        writer.writerow([*values, dataset.classes[int(dataset.target[row])]])

    return opened.getvalue().encode()


def _write_value(value: np.float32, names: tuple[str, ...] | None) -> str:
    if np.isnan(value):
        return ""
    if names is not None:
        return names[int(value)]

    return str(int(value)) if value == int(value) else str(value)


def write_images(dataset: ImageDataset, rows: NDArray[np.int64]) -> tuple[bytes, int]:
    """Returns the JSON of the first of these images, and how many they are."""
    images: list[dict[str, int | str]] = []
    n_bytes = 0
    for number, row in enumerate(rows[:MAX_IMAGES]):
        opened = io.BytesIO()
        Image.fromarray(dataset.pixels[row]).save(opened, "PNG", optimize=True)
        n_bytes += opened.tell()
        if n_bytes > MAX_IMAGES_BYTES:
            break

        images.append({"row": number, "png": b64encode(opened.getvalue()).decode()})

    hashes = hash_rows(dataset.pixels[rows]).astype("<u8").tobytes()
    document = {"hashes": b64encode(hashes).decode(), "images": images}
    return json.dumps(document, separators=(",", ":")).encode(), len(images)
